//! Absolute URLs, as the caller reaches them.

use std::{convert::Infallible, fmt::Display, sync::Arc};

use axum::{
    extract::{FromRequestParts, OriginalUri},
    http::{HeaderMap, Uri, header::HOST, request::Parts, uri::Authority},
};

use super::header::text;

/// The configured beginning of absolute URLs, if there is one. A resource adds it to the request's
/// extensions.
#[derive(Clone)]
pub(crate) struct BaseUrl(pub(crate) Option<Arc<str>>);

/// The URL of the collection that a request is about: `https://blog.example/hooks/`, with the trailing slash.
///
/// `DEPTH` says how many segments of the request's path lie below the collection: 0 for the
/// collection itself, 1 for one of its items. The host comes from [`BaseUrl`], or else from the
/// request. The path comes from the request, so it is right below any `nest`, also if the prefix has
/// parameters.
pub(crate) struct CollectionUrl<const DEPTH: usize> {
    url: String,
}

impl<const DEPTH: usize> CollectionUrl<DEPTH> {
    /// The URL of the collection.
    pub(crate) fn as_str(&self) -> &str {
        &self.url
    }

    /// The URL of one of its items.
    pub(crate) fn item(&self, id: impl Display) -> String {
        format!("{}{id}/", self.url)
    }

    fn new(base: Option<&str>, headers: &HeaderMap, uri: &Uri) -> Self {
        let base = base.map_or_else(|| requested_host(headers, uri), str::to_owned);
        let path = (0..DEPTH)
            .fold(uri.path().trim_end_matches('/'), |path, _| path.rsplit_once('/').map_or("", |(parent, _)| parent));
        Self { url: format!("{base}{path}/") }
    }
}

impl<S: Sync, const DEPTH: usize> FromRequestParts<S> for CollectionUrl<DEPTH> {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Infallible> {
        let base = parts.extensions.get::<BaseUrl>().and_then(|base| base.0.as_deref());
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        Ok(Self::new(base, &parts.headers, uri))
    }
}

/// Scheme and host of the request, or nothing if the request names no valid host. The URL is then a
/// path. A client may claim any host here, but only that client sees it.
fn requested_host(headers: &HeaderMap, uri: &Uri) -> String {
    let host = text(headers, HOST.as_str()).or(uri.authority().map(Authority::as_str));
    let Some(authority) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return String::new();
    };
    if authority.as_str().contains('@') {
        return String::new();
    }
    let claimed = text(headers, "x-forwarded-proto").and_then(|value| value.split(',').next()).map(str::trim);
    let scheme = if claimed.or(uri.scheme_str()) == Some("https") { "https" } else { "http" };
    format!("{scheme}://{authority}")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn collection<const DEPTH: usize>(base: Option<&str>, headers: &[(&'static str, &str)], uri: &str) -> String {
        let headers =
            headers.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()));
        CollectionUrl::<DEPTH>::new(base, &headers.collect(), &uri.parse().unwrap()).url
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
    fn an_invalid_host_is_not_repeated() {
        for host in ["a b", "blog.example/evil", "user@blog.example", "<script>", ""] {
            assert_eq!(collection::<0>(None, &[("host", host)], "/hooks/"), "/hooks/", "{host}");
        }
        let odd = [("host", "a.b"), ("x-forwarded-proto", "javascript")];
        assert_eq!(collection::<0>(None, &odd, "/hooks/"), "http://a.b/hooks/");
    }
}
