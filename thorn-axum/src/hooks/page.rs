//! Which part of the list a request wants.

use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderName, HeaderValue, header::LINK, request::Parts},
};
use serde::Deserialize;
use thorn_core::{
    Error, SubscriptionId,
    subscription::{Page, Subscription},
};

use crate::Problem;

/// As many as one answer holds, and as it holds if nobody asks for less.
const MAX_LIMIT: usize = 1000;

/// `?limit=` and `?cursor=`. The cursor is the one of the `Link` header.
pub(super) struct Paging {
    limit: usize,
    after: Option<SubscriptionId>,
}

#[derive(Deserialize)]
struct Params {
    limit: Option<String>,
    cursor: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(params) = Query::<Params>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::invalid_fields().detail(error.body_text()))?;
        let limit = params.limit.map_or(Some(MAX_LIMIT), |text| text.parse().ok());
        let limit = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)).ok_or_else(|| {
            Problem::invalid_fields().field("limit", format!("Not a whole number from 1 to {MAX_LIMIT}."))
        })?;
        let after = match params.cursor {
            Some(text) => Some(text.parse().map_err(|_| unknown_cursor())?),
            None => None,
        };
        Ok(Self { limit, after })
    }
}

impl Paging {
    /// What to ask for: one more than is shown tells whether there is a next page.
    pub(super) fn page(&self) -> Page {
        Page { after: self.after, limit: self.limit as u64 + 1 }
    }

    /// What to show, and the cursor of the next page.
    pub(super) fn cut<'a>(&self, found: &'a [Subscription]) -> (&'a [Subscription], Option<SubscriptionId>) {
        match found.get(..self.limit) {
            Some(shown) if found.len() > self.limit => (shown, shown.last().map(|last| last.id)),
            _ => (found, None),
        }
    }

    /// The header that leads to the next page (RFC 8288).
    pub(super) fn link(&self, collection: &str, cursor: SubscriptionId) -> Option<(HeaderName, HeaderValue)> {
        let link = format!("<{collection}?limit={}&cursor={cursor}>; rel=\"next\"", self.limit);
        HeaderValue::try_from(link).ok().map(|link| (LINK, link))
    }

    /// A list has nothing else that could be missing.
    pub(super) fn problem(&self, error: Error) -> Problem {
        match error {
            Error::NotFound { .. } => unknown_cursor(),
            other => other.into(),
        }
    }
}

fn unknown_cursor() -> Problem {
    Problem::invalid_fields().field("cursor", "Unknown; use the one of a `Link` header.")
}
