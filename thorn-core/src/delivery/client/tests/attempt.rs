//! The outcome of an attempt for each kind of receiver.

use std::time::Instant;

use super::*;

const SHORT: Duration = Duration::from_millis(500);

#[tokio::test]
async fn thorn_152_only_2xx_is_success() {
    for (status, outcome) in [
        ("200 OK", Outcome::Delivered),
        ("202 Accepted", Outcome::Delivered),
        ("299 Fine", Outcome::Delivered),
        ("304 Not Modified", Outcome::Rejected),
        ("400 Bad Request", Outcome::Rejected),
        ("410 Gone", Outcome::Rejected),
        ("500 Internal Server Error", Outcome::Rejected),
        ("503 Service Unavailable", Outcome::Rejected),
    ] {
        let (attempt, _receiver) = attempt(Reply::status(status, "", "")).await;
        assert_eq!(attempt.outcome, outcome, "{attempt:?}");
        assert_eq!(attempt.status, Some(status[..3].parse().unwrap()));
        assert_eq!(attempt.error.is_none(), outcome == Outcome::Delivered, "{attempt:?}");
    }
}

#[tokio::test]
async fn a_response_may_have_thousands_of_header_lines() {
    for lines in [99, 101, 2_000, 4_000] {
        let headers: String = (0..lines).map(|n| format!("x-{n}: {n}\r\n")).collect();
        for (status, outcome) in [("200 OK", Outcome::Delivered), ("410 Gone", Outcome::Rejected)] {
            let (attempt, receiver) = attempt(Reply::status(status, &headers, "")).await;
            assert_eq!(attempt.outcome, outcome, "{lines} lines: {attempt:?}");
            // Once the client knows, it sends one request.
            assert_eq!(receiver.requests().len(), if lines > 100 { 2 } else { 1 });
        }
    }
    let headers: String = (0..200).map(|n| format!("x-{n}: {n}\r\n")).collect();
    let receiver = Receiver::start(Reply::status("200 OK", &headers, "")).await;
    let (client, hook) = (guarded_by(loopback()), Hook::default());
    for _ in 0..3 {
        assert_eq!(hook.send(&client, &receiver.url()).await.outcome, Outcome::Delivered);
    }
    assert_eq!(receiver.requests().len(), 4, "the first delivery told");
}

#[tokio::test]
async fn a_response_s_head_has_at_most_400_kb() {
    // hyper checks the bound between two reads, so a head that is only a little longer may pass.
    let headers = format!("x-long: {}\r\n", "x".repeat(2_000_000));
    let (attempt, _receiver) = attempt(Reply::status("200 OK", &headers, "")).await;
    assert_eq!((attempt.outcome, attempt.status), (Outcome::Unreachable, None), "{attempt:?}");
}

#[tokio::test]
async fn thorn_153_the_response_is_kept() {
    let started = Instant::now();
    let (attempt, _receiver) =
        attempt(Reply::status("503 Busy", "retry-after: 120\r\n", b"later\0 \xff please".as_slice())).await;
    let took = started.elapsed();
    assert_eq!(attempt.response.as_deref(), Some("later \u{fffd} please"));
    assert_eq!(attempt.retry_after, Some(Duration::from_secs(120)));
    assert_eq!(attempt.error.as_deref(), Some("the receiver answered 503 Service Unavailable"));
    assert!(attempt.duration <= took, "{attempt:?} took {took:?}");

    let (attempt, _receiver) = super::attempt(Reply::status("200 OK", "retry-after: 120\r\n", "")).await;
    assert_eq!((attempt.response, attempt.retry_after, attempt.error), (None, None, None));
}

#[tokio::test]
async fn di22_a_response_is_kept_up_to_its_limit_with_its_type() {
    let body = [b"\0\xff".as_slice(), &[b'x'; 9_998]].concat();
    for (status, keep, is_truncated) in
        [("200 OK", 10_000, false), ("200 OK", 9_999, true), ("404 Not Found", 10, true), ("200 OK", 0, true)]
    {
        let receiver = Receiver::start(Reply::status(status, "content-type: a/b;c=d\r\n", &body)).await;
        let (attempt, kept) = Hook::default().send_keeping(&guarded_by(loopback()), &receiver.url(), Some(keep)).await;
        let kept = kept.unwrap();
        assert_eq!(kept.bytes, body[..keep]);
        assert_eq!((kept.media_type.as_deref(), kept.is_truncated), (Some("a/b;c=d"), is_truncated), "{keep}");
        assert_eq!(Some(kept.status), attempt.status);
        assert_eq!(attempt.response.unwrap().len(), "\u{fffd}".len() + 4_094, "the history has its text as ever");
    }
    let receiver = Receiver::start(Reply::Trickle("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")).await;
    let hook = Hook { timeout: SHORT, ..Hook::default() };
    let (attempt, kept) = hook.send_keeping(&guarded_by(loopback()), &receiver.url(), Some(10)).await;
    assert!(attempt.status == Some(200) && kept.is_none(), "an incomplete one isn't kept: {attempt:?}");
}

#[tokio::test]
async fn thorn_150_deadline_is_total() {
    // The length of the first response's whole body.
    const WHOLE: usize = 1000;
    for start in [
        // The receiver sends the body, a header or the status line at one byte per 200 ms. No single read is slow.
        "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx-header: ",
        "HTTP/1.1 200 ",
    ] {
        let (attempt, receiver) = attempt_within(SHORT, Reply::Trickle(start)).await;
        assert_eq!(attempt.outcome, Outcome::TimedOut, "{attempt:?}");
        assert!(attempt.duration >= SHORT, "{attempt:?}");
        let written = receiver.bytes_written();
        assert!((1..WHOLE).contains(&written), "{written} bytes: it came before the response's end");
        assert_eq!(receiver.connections(), 1);
    }
}

#[tokio::test]
async fn thorn_150_a_status_that_came_in_time_is_kept() {
    let (attempt, _receiver) =
        attempt_within(Duration::from_secs(2), Reply::Trickle("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nbegun"))
            .await;
    assert_eq!((attempt.outcome, attempt.status), (Outcome::TimedOut, Some(200)));
    assert!(attempt.response.unwrap().starts_with("begun"));
    assert!(attempt.error.unwrap().contains("within 2s"));
}

#[tokio::test]
async fn thorn_150_a_receiver_that_hangs_times_out() {
    // The receiver never answers, so only the deadline can end the attempt.
    let (attempt, receiver) = attempt_within(SHORT, Reply::Hang).await;
    assert_eq!((attempt.outcome, attempt.status), (Outcome::TimedOut, None));
    assert!(attempt.duration >= SHORT && receiver.requests().len() == 1, "{attempt:?}");
}

#[tokio::test]
async fn thorn_151_name_resolution_is_inside_the_deadline() {
    let hook = Hook { timeout: SHORT, ..Hook::default() };
    let attempt = hook.send(&guarded_by(loopback().with_silent_dns()), "http://a.test/").await;
    // The name is never resolved, so only the deadline can end the attempt.
    assert_eq!(attempt.outcome, Outcome::TimedOut, "{attempt:?}");
    assert!(attempt.duration >= SHORT, "{attempt:?}");
}

#[tokio::test]
async fn thorn_150_a_flood_is_cut_off() {
    let huge = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n";
    for start in ["HTTP/1.1 200 OK\r\n\r\n", huge] {
        let (attempt, receiver) = attempt(Reply::Flood(start)).await;
        assert_eq!((attempt.outcome, attempt.status), (Outcome::Delivered, Some(200)), "{attempt:?}");
        assert_eq!(attempt.response.unwrap(), "x".repeat(4096));
        // Socket buffers take some megabytes at most.
        receiver.ended().await;
        assert!(receiver.bytes_written() < 64 << 20, "{}", receiver.bytes_written());
    }
}

#[tokio::test]
async fn thorn_150_endless_headers_are_cut_off() {
    let (attempt, receiver) = attempt(Reply::Flood("HTTP/1.1 200 OK\r\nx-header: ")).await;
    assert_eq!(attempt.outcome, Outcome::Unreachable, "{attempt:?}");
    assert!(receiver.bytes_written() < 64 << 20);
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_whole() {
    let (attempt, _receiver) = attempt(Reply::status("200 OK", "", "y".repeat(4096))).await;
    assert_eq!(attempt.outcome, Outcome::Delivered);
    assert_eq!(attempt.response.unwrap().len(), 4096);
}

#[tokio::test]
async fn what_isn_t_http_or_breaks_off_is_unreachable() {
    for (reply, status) in [
        (Reply::AndClose(vec![]), None),
        (Reply::AndClose(b"SSH-2.0-OpenSSH_9.6\r\n".to_vec()), None),
        (Reply::AndClose(vec![0xff; 300]), None),
        (Reply::AndClose(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()), None),
        (Reply::AndClose(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort".to_vec()), Some(200)),
        (Reply::AndClose(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec()), Some(200)),
    ] {
        let shown = format!("{reply:?}");
        let (attempt, _receiver) = attempt(reply).await;
        assert_eq!((attempt.outcome, attempt.status), (Outcome::Unreachable, status), "{shown}: {attempt:?}");
        assert!(attempt.error.is_some_and(|error| !error.is_empty()), "{shown}");
    }
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_still_one() {
    let (attempt, _receiver) =
        attempt(Reply::AndClose(b"HTTP/1.1 410 Gone\r\ncontent-length: 10\r\n\r\nshort".to_vec())).await;
    assert_eq!((attempt.outcome, attempt.status), (Outcome::Rejected, Some(410)));
    assert_eq!(attempt.response.as_deref(), Some("short"));
}

#[tokio::test]
async fn thorn_156_157_redirects_are_not_followed() {
    let other = Receiver::start(Reply::status("200 OK", "", "")).await;
    for status in ["301 Moved", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let (attempt, _receiver) = attempt(Reply::status(status, &format!("location: {}\r\n", other.url()), "")).await;
        assert_eq!(attempt.outcome, Outcome::Rejected);
        assert_eq!(attempt.status, Some(status[..3].parse().unwrap()));
        assert!(attempt.error.unwrap().contains("redirects are not followed"));
    }
    assert_eq!(other.connections(), 0);
}

#[tokio::test]
async fn nobody_there_is_unreachable_and_no_reason_repeats_the_url() {
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let url = format!("http://{closed}/hunter2?token=hunter2");
    let attempt = Hook::default().send(&guarded_by(loopback()), &url).await;
    assert_eq!((attempt.outcome, attempt.status), (Outcome::Unreachable, None));
    let error = attempt.error.unwrap();
    assert!(error.contains("refused") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn attempts_run_side_by_side_on_other_threads() {
    let receiver = Receiver::start(Reply::status("200 OK", "", "")).await;
    let (client, url) = (guarded_by(loopback()), receiver.url());
    let tasks = (0..50).map(|_| {
        let (client, url) = (client.clone(), url.clone());
        tokio::spawn(async move { Hook::default().send(&client, &url).await.outcome })
    });
    for outcome in futures::future::join_all(tasks).await {
        assert_eq!(outcome.unwrap(), Outcome::Delivered);
    }
    assert_eq!(receiver.requests().len(), 50);
}

#[tokio::test]
async fn a_name_without_address_is_unreachable() {
    let attempt = Hook::default().send(&guarded_by(TargetGuard::new()), "http://nothing.invalid/").await;
    assert_eq!(attempt.outcome, Outcome::Unreachable);
    assert!(attempt.error.unwrap().contains("`nothing.invalid` can't be resolved"));
}

#[tokio::test]
async fn a_signature_that_can_t_be_sent_is_no_panic() {
    let secret = Secret::new("s");
    let subscription = SubscriptionId::generate();
    let endpoint = Endpoints::default().get(Tenant::default(), "http://127.0.0.1:9/");
    let outgoing = Outgoing {
        validators: None,
        delivery: DeliveryId::derive(EventId::generate(), subscription),
        subscription,
        event_id: EventId::generate(),
        event: "a",
        tenant: Tenant::default(),
        endpoint: &endpoint,
        content: Content::Encoded(ContentType::Json),
        secret: Some(&secret),
        hook_hmac: Some("a\r\nb: c"),
        body: Bytes::new(),
        subscription_headers: &ExtraHeaders::default(),
        headers: &ExtraHeaders::default(),
        timeout: SHORT,
        keep_alive: true,
        keep: None,
    };
    let (attempt, _) = guarded_by(loopback()).send(&outgoing).await;
    assert_eq!(attempt.outcome, Outcome::Unreachable);
    assert!(!format!("{outgoing:?}").contains("127.0.0.1"));
}
