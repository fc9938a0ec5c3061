//! The check of the page that a request comes from. It stops pages of other origins from changing anything.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, Method, StatusCode,
        header::{HOST, ORIGIN},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use thorn_core::Config;

use crate::http::{Problem, text};

/// Origins whose pages may send more than a GET.
pub(super) struct TrustedOrigins(Vec<String>);

impl TrustedOrigins {
    pub(super) fn new(base_url: &str, config: &Config) -> Self {
        let own = url::Url::parse(base_url).map(|url| url.origin().ascii_serialization());
        let listed = config.server.cors_origins.iter().map(|origin| origin.as_str().to_owned());
        Self(own.into_iter().chain(listed).collect())
    }

    fn trust(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(ORIGIN) {
            let mut given = headers.get_all(ORIGIN).iter();
            let (Some(origin), None) = (given.next(), given.next()) else { return false };
            return origin.to_str().is_ok_and(|origin| self.is_trusted(origin, headers));
        }
        // A browser leaves `Origin` out of some requests of its own pages, and other programs leave out both.
        !headers.get_all("sec-fetch-site").iter().any(|site| site == "cross-site" || site == "same-site")
    }

    /// The host was checked before. So a page that came from this host is the server's own.
    fn is_trusted(&self, origin: &str, headers: &HeaderMap) -> bool {
        let own = text(headers, HOST.as_str());
        let host = ["http://", "https://"].iter().find_map(|scheme| origin.strip_prefix(scheme));
        self.0.iter().any(|trusted| trusted == origin) || (host.is_some() && host == own)
    }
}

/// Answers 403 to a request, other than a GET, from a page of another origin.
pub(super) async fn check(State(origins): State<Arc<TrustedOrigins>>, request: Request, next: Next) -> Response {
    let is_safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if is_safe || origins.trust(request.headers()) {
        return next.run(request).await;
    }
    Problem::new(StatusCode::FORBIDDEN)
        .detail("Pages of this origin may not call the server. The operator lists origins with THORN_CORS_ORIGINS.")
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn trusted(headers: &[(&'static str, &'static str)]) -> bool {
        let mut config = Config::default();
        config.server.cors_origins = vec!["https://app.example".parse().unwrap()];
        let headers =
            headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        TrustedOrigins::new("https://hooks.example/thorn", &config).trust(&headers.collect())
    }

    #[test]
    fn br23_requests_of_foreign_pages_are_refused() {
        for good in [
            &[][..],
            &[("origin", "https://hooks.example"), ("host", "127.0.0.1")],
            &[("origin", "https://app.example"), ("sec-fetch-site", "cross-site")],
            &[("origin", "http://127.0.0.1:8080"), ("host", "127.0.0.1:8080"), ("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none")],
        ] {
            assert!(trusted(good), "{good:?}");
        }
        for bad in [
            &[("origin", "https://evil.example")][..],
            &[("origin", "null")],
            &[("origin", "http://127.0.0.1:3000"), ("host", "127.0.0.1:8080")],
            &[("origin", "https://app.example.evil.example")],
            &[("origin", "http://app.example")],
            &[("origin", "https://app.example"), ("origin", "https://evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "same-site")],
        ] {
            assert!(!trusted(bad), "{bad:?}");
        }
    }
}
