//! Ids in paths.

use std::str::FromStr;

use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{StatusCode, request::Parts},
};
use thorn_core::{ApiKeyId, EventId, SubscriptionId, TopicId};

use super::Problem;

/// Accepts hex digits in either case, with or without dashes. The UUID parser would also accept `{…}` and
/// `urn:uuid:…`.
pub(crate) fn parse_id<T: FromStr>(text: &str) -> Option<T> {
    if !text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return None;
    }
    text.parse().ok()
}

/// An id that stands in paths.
pub(crate) trait IdInPath: FromStr {
    /// The name of the path's parameter.
    const PARAMETER: &'static str;
}

macro_rules! in_path {
    ($($id:ty: $parameter:literal),* $(,)?) => {$(
        impl IdInPath for $id {
            const PARAMETER: &'static str = $parameter;
        }
    )*};
}

in_path! { ApiKeyId: "key_id", EventId: "event_id", SubscriptionId: "hook_id", TopicId: "topic_id" }

/// The id in the path. Anything that isn't an id answers 404.
pub(crate) struct PathId<T>(pub(crate) T);

impl<T: IdInPath, S: Send + Sync> FromRequestParts<S> for PathId<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let params = RawPathParams::from_request_parts(parts, state).await.ok();
        // By name, because a prefix that the application adds may have parameters of its own.
        let text = params.as_ref().and_then(|params| params.iter().find(|(name, _)| *name == T::PARAMETER));
        let id = text.and_then(|(_, text)| parse_id(text));
        id.map(Self).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_117_an_id_is_hex_with_or_without_dashes() {
        let id = "018f3c2a-0000-7000-8000-0000000000ff";
        let parse = |text: &str| parse_id::<SubscriptionId>(text);
        let parsed = parse(id).unwrap();
        assert_eq!(parse(&id.replace('-', "")), Some(parsed));
        assert_eq!(parse(&id.to_uppercase()), Some(parsed));
        for bad in [
            "",
            "abc",
            "deadbeef",
            "018f3c2a-0000-7000-8000-0000000000f",
            "secret",
            "{018f3c2a-0000-7000-8000-0000000000ff}",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
