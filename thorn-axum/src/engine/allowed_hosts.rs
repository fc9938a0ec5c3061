//! The check of the host that a request is for. It stops pages whose name an attacker resolves to this server.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, Uri, Version, header::HOST, uri::Authority},
    middleware::Next,
    response::{IntoResponse, Response},
};
use thorn_core::Config;

use crate::http::Problem;

/// Loopback's own names.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// Hosts that requests may be for.
pub(super) struct AllowedHosts(Vec<String>);

impl AllowedHosts {
    pub(super) fn new(config: &Config) -> Self {
        let mut hosts: Vec<String> = LOOPBACK.map(str::to_owned).into();
        hosts.extend(config.server.allowed_hosts.iter().map(|host| host.as_str().to_owned()));
        let base_url = config.base_url.as_deref().and_then(|url| url::Url::parse(url).ok());
        hosts.extend(base_url.and_then(|url| url.host().map(|host| host.to_string())));
        Self(hosts)
    }

    fn allows(&self, version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some(authority) = requested(version, uri, headers) else { return false };
        let has_user = authority.as_str().contains('@');
        !has_user && self.0.iter().any(|host| host.eq_ignore_ascii_case(authority.host()))
    }
}

/// The host in the request's target, if it has one, or else in its only `Host`.
fn requested(version: Version, uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    let mut given = headers.get_all(HOST).iter();
    let host = match (given.next(), given.next()) {
        (Some(host), None) => Some(host),
        // HTTP/2 has the host in the target.
        (None, None) if version == Version::HTTP_2 => None,
        _ => return None,
    };
    match uri.authority() {
        Some(authority) => Some(authority.clone()),
        None => host?.to_str().ok()?.parse().ok(),
    }
}

/// Answers 421 to a request for a host that isn't allowed. The others find the host in `Host`.
pub(super) async fn check(State(hosts): State<Arc<AllowedHosts>>, mut request: Request, next: Next) -> Response {
    if hosts.allows(request.version(), request.uri(), request.headers()) {
        let target = request.uri().authority().map(|authority| HeaderValue::from_str(authority.as_str()));
        if let Some(Ok(host)) = target {
            request.headers_mut().insert(HOST, host);
        }
        return next.run(request).await;
    }
    Problem::new(StatusCode::MISDIRECTED_REQUEST)
        .detail("The server doesn't serve this host. The operator names its hosts with THORN_ALLOWED_HOSTS.")
        .into_response()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use thorn_core::config::ServerConfig;

    use super::*;

    fn allows(hosts: &[&'static str]) -> bool {
        let config = Config {
            base_url: Some("https://Hooks.example:8443/thorn".into()),
            server: ServerConfig { allowed_hosts: vec!["other.example".parse().unwrap()], ..ServerConfig::default() },
            ..Config::default()
        };
        let headers = hosts.iter().map(|host| (HOST, HeaderValue::from_static(host))).collect();
        AllowedHosts::new(&config).allows(Version::HTTP_11, &Uri::from_static("/"), &headers)
    }

    #[test]
    fn br23_the_host_in_the_target_counts_which_http_2_may_give_alone() {
        let hosts = AllowedHosts::new(&Config::default());
        let host = |host| HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))]);
        let (good, evil) = (Uri::from_static("http://localhost:80/"), Uri::from_static("http://evil.example/"));
        assert!(hosts.allows(Version::HTTP_2, &good, &HeaderMap::new()));
        assert!(hosts.allows(Version::HTTP_2, &good, &host("localhost:80")));
        assert!(!hosts.allows(Version::HTTP_2, &evil, &HeaderMap::new()));
        assert!(!hosts.allows(Version::HTTP_2, &evil, &host("localhost")));
        assert!(!hosts.allows(Version::HTTP_2, &Uri::from_static("/"), &HeaderMap::new()));
        assert!(!hosts.allows(Version::HTTP_11, &good, &HeaderMap::new()), "HTTP/1.1 has to have a Host");
        assert!(!hosts.allows(Version::HTTP_11, &evil, &host("localhost")));
    }

    #[test]
    fn br23_only_exact_hosts_are_allowed_whatever_the_port() {
        for good in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080", "hooks.example", "other.example:1"] {
            assert!(allows(&[good]), "{good}");
        }
        for bad in [
            "127.evil.example",
            "localhost.evil.example",
            "evil.example",
            "hooks.example.",
            "localhost@evil.example",
            "evil.example@localhost",
            "[::2]",
            "127.0.0.2",
            "",
            " ",
            "localhost/",
        ] {
            assert!(!allows(&[bad]), "{bad}");
        }
        assert!(!allows(&[]), "a missing host");
        assert!(!allows(&["localhost", "evil.example"]), "two hosts");
    }
}
