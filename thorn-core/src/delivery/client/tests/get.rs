//! GETs, which the hub makes.

use http::{HeaderMap, header::IF_NONE_MATCH};
use url::Url;

use super::*;
use crate::delivery::client::{
    failure::Failure,
    get::{Get, Got},
};

fn url_of(receiver: &Receiver) -> Url {
    receiver.url().parse().unwrap()
}

/// A request for at most ten bytes over at most three redirects.
fn get(url: &Url) -> Get<'_> {
    Get {
        url,
        headers: HeaderMap::new(),
        most_bytes: 10,
        most_redirects: 3,
        timeout: Duration::from_secs(10),
        tenant: Tenant::default(),
    }
}

async fn got(receiver: &Receiver) -> Result<Got, Failure> {
    guarded_by(loopback()).get(get(&url_of(receiver))).await
}

async fn redirecting(status: &str, target: &str) -> Receiver {
    Receiver::start(Reply::status(status, &format!("location: {target}\r\n"), "")).await
}

#[tokio::test]
async fn ab5_a_get_sends_its_headers_and_nothing_that_tells_of_anybody() {
    let receiver = Receiver::start(Reply::status("200 OK", "etag: \"e\"\r\nset-cookie: a=b\r\n", "0123456789")).await;
    let url = url_of(&receiver);
    let headers = HeaderMap::from_iter([(IF_NONE_MATCH, "\"e\"".parse().unwrap())]);
    let got = guarded_by(loopback()).get(Get { headers, ..get(&url) }).await.unwrap();
    assert_eq!((got.status.as_u16(), &*got.body, &got.url), (200, &b"0123456789"[..], &url));
    assert_eq!(got.headers["etag"], "\"e\"");
    let request = receiver.request();
    assert!(request.head.starts_with("GET /hook HTTP/1.1\r\n"), "{}", request.head);
    assert_eq!((request.header("if-none-match"), request.header("accept-encoding")), ("\"e\"", "identity"));
    for absent in ["cookie", "authorization", "referer", "range", "content-length", "hook-event"] {
        assert!(request.all(absent).is_empty(), "{absent} in {}", request.head);
    }
}

#[tokio::test]
async fn fe6_a_body_is_never_longer_than_allowed() {
    for reply in [
        Reply::status("200 OK", "", "01234567890"),
        Reply::Bytes(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n".to_vec()),
        Reply::Flood("HTTP/1.1 200 OK\r\n\r\n"),
        Reply::status("200 OK", "content-encoding: gzip\r\n", "0"),
    ] {
        let failure = got(&Receiver::start(reply.clone()).await).await.unwrap_err();
        assert_eq!(failure.outcome, Outcome::Rejected, "{reply:?}: {failure:?}");
    }
    let plain = Receiver::start(Reply::status("200 OK", "content-encoding: identity\r\n", "0")).await;
    assert_eq!(got(&plain).await.unwrap().body, "0");
}

#[tokio::test]
async fn fe6_a_get_ends_at_its_deadline_whatever_trickles_in() {
    for reply in [Reply::Hang, Reply::Trickle("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")] {
        let receiver = Receiver::start(reply).await;
        let url = url_of(&receiver);
        let timeout = Duration::from_millis(300);
        let failure = guarded_by(loopback()).get(Get { timeout, most_bytes: 1000, ..get(&url) }).await.unwrap_err();
        assert_eq!(failure.outcome, Outcome::TimedOut, "{failure:?}");
    }
}

#[tokio::test]
async fn fe5_three_redirects_are_followed_and_a_fourth_is_not() {
    let mut receivers = vec![Receiver::start(Reply::status("200 OK", "", "x")).await];
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let last = receivers.last().unwrap().url();
        receivers.push(redirecting(status, &last).await);
    }
    let found = got(&receivers[3]).await.unwrap();
    assert_eq!((found.status.as_u16(), &found.url), (200, &url_of(&receivers[0])));
    assert_eq!(receivers[0].requests().len(), 1);
    let failure = got(&receivers[4]).await.unwrap_err();
    assert_eq!((failure.outcome, receivers[0].requests().len()), (Outcome::Rejected, 1), "{failure:?}");
}

#[tokio::test]
async fn ws10_a_get_without_redirects_shows_them() {
    let target = Receiver::start(Reply::status("200 OK", "", "x")).await;
    let receiver = redirecting("302 Found", &target.url()).await;
    let url = url_of(&receiver);
    let got = guarded_by(loopback()).get(Get { most_redirects: 0, ..get(&url) }).await.unwrap();
    assert_eq!((got.status.as_u16(), target.connections()), (302, 0));
}

#[tokio::test]
async fn br9_a_redirect_to_a_refused_address_is_never_connected_to() {
    let inside = Receiver::start(Reply::status("200 OK", "", "secret")).await;
    let port = inside.address.port();
    for (target, outcome) in [
        ("http://169.254.169.254/latest/meta-data".to_owned(), Outcome::Blocked),
        (format!("http://127.0.0.2:{port}/"), Outcome::Blocked),
        (format!("http://u:p@127.0.0.1:{port}/"), Outcome::Blocked),
        ("file:///etc/passwd".to_owned(), Outcome::Blocked),
        ("http://".to_owned(), Outcome::Rejected),
    ] {
        let receiver = redirecting("302 Found", &target).await;
        let guard = TargetGuard::new().allow_addresses([receiver.address]);
        let url = url_of(&receiver);
        let failure = guarded_by(guard).get(get(&url)).await.unwrap_err();
        assert_eq!(failure.outcome, outcome, "{target}: {failure:?}");
    }
    assert_eq!(inside.connections(), 0);
}

#[tokio::test]
async fn ac12_a_name_that_moves_inside_between_two_lookups_is_blocked() {
    let inside = Receiver::start(Reply::status("200 OK", "", "secret")).await;
    let port = inside.address.port();
    let guard = TargetGuard::new().allow_ports([port]).resolving_to([["1.1.1.1"], ["127.0.0.1"]]);
    let url: Url = format!("http://rebind.test:{port}/").parse().unwrap();
    assert_eq!(guard.check(url.as_str()).await, Ok(()));
    let failure = guarded_by(guard).get(get(&url)).await.unwrap_err();
    assert_eq!((failure.outcome, inside.connections()), (Outcome::Blocked, 0), "{failure:?}");
}

#[test]
fn fe5_no_redirect_leads_from_https_to_http() {
    use crate::delivery::client::get::redirected;
    let from: Url = "https://a.test/feed".parse().unwrap();
    assert!(redirected(&from, &"http://a.test/feed".parse().unwrap()).is_err());
    assert_eq!(redirected(&from, &"/other".parse().unwrap()).unwrap().as_str(), "https://a.test/other");
}
