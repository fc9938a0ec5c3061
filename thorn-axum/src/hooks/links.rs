//! Absolute URLs of subscriptions, as the caller reaches them.

use std::convert::Infallible;

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderMap, Uri, header::HOST, request::Parts, uri::Authority},
};
use thorn_core::SubscriptionId;

use super::State;

/// Where this request found the API: `https://blog.example/hooks/`, with the trailing slash.
///
/// `BELOW` is how many segments of the request's path lie below the collection. The host is the
/// configured one, else the one the caller used. The path is the caller's own too, so that it is
/// right below any `nest`, with or without parameters in its prefix.
pub(super) struct Links<const BELOW: usize> {
    collection: String,
}

impl<const BELOW: usize> Links<BELOW> {
    /// The URL of the list.
    pub(super) fn collection(&self) -> &str {
        &self.collection
    }

    /// The URL of a subscription.
    pub(super) fn subscription(&self, id: SubscriptionId) -> String {
        format!("{}{id}/", self.collection)
    }

    fn new(base: Option<&str>, headers: &HeaderMap, uri: &Uri) -> Self {
        let base = base.map_or_else(|| asked_host(headers, uri), str::to_owned);
        let path = (0..BELOW)
            .fold(uri.path().trim_end_matches('/'), |path, _| path.rsplit_once('/').map_or("", |(parent, _)| parent));
        Self { collection: format!("{base}{path}/") }
    }
}

impl<S: Sync, const BELOW: usize> FromRequestParts<S> for Links<BELOW> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let base = parts.extensions.get::<State>().and_then(|state| state.base_url.as_deref());
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        Ok(Self::new(base, &parts.headers, uri))
    }
}

/// Scheme and host of the request; empty, which makes a path of the URL, if it names no sane one.
/// What a client claims here comes back to this client only.
fn asked_host(headers: &HeaderMap, uri: &Uri) -> String {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).or(uri.authority().map(Authority::as_str));
    let Some(authority) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return String::new();
    };
    if authority.as_str().contains('@') {
        return String::new();
    }
    let claimed = headers.get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    let claimed = claimed.and_then(|value| value.split(',').next()).map(str::trim);
    let scheme = if claimed.or(uri.scheme_str()) == Some("https") { "https" } else { "http" };
    format!("{scheme}://{authority}")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn collection<const BELOW: usize>(base: Option<&str>, headers: &[(&'static str, &str)], uri: &str) -> String {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()));
        Links::<BELOW>::new(base, &headers.collect(), &uri.parse().unwrap()).collection
    }

    #[test]
    fn thorn_107_links_are_where_the_caller_is() {
        let host = ("host", "blog.example:8000");
        assert_eq!(collection::<0>(None, &[host], "/hooks"), "http://blog.example:8000/hooks/");
        assert_eq!(collection::<1>(None, &[host], "/a/hooks/7/"), "http://blog.example:8000/a/hooks/");
        assert_eq!(
            collection::<1>(None, &[host, ("x-forwarded-proto", "https, http")], "/7"),
            "https://blog.example:8000/"
        );
        assert_eq!(collection::<1>(Some("https://x.y/z"), &[host], "/hooks/7/"), "https://x.y/z/hooks/");
        assert_eq!(collection::<0>(None, &[], "https://h2.example/hooks/"), "https://h2.example/hooks/");
    }

    #[test]
    fn a_host_that_is_none_is_not_repeated() {
        for host in ["a b", "blog.example/evil", "user@blog.example", "<script>", ""] {
            assert_eq!(collection::<0>(None, &[("host", host)], "/hooks/"), "/hooks/", "{host}");
        }
        let odd = [("host", "a.b"), ("x-forwarded-proto", "javascript")];
        assert_eq!(collection::<0>(None, &odd, "/hooks/"), "http://a.b/hooks/");
    }
}
