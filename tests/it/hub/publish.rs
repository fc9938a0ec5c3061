//! `hub.mode=publish`: pings of publishers.

use serde_json::json;

use super::fixture::{FORM, Hub, Subscribed, encoded, nth, party, publisher};
use crate::blog::http;

#[tokio::test]
async fn ws31_ps8_a_ping_is_204_whatever_the_topics_are_and_marks_all_that_are_known() {
    let hub = Hub::start().await;
    let publisher = publisher("text/plain", "one").await;
    let (first, second) = (publisher.url("/first"), publisher.url("/second?a=b%26c"));
    let (one, two) = (hub.register(&first).await, hub.register(&second).await);
    let unknown = publisher.url("/unknown");
    let [first, second, unknown] = [&first, &second, &unknown].map(|url| encoded(url));
    for form in [
        format!("hub.mode=publish&hub.url={first}&hub.url={unknown}&hub.topic={second}&hub.url={first}"),
        format!("hub.mode=publish&hub.topic={unknown}&foo=bar&hub.foo=bar"),
    ] {
        for path in ["/hub", "/publish", "/hub/"] {
            let answer = hub.post(&hub.operator, path, &form).await.expect(204);
            assert_eq!(answer.text, "");
        }
    }
    for id in [&one, &two] {
        let topic = hub.topic(id).await;
        assert!(topic["pinged_at"].is_string(), "{topic}");
    }
    let topics = hub.operator.get("/topics/").await.expect(200).json();
    assert_eq!(topics.as_array().unwrap().len(), 2, "no ping adds a topic");
    // Without subscribers nothing is fetched. A topic with one is, after all others were due.
    let (with, subscriber) = (publisher.url("/with"), party().await);
    hub.subscribed(&with, &subscriber.url("/")).await;
    hub.ping(&with).await;
    nth(&subscriber, 1).await;
    assert_eq!(publisher.received().iter().map(|got| got.path.as_str()).collect::<Vec<_>>(), ["/with"]);
}

#[tokio::test]
async fn ws1_ws2_ws7_a_request_that_can_t_be_read_gets_one_line_that_names_the_parameter() {
    let hub = Hub::start().await;
    let url = encoded("https://blog.example/");
    let many = (0..101).map(|n| format!("&hub.url={url}{n}")).collect::<String>();
    for (form, names) in [
        ("", "hub.mode"),
        ("hub.mode=", "hub.mode"),
        ("hub.mode=publish&hub.mode=publish", "hub.mode"),
        ("hub.mode=other", "hub.mode"),
        ("hub.mode=publish", "hub.url"),
        ("hub.mode=publish&hub.url=", "hub.url"),
        ("hub.mode=publish&hub.topic=feed", "hub.topic"),
        ("hub.mode=publish&hub.topic=%ff", "hub.topic"),
        (&format!("hub.mode=publish&hub.url={url}&hub.url=ftp%3A%2F%2Fa.example"), "hub.url"),
        (&format!("hub.mode=publish{many}"), "101"),
    ] {
        let answer = hub.post(&hub.operator, "/hub", form).await.expect(400);
        assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
        assert!(answer.text.contains(names) && answer.text.lines().count() == 1, "{form}: {}", answer.text);
    }
    let form = format!("hub.mode=publish&hub.url={url}");
    for (media_type, status) in [
        ("application/json", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/x-www-form-urlencoded; charset=latin1", 415),
        ("application/x-www-form-urlencoded; charset=utf-8", 204),
    ] {
        let headers = format!("content-type: {media_type}\r\n{}", hub.operator.authorization());
        http::request(hub.operator.port(), "POST", "/hub", &headers, form.as_bytes()).await.expect(status);
    }
    for method in ["GET", "PUT", "DELETE"] {
        let headers = hub.operator.authorization();
        let answer = http::request(hub.operator.port(), method, "/hub", &headers, b"").await.expect(405);
        assert_eq!(answer.header("allow"), "POST");
    }
}

#[tokio::test]
async fn ws31_a_ping_needs_the_scope_and_an_owner_s_key_marks_no_topic_of_another() {
    let hub = Hub::start().await;
    let url = "https://blog.example/feed";
    let id = hub.register(url).await;
    hub.execute("UPDATE thorn_topic SET owner = ?", vec!["alice".into()]).await;
    let form = format!("hub.mode=publish&hub.url={}", encoded(url));
    let anonymous = http::request(hub.operator.port(), "POST", "/hub", FORM, form.as_bytes()).await.expect(401);
    assert!(anonymous.header("www-authenticate").starts_with("Bearer"));
    assert!(anonymous.text.lines().count() == 1 && anonymous.header("content-type").starts_with("text/plain"));
    hub.post(&hub.server.key(None, "publish,dispatch"), "/hub", &form).await.expect(403);
    hub.post(&hub.server.key(Some("bob"), "hub.publish"), "/hub", &form).await.expect(204);
    assert_eq!(hub.topic(&id).await["pinged_at"], json!(null));
    hub.post(&hub.server.key(Some("alice"), "hub.publish"), "/hub", &form).await.expect(204);
    assert!(hub.topic(&id).await["pinged_at"].is_string());
}

#[tokio::test]
async fn ab8_ws31_an_open_hub_takes_pings_without_a_key_and_fetches_only_what_it_knows() {
    let hub = Hub::with(&[("THORN_HUB", "open")]).await;
    let publisher = publisher("text/plain", "one").await;
    let (known, unknown, subscriber) = (publisher.url("/known"), publisher.url("/unknown"), party().await);
    let topic = hub.register(&known).await;
    hub.subscribe(&topic, Subscribed::new(&subscriber.url("/"))).await;
    for url in [&unknown, &known] {
        let form = format!("hub.mode=publish&hub.url={}", encoded(url));
        http::request(hub.operator.port(), "POST", "/hub", FORM, form.as_bytes()).await.expect(204);
    }
    assert_eq!(nth(&subscriber, 1).await.body, b"one");
    assert_eq!(publisher.received().iter().map(|got| got.path.as_str()).collect::<Vec<_>>(), ["/known"]);
}
