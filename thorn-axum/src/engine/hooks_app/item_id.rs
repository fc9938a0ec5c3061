//! The id in the path of an item.

use axum::{
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};

use crate::http::Problem;

/// The number in the path. Anything else answers 404.
pub(super) struct ItemId(pub(super) i64);

impl<S: Send + Sync> FromRequestParts<S> for ItemId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let text = Path::<String>::from_request_parts(parts, state).await.ok();
        let digits = text.filter(|Path(text)| text.bytes().all(|byte| byte.is_ascii_digit()));
        let id = digits.and_then(|Path(digits)| digits.parse().ok());
        id.map(Self).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND))
    }
}
