//! Pages of a list: the query that asks for one, and the link to the next.

use std::{fmt::Display, str::FromStr};

use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderName, HeaderValue, header::LINK, request::Parts},
};
use serde::Deserialize;
use thorn_core::Error;
use url::form_urlencoded;

use super::problem::Problem;

/// Items on a page at most, and by default.
const MAX_LIMIT: usize = 1000;

/// Which page of a list the caller wants: `?limit=` and `?cursor=`.
///
/// Callers take the cursor from the `Link` header of the page before. `C` is the id of an item.
pub(crate) struct PageQuery<C> {
    limit: usize,
    /// The last item of the page before.
    cursor: Option<C>,
}

#[derive(Deserialize)]
struct Params {
    limit: Option<String>,
    cursor: Option<String>,
}

impl<S: Send + Sync, C: FromStr> FromRequestParts<S> for PageQuery<C> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(params) = Query::<Params>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::invalid_fields().detail(error.body_text()))?;
        let limit = params.limit.map_or(Some(MAX_LIMIT), |text| text.parse().ok());
        let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
            Problem::invalid_fields().field("limit", format!("Must be a whole number from 1 to {MAX_LIMIT}."))
        })?;
        let cursor = match params.cursor {
            Some(text) => Some(text.parse().map_err(|_| unknown_cursor())?),
            None => None,
        };
        Ok(Self { limit, cursor })
    }
}

impl<C: Copy + Display> PageQuery<C> {
    /// The last item of the page before; `None` for the first page.
    pub(crate) fn cursor(&self) -> Option<C> {
        self.cursor
    }

    /// Items of the page at most.
    #[cfg(feature = "engine")]
    pub(crate) fn limit(&self) -> u64 {
        self.limit as u64
    }

    /// Items to fetch: one more than the page shows, which tells whether there is a next page.
    pub(crate) fn fetch_limit(&self) -> u64 {
        self.limit as u64 + 1
    }

    /// The items to show, and the cursor of the next page if there is one.
    pub(crate) fn split<'a, T>(&self, fetched: &'a [T], id: impl Fn(&T) -> C) -> (&'a [T], Option<C>) {
        match fetched.get(..self.limit) {
            Some(shown) if fetched.len() > self.limit => (shown, shown.last().map(id)),
            _ => (fetched, None),
        }
    }

    /// The `Link` header that leads to the next page (RFC 8288).
    pub(crate) fn next_link(&self, collection: &str, cursor: C) -> Option<(HeaderName, HeaderValue)> {
        self.next_link_with(collection, cursor, None)
    }

    /// The same with other fields of the query, which the next page has as well.
    pub(crate) fn next_link_with<'a>(
        &self,
        collection: &str,
        cursor: C,
        others: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Option<(HeaderName, HeaderValue)> {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("limit", &self.limit.to_string())
            .append_pair("cursor", &cursor.to_string())
            .finish();
        HeaderValue::try_from(format!("<{collection}?{query}>; rel=\"next\"")).ok().map(|link| (LINK, link))
    }
}

/// The answer when listing fails. "Not found" can only mean the cursor.
pub(crate) fn list_problem(error: Error) -> Problem {
    match error {
        Error::NotFound { .. } => unknown_cursor(),
        other => other.into(),
    }
}

fn unknown_cursor() -> Problem {
    Problem::invalid_fields().field("cursor", "Unknown cursor; use the one in a `Link` header.")
}
