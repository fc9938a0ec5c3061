//! Numbered pages of ten items, as the Hooks app lists them.

use std::{convert::Infallible, ops::Range};

use axum::{
    Json,
    extract::FromRequestParts,
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use thorn_core::webhook::Listed;
use url::form_urlencoded;

use crate::http::{NO_STORE, Problem};

/// Items on a page.
const ITEMS: u64 = 10;

/// The page that a request asks for with `?page=`. `None` is a text that is no number of a page.
pub(super) struct PageNumber(Option<u64>);

/// A page, with its members in this order.
#[derive(Serialize)]
struct Page<T> {
    count: u64,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<T>,
}

impl<S: Send + Sync> FromRequestParts<S> for PageNumber {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        let given = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "page").last();
        let number = given.map_or(Some(1), |(_, text)| text.parse().ok());
        Ok(Self(number.filter(|number| (1..=i64::MAX as u64 / ITEMS).contains(number))))
    }
}

impl PageNumber {
    /// The items of the list that stand on the page.
    pub(super) fn items(&self) -> Result<Range<u64>, Problem> {
        let number = self.0.ok_or_else(no_such_page)?;
        Ok((number - 1) * ITEMS..number * ITEMS)
    }

    /// The answer with the page's items. `list` is the URL of the list.
    pub(super) fn answer<T, R: Serialize>(
        &self,
        list: &str,
        listed: &Listed<T>,
        result: impl Fn(&T) -> R,
    ) -> Result<Response, Problem> {
        let items = self.items()?;
        // The first page of an empty list is there.
        if items.start > 0 && items.start >= listed.count {
            return Err(no_such_page());
        }
        let number = items.end / ITEMS;
        let page = Page {
            count: listed.count,
            next: (items.end < listed.count).then(|| format!("{list}?page={}", number + 1)),
            previous: match number {
                1 => None,
                2 => Some(list.to_owned()),
                _ => Some(format!("{list}?page={}", number - 1)),
            },
            results: listed.items.iter().map(result).collect(),
        };
        Ok(([NO_STORE], Json(page)).into_response())
    }
}

fn no_such_page() -> Problem {
    Problem::new(StatusCode::NOT_FOUND).detail("The list has no such page.")
}
