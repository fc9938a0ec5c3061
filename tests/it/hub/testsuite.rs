//! The cases of `progrium/pubsubhubbub-testsuite` for hubs of `PubSubHubbub` 0.2, in our own words. The numbers are those of
//! the sections that the suite quotes. Its requests wait for their verification and have a token, unless a case says otherwise.
//!
//! These cases are left out:
//!
//! - A request without `hub.verify` is one of WebSub, and gets 202.
//! - A version is the whole feed, never its new or changed entries alone (WS19).
//! - Feeds aren't aggregated, so each subscription of a callback has a secret of its own.
//!
//! The suite has a mode `status` and a parameter `hub.debug.retry_after` of its own making. The subscriptions and the pauses
//! in the database take their place here.

use super::{
    running::form,
    subscriber::{Asked, Reply},
    validator::Validator,
};
use crate::{
    app::eventually,
    blog::http::{self, Answer},
};

const MODES: [&str; 2] = ["subscribe", "unsubscribe"];

const TOKEN: &str = "qfwef9";

/// Parameters in place of the usual ones of these names. `None` leaves a parameter out. A callback may be a path of the
/// subscriber.
type Changes = [(&'static str, Option<&'static str>)];

const ASYNC: &Changes = &[("hub.verify", Some("async"))];

const FEED: &str = r#"<?xml version="1.0"?>
<feed xmlns="http://www.w3.org/2005/Atom">
  <title>Cats</title>
  <updated>2026-01-02T03:04:05Z</updated>
  <entry><id> tag:cats.example,2026:1 </id><title>One</title><content>Whole</content></entry>
  <entry><id>tag:cats.example,2026:2</id><title>Two</title><summary>In short</summary></entry>
</feed>
"#;

/// The hub with a publisher and a subscriber, who echoes every challenge.
struct Suite(Validator);

impl Suite {
    async fn start() -> Self {
        let validator = Validator::start().await;
        validator.subscriber.answers(Reply::echo);
        Self(validator)
    }

    fn callback(&self) -> String {
        self.0.subscriber.url("/cb")
    }

    async fn ask(&self, mode: &str, changes: &Changes) -> Answer {
        let (callback, topic) = (self.callback(), self.0.topic.clone());
        let usual = [
            ("hub.mode", mode),
            ("hub.callback", &*callback),
            ("hub.topic", &*topic),
            ("hub.verify", "sync"),
            ("hub.verify_token", TOKEN),
        ];
        let usual = usual.into_iter().filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let usual = usual.map(|(name, value)| (name, value.to_owned()));
        let changed = changes.iter().filter_map(|(name, value)| {
            let value = (*value)?;
            Some((*name, if value.starts_with('/') { self.0.subscriber.url(value) } else { value.to_owned() }))
        });
        let all: Vec<(&str, String)> = usual.chain(changed).collect();
        self.0.hub.post(&all.iter().map(|(name, value)| (*name, &**value)).collect::<Vec<_>>()).await
    }

    async fn is_subscribed(&self) -> bool {
        self.0.hub.find(&self.callback()).await.is_some()
    }

    /// The next GET to the callback, once it has arrived.
    async fn get(&self, before: usize) -> Asked {
        self.0.subscriber.wait_at("/cb", before + 1).await.remove(before)
    }

    fn gets(&self) -> usize {
        self.0.subscriber.asked_at("/cb").len()
    }

    /// Waits until the hub has given up, without its pauses.
    async fn has_given_up(&self) {
        eventually("the end of all attempts", || async {
            self.0.hub.end_pauses_after(1).await;
            self.0.hub.end_pauses_after(2).await;
            match self.0.hub.intents().await {
                0 => Ok(()),
                left => Err(left.to_string()),
            }
        })
        .await;
    }

    /// Says that the topic has changed, with the suite's name of the parameter.
    async fn publish(&self) {
        self.0.hub.post(&[("hub.mode", "publish"), ("hub.url", &self.0.topic)]).await.expect(204);
    }

    /// The version number `n`, once it has arrived.
    async fn version(&self, n: usize) -> Asked {
        eventually("a version", || async {
            let mut posts = self.0.subscriber.asked().into_iter().filter(|asked| asked.method == "POST");
            posts.nth(n).ok_or_else(|| "it isn't there".to_owned())
        })
        .await
    }

    /// From now on, the publisher has this feed.
    fn has_feed(&self, feed: String) {
        let links = [("hub", self.0.hub_url()), ("self", self.0.topic.clone())];
        self.0.publisher.answers(move |_| {
            let reply = Reply::new(200, feed.clone()).header("content-type", "application/atom+xml");
            let link = |(relation, url): &(&str, String)| format!("<{url}>; rel=\"{relation}\"");
            links.iter().fold(reply, |reply, one| reply.header("link", link(one)))
        });
    }
}

/// Sections 6.1, 6.1.1 and 6.1.2.
#[tokio::test(flavor = "multi_thread")]
async fn ps12_a_request_that_can_t_be_granted_is_a_client_s_error_with_a_line_of_text() {
    const CASES: [(&str, &Changes, &str); 8] = [
        ("6.1 the mode is another word", &[("hub.mode", Some("not subscribe"))], "hub.mode"),
        ("6.1 no callback", &[("hub.callback", None)], "hub.callback"),
        ("6.1 no topic", &[("hub.topic", None)], "hub.topic"),
        ("6.1 no word of hub.verify that the hub knows", &[("hub.verify", Some("invalid"))], "hub.verify"),
        ("6.1.1 a topic with a fragment", &[("hub.topic", Some("http://example.com/path#part"))], "hub.topic"),
        ("6.1.1 a callback with a fragment", &[("hub.callback", Some("/cb#part"))], "hub.callback"),
        ("6.1.2 a callback that is no URL", &[("hub.callback", Some("invalid url"))], "hub.callback"),
        ("6.1.2 the same, and the text says so", &[("hub.callback", Some("invalid url"))], " url"),
    ];
    let suite = Suite::start().await;
    for mode in MODES {
        for (case, changes, part) in CASES {
            let answer = suite.ask(mode, changes).await;
            assert_eq!((answer.status, answer.text.contains(part)), (400, true), "{mode}, {case}: {answer:?}");
            assert!(answer.header("content-type").starts_with("text/plain"), "{mode}, {case}: {answer:?}");
        }
    }
    assert_eq!((suite.0.subscriber.asked().len(), suite.0.hub.intents().await), (0, 0));
}

/// Sections 6.1 and 7.1.
#[tokio::test(flavor = "multi_thread")]
async fn ps12_other_methods_and_other_types_are_refused() {
    let suite = Suite::start().await;
    let (callback, topic) = (suite.callback(), suite.0.topic.clone());
    for mode in ["subscribe", "unsubscribe", "publish"] {
        let parameters = [("hub.mode", mode), ("hub.callback", &callback), ("hub.topic", &topic), ("hub.url", &topic)];
        let (target, port) = (format!("/hub?{}", form(&parameters)), suite.0.hub.server.port);
        let json = serde_json::to_vec(&std::collections::HashMap::from(parameters)).unwrap();
        let got = http::request(port, "GET", &target, "", b"").await;
        assert_eq!((got.status, got.header("allow")), (405, "POST"), "{mode}: {got:?}");
        let posted = http::request(port, "POST", &target, "content-type: application/json\r\n", &json).await;
        assert_eq!(posted.status, 415, "{mode}: {posted:?}");
    }
    assert!(suite.0.subscriber.asked().is_empty() && suite.0.publisher.asked().is_empty());
}

/// Sections 6.1, 6.1.1, 6.1.2 and 6.2. An unsubscription is confirmed whether there is a subscription or not.
#[tokio::test(flavor = "multi_thread")]
async fn ps12_the_callback_is_asked_with_a_get_whose_parameters_follow_its_own() {
    const OTHER: &str = "http://example.com/forced_topic";
    const CASES: [(&str, &Changes, u16, &str); 9] = [
        ("6.1 sync", &[], 204, "/cb?"),
        ("6.1 sync and a word", &[("hub.verify", Some("sync")), ("hub.verify", Some("foobar"))], 204, "/cb?"),
        ("6.1 async", ASYNC, 202, "/cb?"),
        (
            "6.1 all words",
            &[("hub.verify", Some("async")), ("hub.verify", Some("sync")), ("hub.verify", Some("other"))],
            202,
            "/cb?",
        ),
        ("6.1.1 a query stays", &[("hub.callback", Some("/cb?z=y&a=b"))], 204, "/cb?z=y&a=b&"),
        (
            "6.1.1 no parameter is overwritten",
            &[("hub.callback", Some("/cb?hub.challenge=imahacker"))],
            204,
            "/cb?hub.challenge=imahacker&",
        ),
        ("6.1.1 ours are appended", &[("hub.callback", Some("/cb?x=y"))], 204, "/cb?x=y&"),
        ("6.2 the topic comes back", &[("hub.topic", Some(OTHER))], 204, "/cb?"),
        ("6.2 no token comes back if none was given", &[("hub.verify_token", None)], 204, "/cb?"),
    ];
    let suite = Suite::start().await;
    suite.0.hub.register(OTHER).await;
    for (case, changes, status, begin) in CASES {
        for mode in ["unsubscribe", "subscribe", "subscribe", "unsubscribe", "unsubscribe"] {
            let before = suite.gets();
            let answer = suite.ask(mode, changes).await;
            assert_eq!((answer.status, &*answer.text), (status, ""), "{mode}, {case}: {answer:?}");
            // A request that waits is answered after the callback.
            assert!(status == 202 || suite.gets() == before + 1, "{mode}, {case}");
            let asked = suite.get(before).await;
            suite.0.hub.has_asked_everybody().await;
            assert_eq!((asked.method.as_str(), &asked.body[..]), ("GET", &b""[..]), "{mode}, {case}");
            let ours = asked.target.strip_prefix(begin).unwrap_or_else(|| panic!("{mode}, {case}: {}", asked.target));
            assert!(ours.starts_with("hub.mode="), "{mode}, {case}: {ours}");
            let ours = Asked { target: format!("/?{ours}"), ..asked };
            let given = |name: &str| changes.iter().find(|(changed, _)| *changed == name).map(|(_, value)| *value);
            assert_eq!(ours.mode(), mode, "{case}");
            let topic = given("hub.topic").flatten().unwrap_or(&suite.0.topic);
            assert_eq!(ours.parameter("hub.topic").as_deref(), Some(topic), "{mode}, {case}");
            let token = given("hub.verify_token").unwrap_or(Some(TOKEN));
            assert_eq!(ours.parameter("hub.verify_token").as_deref(), token, "{mode}, {case}");
            let challenges = ours.parameters().into_iter().filter(|(name, _)| name == "hub.challenge");
            let challenges: Vec<_> = challenges.map(|(_, value)| value).collect();
            assert!(challenges.len() == 1 && !challenges[0].is_empty(), "{mode}, {case}: {challenges:?}");
        }
    }
}

/// Sections 6.1.2 and 6.2. Only the echo of the challenge changes anything.
#[tokio::test(flavor = "multi_thread")]
async fn ps12_only_an_answer_of_2xx_with_the_challenge_confirms() {
    let statuses = (300..=307).chain(400..=417).chain(500..=505);
    let suite = Suite::start().await;
    for is_subscribed in [false, true] {
        if is_subscribed {
            suite.0.subscriber.answers(Reply::echo);
            // 6.1.2 Also again.
            for _ in 0..2 {
                suite.ask("subscribe", &[]).await.expect(204);
                assert!(suite.is_subscribed().await);
            }
        }
        for mode in MODES {
            for status in statuses.clone() {
                suite.0.subscriber.answers(move |asked| match status {
                    304 => Reply::new(304, ""),
                    _ => Reply::new(status, asked.challenge()),
                });
                let answer = suite.ask(mode, &[]).await;
                assert_eq!(answer.status, 409, "{mode}, 6.2 the callback answers {status}: {answer:?}");
                assert!(answer.text.contains("hub.callback"), "{mode}, {status}: {answer:?}");
            }
            suite.0.subscriber.answers(|_| Reply::new(200, "not the challenge"));
            suite.ask(mode, &[]).await.expect(409);
            assert_eq!(suite.is_subscribed().await, is_subscribed, "{mode}");
        }
    }
    // 6.1.2 A subscription ends if its callback confirms.
    suite.0.subscriber.answers(Reply::echo);
    suite.ask("unsubscribe", &[]).await.expect(204);
    assert!(!suite.is_subscribed().await);
}

/// Sections 6.2 and 6.2.1.
#[tokio::test(flavor = "multi_thread")]
async fn ps12_without_waiting_404_is_final_and_500_is_asked_again_and_changes_nothing() {
    let suite = Suite::start().await;
    for is_subscribed in [false, true] {
        if is_subscribed {
            suite.0.subscriber.answers(Reply::echo);
            suite.ask("subscribe", &[]).await.expect(204);
        }
        for mode in MODES {
            for (status, requests) in [(404, 1), (500, 3)] {
                suite.0.subscriber.answers(move |_| Reply::new(status, "no"));
                let before = suite.gets();
                suite.ask(mode, ASYNC).await.expect(202);
                suite.has_given_up().await;
                assert_eq!(suite.gets() - before, requests, "{mode}, 6.2 the callback answers {status}");
                assert_eq!(suite.is_subscribed().await, is_subscribed, "{mode}, 6.2 the callback answers {status}");
            }
        }
    }
}

/// Section 7.1.
#[tokio::test(flavor = "multi_thread")]
async fn ps12_a_publisher_names_a_mode_and_a_url() {
    let suite = Suite::start().await;
    let topic = suite.0.topic.clone();
    for (case, parameters, status) in [
        ("no mode", &[("hub.url", &*topic)][..], 400),
        ("another mode", &[("hub.mode", "not publish"), ("hub.url", &*topic)], 400),
        ("no URL", &[("hub.mode", "publish")], 400),
        ("nothing", &[], 400),
        ("a topic without subscribers", &[("hub.mode", "publish"), ("hub.url", &*topic)], 204),
    ] {
        let answer = suite.0.hub.post(parameters).await;
        assert_eq!((answer.status, answer.text.is_empty()), (status, status == 204), "7.1 {case}: {answer:?}");
    }
}

/// Sections 7.1 to 7.4.
#[tokio::test(flavor = "multi_thread")]
async fn ps12_a_feed_is_fetched_and_posted_as_it_is_with_a_signature_until_that_succeeds() {
    let suite = Suite::start().await;
    suite.has_feed(FEED.to_owned());
    suite.ask("subscribe", &[("hub.secret", Some("N0tPubl1cK"))]).await.expect(204);
    // The open hub has looked at the links.
    let fetches = suite.0.publisher.asked().len();
    suite
        .0
        .subscriber
        .answers(|asked| if asked.method == "GET" { Reply::echo(asked) } else { Reply::new(500, "broken") });
    suite.publish().await;
    // 7.3 A delivery is retried.
    suite.version(1).await;
    suite.0.subscriber.answers(|_| Reply::new(204, ""));
    let version = suite.version(2).await;
    // 7.2 The topic is fetched with GET, and told how many subscribers there are.
    let fetched = suite.0.publisher.asked().split_off(fetches);
    assert_eq!((fetched.len(), fetched[0].method.as_str()), (1, "GET"));
    assert_eq!(fetched[0].headers["x-hub-subscribers"], "1");
    // 7.3 The feed arrives whole: its type, its own elements, and the ids of its entries.
    assert_eq!(
        (version.target.as_str(), version.headers["content-type"].as_bytes()),
        ("/cb", &b"application/atom+xml"[..])
    );
    assert_eq!(version.body, FEED.as_bytes());
    // 7.4 The signature, as another program has computed it.
    assert_eq!(version.headers["x-hub-signature"], "sha1=c3034387aea2749944fd8bcde635caacf2243b41");
    // 7.3 A feed with another entry is a version, too. The pause between two fetches passes before.
    let next = FEED.replace("</feed>", "  <entry><id>tag:cats.example,2026:3</id></entry>\n</feed>");
    suite.has_feed(next.clone());
    suite.publish().await;
    assert_eq!(suite.version(3).await.body, next.as_bytes());
}
