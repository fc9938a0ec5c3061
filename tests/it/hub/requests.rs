//! Requests that the hub takes or refuses before any callback is asked.

use std::time::{Duration, Instant};

use super::{
    running::{RunningHub, TOPIC, form},
    subscriber::{Reply, Subscriber},
};
use crate::blog::http::{self, Answer};

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

async fn raw(hub: &RunningHub, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    http::request(hub.server.port, method, path, headers, body.as_bytes()).await
}

/// A good request as text.
fn good(callback: &str) -> String {
    form(&[("hub.mode", "subscribe"), ("hub.callback", callback), ("hub.topic", TOPIC)])
}

#[tokio::test(flavor = "multi_thread")]
async fn ws1_the_hub_takes_posts_of_forms_and_nothing_else() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    for path in ["/hub", "/subscribe"] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = raw(&hub, method, path, "", "").await.expect(405);
            assert_eq!(answer.header("allow"), "POST", "{answer:?}");
            assert!(answer.header("content-type").starts_with("text/plain"), "{answer:?}");
        }
    }
    let body = good(&subscriber.url("/other"));
    for content_type in ["", "content-type: application/json\r\n", "content-type: multipart/form-data; boundary=x\r\n"]
    {
        let answer = raw(&hub, "POST", "/hub", content_type, &body).await.expect(415);
        assert!(answer.text.starts_with("415 Content-Type") && !answer.text.contains('\n'), "{answer:?}");
    }
    assert_eq!(hub.intents().await, 0);
    for (path, target, charset) in
        [("/hub", "/a", ""), ("/subscribe", "/b", "; charset=utf-8"), ("/hub", "/c", ";charset=UTF-8")]
    {
        let headers = format!("content-type: application/x-www-form-urlencoded{charset}\r\n");
        raw(&hub, "POST", path, &headers, &good(&subscriber.url(target))).await.expect(202);
        subscriber.wait_at(target, 1).await;
    }
    assert!(subscriber.asked_at("/other").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn ws2_ws3_ws4_ws7_a_wrong_parameter_is_named_in_one_line_and_nothing_is_stored() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let callback = subscriber.url("/cb");
    let with = |changed: &[(&'static str, Option<&str>)]| {
        let mut form = vec![("hub.mode", "subscribe"), ("hub.callback", &*callback), ("hub.topic", TOPIC)];
        form.retain(|(name, _)| changed.iter().all(|(other, _)| other != name));
        let more = changed.iter().filter_map(|(name, value)| Some((*name, (*value)?)));
        form.into_iter().chain(more).map(|(name, value)| (name, value.to_owned())).collect::<Vec<_>>()
    };
    let long_secret = "s".repeat(200);
    let long_url = format!("https://a.example/{}", "x".repeat(2040));
    type Changed<'a> = Vec<(&'static str, Option<&'a str>)>;
    let cases: Vec<(&str, Changed<'_>)> = vec![
        ("hub.mode", vec![("hub.mode", None)]),
        ("hub.mode", vec![("hub.mode", Some(""))]),
        ("hub.mode", vec![("hub.mode", Some("denied"))]),
        ("hub.mode", vec![("hub.mode", Some("Subscribe"))]),
        ("hub.mode", vec![("hub.mode", Some("subscribe")), ("hub.mode", Some("subscribe"))]),
        ("hub.callback", vec![("hub.callback", None)]),
        ("hub.callback", vec![("hub.callback", Some(""))]),
        ("hub.callback", vec![("hub.callback", Some(&callback)), ("hub.callback", Some(&callback))]),
        ("hub.topic", vec![("hub.topic", None)]),
        ("hub.topic", vec![("hub.topic", Some(""))]),
        ("hub.topic", vec![("hub.topic", Some(TOPIC)), ("hub.topic", Some(TOPIC))]),
        ("hub.topic", vec![("hub.topic", Some("feed"))]),
        ("hub.topic", vec![("hub.topic", Some("ftp://blog.example/feed"))]),
        ("hub.topic", vec![("hub.topic", Some(&long_url))]),
        ("hub.secret", vec![("hub.secret", Some(&long_secret))]),
        ("hub.secret", vec![("hub.secret", Some("a")), ("hub.secret", Some("b"))]),
        ("hub.lease_seconds", vec![("hub.lease_seconds", Some("0"))]),
        ("hub.lease_seconds", vec![("hub.lease_seconds", Some("-1"))]),
        ("hub.lease_seconds", vec![("hub.lease_seconds", Some("864000.0"))]),
        ("hub.lease_seconds", vec![("hub.lease_seconds", Some("x"))]),
        ("hub.verify", vec![("hub.verify", Some("later"))]),
        ("hub.topic", vec![("hub.verify", Some("async")), ("hub.topic", Some("https://blog.example/feed#x"))]),
    ];
    for (name, changed) in cases {
        let form = with(&changed);
        let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = hub.post(&form).await.expect(400);
        assert!(answer.text.starts_with(&format!("400 {name}: ")), "{changed:?}: {answer:?}");
        assert!(!answer.text.contains('\n') && answer.header("content-type").starts_with("text/plain"), "{answer:?}");
    }
    assert_eq!((hub.intents().await, hub.count("thorn_callback_host").await), (0, 0));
    assert!(subscriber.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn ab1_br9_ps5_callbacks_that_nothing_may_be_sent_to_are_refused() {
    let hub = RunningHub::with(&[("THORN_HUB_FETCH_NETWORKS", "169.254.0.0/16,10.0.0.0/8")]).await;
    let subscriber = Subscriber::start().await;
    for callback in [
        "/cb",
        "cb.example/x",
        "ftp://127.0.0.1/x",
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1/cb",
        "http://[::1]/cb",
        "http://[fd00::1]/cb",
        "http://[::ffff:169.254.169.254]/cb",
        "http://0xa9fea9fe/cb",
        "https://1.1.1.1:22/cb",
        &subscriber.url("/cb#part"),
        &subscriber.url("/cb").replace("://", "://user:pass@"),
        &subscriber.url("/cb?a='b'"),
        &subscriber.url("/a/../cb"),
        &subscriber.url(&format!("/{}", "x".repeat(2048))),
        "http://nowhere.invalid/cb",
    ] {
        for mode in ["subscribe", "unsubscribe"] {
            let answer = hub.ask(mode, callback, &[]).await;
            if mode == "unsubscribe" && callback == "http://nowhere.invalid/cb" {
                // It isn't subscribed, so nobody needs to know where it is.
                answer.expect(202);
                continue;
            }
            let answer = answer.expect(400);
            assert!(answer.text.starts_with("400 hub.callback: "), "{callback}: {answer:?}");
            assert!(!answer.text.contains("user:pass"), "{answer:?}");
        }
    }
    assert_eq!(hub.intents().await, 0);
    assert!(subscriber.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_nobody_has_registered_is_refused() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let callback = subscriber.url("/cb");
    for topic in ["https://blog.example/other", "https://blog.example/feed/", "https://blog.example/feed?x"] {
        let form = [("hub.mode", "subscribe"), ("hub.callback", &*callback), ("hub.topic", topic)];
        let answer = hub.post(&form).await.expect(404);
        assert!(answer.text.starts_with("404 hub.topic: "), "{answer:?}");
    }
    assert_eq!((hub.intents().await, hub.count("thorn_topic").await), (0, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn ws6_br7_ab4_the_answer_is_an_empty_202_and_leaves_before_the_callback_is_asked() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    subscriber.answers(|asked| Reply::echo(asked).after(Duration::from_secs(60)));
    let dead = format!("http://127.0.0.1:{}/cb", free_port().await);
    for (n, callback) in [subscriber.url("/a"), subscriber.url("/b"), dead].iter().enumerate() {
        let began = Instant::now();
        let answer = hub.ask("subscribe", callback, &[]).await.expect(202);
        let answered = Instant::now();
        assert!(answer.text.is_empty(), "{answer:?}");
        // A callback has 10 s.
        assert!(answered - began < Duration::from_secs(8), "{:?}", answered - began);
        if n < 2 {
            let path = ["/a", "/b"][n];
            let asked = subscriber.wait_at(path, 1).await;
            assert!(asked[0].at > answered, "it was asked before the answer");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ws5_unknown_parameters_are_ignored_with_and_without_hub() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let more = [("foo", "bar"), ("hub.foo", "hub.bar"), ("foo", "again"), ("", ""), ("hub.challenge", "x")];
    hub.subscribe(&subscriber.url("/cb"), &more).await;
    let asked = subscriber.wait_at("/cb", 1).await;
    let names: Vec<_> = asked[0].parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["hub.mode", "hub.topic", "hub.challenge", "hub.lease_seconds"]);
    // Bytes that are no text are ignored, too, where nobody looks at them.
    let body = format!("{}&x=%ff&%ff=y", good(&subscriber.url("/bytes")));
    raw(&hub, "POST", "/hub", FORM, &body).await.expect(202);
    let body = format!("{}&hub.secret=%ff", good(&subscriber.url("/bytes")));
    let answer = raw(&hub, "POST", "/hub", FORM, &body).await.expect(400);
    assert!(answer.text.starts_with("400 hub.secret: "), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn ws14_br5_the_end_of_what_isn_t_subscribed_is_accepted_and_nobody_is_asked() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    hub.ask("unsubscribe", &subscriber.url("/cb"), &[]).await.expect(202);
    assert_eq!(hub.intents().await, 0);
    // A later request has been answered by then.
    hub.subscribe(&subscriber.url("/control"), &[]).await;
    assert!(subscriber.asked_at("/cb").is_empty());
}

/// A port that nobody listens on.
async fn free_port() -> u16 {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}
