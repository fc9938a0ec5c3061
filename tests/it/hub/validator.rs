//! The hub tests of the public validator websub.rocks, as the black box that it is: a subscriber and a publisher whom the
//! hub doesn't know, and no key.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{
    running::{RunningHub, form},
    subscriber::{Asked, Reply, Subscriber},
};
use crate::{
    blog::http::{self, Answer},
    engine::server::Server,
};

/// The content at the publisher's topic.
#[derive(Clone)]
struct Content {
    media_type: &'static str,
    body: String,
}

/// The validator's parties.
pub(super) struct Validator {
    pub(super) hub: RunningHub,
    pub(super) publisher: Subscriber,
    pub(super) subscriber: Subscriber,
    content: Arc<Mutex<Content>>,
    pub(super) topic: String,
}

impl Validator {
    pub(super) async fn start() -> Self {
        let hub = RunningHub::with(&[("THORN_HUB", "open"), ("THORN_HUB_FETCH_NETWORKS", "127.0.0.0/8")]).await;
        let (publisher, subscriber) = (Subscriber::start().await, Subscriber::start().await);
        let content = Arc::new(Mutex::new(Content { media_type: "text/html; charset=utf-8", body: "<p>0".to_owned() }));
        let topic = publisher.url("/blog?x=1&y=2");
        let (shown, links) = (content.clone(), [link(&hub_url(&hub.server), "hub"), link(&topic, "self")]);
        publisher.answers(move |_| {
            let Content { media_type, body } = shown.lock().unwrap().clone();
            let reply = Reply::new(200, body).header("content-type", media_type).header("set-cookie", "a=b");
            links.iter().fold(reply, |reply, link| reply.header("link", link))
        });
        subscriber.answers(|asked| match asked.method.as_str() {
            "GET" => Reply::echo(asked).header("content-type", "application/octet-stream"),
            _ => Reply::new(200, "thanks"),
        });
        Self { hub, publisher, subscriber, content, topic }
    }

    async fn ask(&self, mode: &str, more: &[(&str, &str)]) -> Answer {
        let callback = self.subscriber.url("/cb");
        let own = [("hub.mode", mode), ("hub.callback", &*callback), ("hub.topic", &*self.topic)];
        self.hub.post(&own.into_iter().chain(more.iter().copied()).collect::<Vec<_>>()).await
    }

    /// Subscribes and checks how the callback is asked.
    async fn subscribe(&self, more: &[(&str, &str)]) {
        let before = self.verifications().len();
        let answer = self.ask("subscribe", more).await.expect(202);
        assert!(answer.text.is_empty(), "{answer:?}");
        let asked = self.subscriber.wait_at("/cb", self.subscriber.asked_at("/cb").len().max(before + 1)).await;
        let asked = asked.into_iter().filter(|asked| asked.method == "GET").nth(before).unwrap();
        assert_eq!((asked.mode().as_str(), asked.parameter("hub.topic")), ("subscribe", Some(self.topic.clone())));
        assert!(asked.parameter("hub.lease_seconds").unwrap().parse::<u64>().unwrap() > 0);
        self.hub.subscribed(&self.subscriber.url("/cb")).await;
    }

    fn verifications(&self) -> Vec<Asked> {
        self.subscriber.asked().into_iter().filter(|asked| asked.method == "GET").collect()
    }

    fn notifications(&self) -> Vec<Asked> {
        self.subscriber.asked().into_iter().filter(|asked| asked.method == "POST").collect()
    }

    pub(super) fn hub_url(&self) -> String {
        hub_url(&self.hub.server)
    }

    /// Changes the topic and tells the hub, which needs no key for that.
    pub(super) async fn publish(&self, media_type: &'static str, body: &str) {
        *self.content.lock().unwrap() = Content { media_type, body: body.to_owned() };
        self.hub.post(&[("hub.mode", "publish"), ("hub.topic", &self.topic)]).await.expect(204);
    }

    /// Waits for this notification and checks everything that the validator checks, and the rest of what it should.
    async fn notified(&self, number: usize) -> Asked {
        let notified = crate::app::eventually("a notification", || async {
            let all = self.notifications();
            if all.len() >= number { Ok(all) } else { Err(format!("{} of {number}", all.len())) }
        })
        .await;
        assert_eq!(notified.len(), number);
        let notified = notified.into_iter().next_back().unwrap();
        let content = self.content.lock().unwrap().clone();
        assert!(!notified.body.is_empty());
        assert_eq!((notified.target.as_str(), &notified.body[..]), ("/cb", content.body.as_bytes()));
        assert_eq!(header(&notified, "content-type"), content.media_type);
        let expected = format!("{}, {}", link(&hub_url(&self.hub.server), "hub"), link(&self.topic, "self"));
        assert_eq!(header(&notified, "link"), expected);
        assert_eq!(header(&notified, "set-cookie"), "");
        notified
    }
}

fn hub_url(server: &Server) -> String {
    format!("http://127.0.0.1:{}/hub", server.port)
}

fn link(url: &str, relation: &str) -> String {
    format!("<{url}>; rel=\"{relation}\"")
}

/// The value of a header that is there at most once.
fn header(asked: &Asked, name: &str) -> String {
    let values: Vec<_> = asked.headers.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
    assert!(values.len() <= 1, "{name}: {values:?}");
    values.concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn wr100_a_subscriber_gets_what_the_publisher_publishes() {
    let validator = Validator::start().await;
    validator.subscribe(&[]).await;
    validator.publish("text/html; charset=utf-8", "<p>1").await;
    let notified = validator.notified(1).await;
    assert_eq!(header(&notified, "x-hub-signature"), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn wr101_with_a_secret_the_signature_verifies() {
    let validator = Validator::start().await;
    let secret = "abcdefghij0123456789";
    validator.subscribe(&[("hub.secret", secret)]).await;
    validator.publish("text/html; charset=utf-8", "<p>signed \u{e9}").await;
    let notified = validator.notified(1).await;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&notified.body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(header(&notified, "x-hub-signature"), format!("sha256={expected}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wr102_unknown_parameters_are_ignored() {
    let validator = Validator::start().await;
    validator.subscribe(&[("foo", "bar"), ("hub.foo", "hub.bar")]).await;
    validator.publish("text/html; charset=utf-8", "<p>1").await;
    validator.notified(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wr103_who_subscribes_twice_is_notified_once() {
    let validator = Validator::start().await;
    validator.subscribe(&[]).await;
    validator.subscribe(&[]).await;
    validator.hub.has_asked_everybody().await;
    validator.publish("text/html; charset=utf-8", "<p>1").await;
    validator.notified(1).await;
    // The next version would come after a second notification of the first.
    validator.publish("text/html; charset=utf-8", "<p>2").await;
    validator.notified(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wr104_who_has_unsubscribed_is_notified_no_more() {
    let validator = Validator::start().await;
    validator.subscribe(&[]).await;
    validator.publish("text/html; charset=utf-8", "<p>1").await;
    validator.notified(1).await;
    // Another subscriber stays.
    let other = Subscriber::start().await;
    let callback = other.url("/other");
    let form = [("hub.mode", "subscribe"), ("hub.callback", &*callback), ("hub.topic", &*validator.topic)];
    validator.hub.post(&form).await.expect(202);
    validator.hub.subscribed(&callback).await;
    validator.ask("unsubscribe", &[]).await.expect(202);
    validator.hub.unsubscribed(&validator.subscriber.url("/cb")).await;
    let last = validator.verifications().pop().unwrap();
    assert_eq!((last.mode().as_str(), last.parameter("hub.lease_seconds")), ("unsubscribe", None));
    validator.publish("text/html; charset=utf-8", "<p>2").await;
    let notified = other.wait_at("/other", 2).await;
    assert_eq!((notified[1].method.as_str(), &notified[1].body[..]), ("POST", &b"<p>2"[..]));
    assert_eq!(validator.notifications().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wr105_wr106_text_and_json_arrive_with_their_types() {
    let validator = Validator::start().await;
    validator.subscribe(&[]).await;
    validator.publish("text/plain", "text\r\n\u{1f980}").await;
    validator.notified(1).await;
    validator.publish("application/json", "{\"a\": [1, 2.50, \"\\u00e9\"]}\n").await;
    validator.notified(2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ab8_ws30_an_open_hub_looks_at_an_unknown_topic_once_the_callback_has_confirmed() {
    let validator = Validator::start().await;
    // A ping makes it look at nothing.
    validator.hub.post(&[("hub.mode", "publish"), ("hub.topic", &validator.topic)]).await.expect(204);
    // A callback that doesn't confirm neither.
    validator.subscriber.answers(|_| Reply::new(404, ""));
    validator.ask("subscribe", &[]).await.expect(202);
    validator.hub.has_asked_everybody().await;
    assert!(validator.publisher.asked().is_empty());
    validator.subscriber.answers(Reply::echo);
    validator.subscribe(&[]).await;
    let asked = validator.publisher.asked();
    assert_eq!((asked.len(), asked[0].method.as_str()), (1, "GET"));
    assert!(asked[0].at > validator.verifications().last().unwrap().at);
}

#[tokio::test(flavor = "multi_thread")]
async fn ws30_ws17_a_topic_of_another_hub_or_with_another_url_of_its_own_is_denied() {
    let validator = Validator::start().await;
    let hub = hub_url(&validator.hub.server);
    let base = validator.publisher.url("");
    validator.publisher.answers(move |asked| {
        let own = format!("{base}{}", asked.target);
        let (hub, own) = match asked.target.as_str() {
            "/other-hub" => ("https://hub.example/".to_owned(), own),
            "/other-self" => (hub.clone(), format!("{base}/canonical")),
            "/nothing" => return Reply::new(200, "no links"),
            "/gone" => return Reply::new(404, ""),
            _ => (hub.clone(), own),
        };
        Reply::new(200, "content").header("link", link(&hub, "hub")).header("link", link(&own, "self"))
    });
    validator.subscriber.answers(Reply::echo);
    for path in ["/other-hub", "/other-self", "/nothing", "/gone", "/good"] {
        let (callback, topic) = (validator.subscriber.url(path), validator.publisher.url(path));
        let form = [("hub.mode", "subscribe"), ("hub.callback", &*callback), ("hub.topic", &*topic)];
        validator.hub.post(&form).await.expect(202);
        if path == "/good" {
            validator.hub.subscribed(&callback).await;
            continue;
        }
        let asked = validator.subscriber.wait_at(path, 2).await;
        assert_eq!((asked[0].mode().as_str(), asked[1].mode().as_str()), ("subscribe", "denied"));
        assert_eq!(asked[1].parameter("hub.topic"), Some(topic));
        assert!(asked[1].parameter("hub.reason").unwrap().contains("doesn't advertise this hub"));
        assert!(validator.hub.find(&callback).await.is_none());
    }
    validator.hub.has_asked_everybody().await;
    assert_eq!(validator.hub.subscriptions().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn br9_a_topic_that_redirects_to_where_nothing_may_be_fetched_is_denied() {
    let validator = Validator::start().await;
    validator.publisher.answers(|_| Reply::new(302, "").header("location", "http://169.254.169.254/latest/meta-data"));
    validator.ask("subscribe", &[]).await.expect(202);
    let asked = validator.subscriber.wait_at("/cb", 2).await;
    assert_eq!(asked[1].mode(), "denied");
    assert_eq!(validator.publisher.asked().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ws17_subscribers_of_a_topic_that_is_deleted_are_told() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let callbacks = ["/1", "/2"].map(|path| subscriber.url(path));
    for callback in &callbacks {
        hub.subscribe(callback, &[]).await;
    }
    let topics = hub.operator.get("/topics/").await.expect(200).json();
    let path = format!("/topics/{}", topics[0]["id"].as_str().unwrap());
    http::request(hub.server.port, "DELETE", &path, &hub.operator.authorization(), b"").await.expect(204);
    for (path, callback) in ["/1", "/2"].iter().zip(&callbacks) {
        let asked = subscriber.wait_at(path, 2).await;
        assert_eq!(asked[1].mode(), "denied");
        hub.unsubscribed(callback).await;
    }
    hub.ask("subscribe", &callbacks[0], &[]).await.expect(404);
}

/// AC8: one server takes the subscription, another one the publication, and the first is killed.
#[tokio::test(flavor = "multi_thread")]
async fn ac8_what_one_server_has_taken_another_one_goes_on_with() {
    let validator = Validator::start().await;
    validator.subscriber.answers(|asked| match asked.method.as_str() {
        "GET" => Reply::echo(asked).after(Duration::from_millis(200)),
        _ => Reply::new(204, ""),
    });
    let Validator { hub, publisher: _publisher, subscriber, topic, .. } = validator;
    let callback = subscriber.url("/cb");
    let body = [("hub.mode", "subscribe"), ("hub.callback", &*callback), ("hub.topic", &*topic)];
    hub.post(&body).await.expect(202);
    // The callback isn't asked yet.
    let RunningHub { server, operator, thorn } = hub;
    let place = server.kill();
    assert!(subscriber.asked().is_empty());
    let settings = [("THORN_HUB", "open"), ("THORN_HUB_FETCH_NETWORKS", "127.0.0.0/8"), ("THORN_BASE_URL", "")];
    let base = format!("http://127.0.0.1:{}", operator.port());
    let settings = settings.map(|(name, value)| (name, if value.is_empty() { &*base } else { value }));
    let second = Server::on(place, &[], &settings).await;
    let operator = second.caller(operator.key());
    let hub = RunningHub { server: second, operator, thorn };
    hub.subscribed(&callback).await;
    let ping = form(&[("hub.mode", "publish"), ("hub.url", &topic)]);
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    http::request(hub.server.port, "POST", "/publish", headers, ping.as_bytes()).await.expect(204);
    let notified = subscriber.wait_at("/cb", 2).await;
    assert_eq!((notified[1].method.as_str(), &notified[1].body[..]), ("POST", &b"<p>0"[..]));
}
