//! How callbacks are asked, and what counts as their consent.

use std::{
    collections::HashSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use super::{
    running::{RunningHub, TOPIC, subscribed},
    subscriber::{Asked, Reply, Subscriber},
};
use crate::app::eventually;

#[tokio::test(flavor = "multi_thread")]
async fn ws8_ws11_ab5_a_callback_is_asked_with_mode_topic_challenge_and_the_granted_lease_and_nothing_else() {
    let hub = RunningHub::start().await;
    let topic = "https://blog.example/f?x=1&y=%2F+%20'#top";
    hub.register(topic).await;
    let subscriber = Subscriber::start().await;
    let form = |mode, target: &'static str| {
        [("hub.mode", mode), ("hub.callback", subscriber.url(target).leak() as &str), ("hub.topic", topic)]
    };
    hub.post(&form("subscribe", "/a")).await.expect(202);
    hub.post(&form("subscribe", "/b")).await.expect(202);
    hub.subscribed(&subscriber.url("/a")).await;
    hub.subscribed(&subscriber.url("/b")).await;
    hub.post(&form("unsubscribe", "/a")).await.expect(202);
    hub.unsubscribed(&subscriber.url("/a")).await;
    let asked = subscriber.asked();
    assert_eq!(asked.len(), 3);
    let challenges: HashSet<String> = asked.iter().map(Asked::challenge).collect();
    assert_eq!(challenges.len(), 3, "each has a challenge of its own");
    for one in &asked {
        assert_eq!(one.method, "GET");
        assert_eq!(one.parameter("hub.topic").as_deref(), Some(topic), "{}", one.target);
        // 32 bytes in base64.
        assert_eq!(one.challenge().len(), 43);
        let lease = if one.mode() == "subscribe" { Some("864000") } else { None };
        assert_eq!(one.parameter("hub.lease_seconds").as_deref(), lease);
        assert_eq!(one.parameters().len(), if lease.is_some() { 4 } else { 3 });
        for absent in ["range", "cookie", "authorization", "referer", "content-type"] {
            assert!(!one.headers.contains_key(absent), "{absent}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ws9_ps6_br2_the_query_of_a_callback_arrives_byte_for_byte_before_ours() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    for (target, own) in [
        ("/1", "/1?"),
        ("/2?a=b%26c", "/2?a=b%26c&"),
        ("/3?z=y&a=b&a=b", "/3?z=y&a=b&a=b&"),
        ("/4?hub.challenge=x&hub.mode=unsubscribe&hub.topic", "/4?hub.challenge=x&hub.mode=unsubscribe&hub.topic&"),
        ("/5?%zz=+%20%C3%A4;=&&", "/5?%zz=+%20%C3%A4;=&&&"),
        ("/6?", "/6?&"),
        ("/7%2F%41;v=1/?x", "/7%2F%41;v=1/?x&"),
    ] {
        hub.subscribe(&subscriber.url(target), &[]).await;
        let asked = subscriber.asked().into_iter().next_back().unwrap();
        let ours = asked.target.strip_prefix(own).unwrap_or_else(|| panic!("{} instead of {own}", asked.target));
        assert!(
            ours.starts_with("hub.mode=subscribe&hub.topic=https%3A%2F%2Fblog.example%2Ffeed&hub.challenge="),
            "{ours}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ws10_only_a_2xx_answer_that_is_exactly_the_challenge_confirms() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let elsewhere = Subscriber::start().await;
    let there = elsewhere.url("/there");
    subscriber.answers(move |asked| {
        let challenge = asked.challenge();
        let own = |before: &str, after: &str| Reply::new(200, format!("{before}{challenge}{after}"));
        match asked.target.split('?').next().unwrap() {
            "/good-200" => Reply::echo(asked),
            "/good-299" => Reply::new(299, challenge),
            "/good-octets" => Reply::echo(asked).header("content-type", "application/octet-stream"),
            "/bad-space" => own("", " "),
            "/bad-newline" => own("", "\n"),
            "/bad-quotes" => own("\"", "\""),
            "/bad-before" => own("x", ""),
            "/bad-json" => own("{\"hub.challenge\":\"", "\"}"),
            "/bad-prefix" => Reply::new(200, &challenge[..42]),
            "/bad-empty" => Reply::new(200, ""),
            "/bad-204" => Reply::new(204, ""),
            "/bad-case" => Reply::new(200, challenge.to_uppercase()),
            "/bad-gzip" => Reply::echo(asked).header("content-encoding", "gzip"),
            "/bad-long" => own("", &"x".repeat(5_000)),
            "/bad-302" => Reply::new(302, challenge.clone()).header("location", format!("{there}?c={challenge}")),
            "/bad-307" => Reply::new(307, "").header("location", "http://169.254.169.254/latest"),
            "/bad-404" => Reply::new(404, challenge),
            "/bad-410" => Reply::new(410, challenge),
            other => panic!("{other}"),
        }
    });
    elsewhere.answers(|asked| Reply::new(200, asked.parameter("c").unwrap_or_default()));
    let good = ["/good-200", "/good-299", "/good-octets"];
    let bad = [
        "/bad-space",
        "/bad-newline",
        "/bad-quotes",
        "/bad-before",
        "/bad-json",
        "/bad-prefix",
        "/bad-empty",
        "/bad-204",
        "/bad-case",
        "/bad-gzip",
        "/bad-long",
        "/bad-302",
        "/bad-307",
        "/bad-404",
        "/bad-410",
    ];
    for path in good.iter().chain(&bad) {
        hub.ask("subscribe", &subscriber.url(path), &[]).await.expect(202);
    }
    hub.has_asked_everybody().await;
    let mut urls: Vec<String> = hub.subscriptions().await.into_iter().map(|one| one.spec.destination.url).collect();
    urls.sort();
    assert_eq!(urls, good.map(|path| subscriber.url(path)));
    for path in bad {
        assert_eq!(subscriber.asked_at(path).len(), 1, "{path} is final");
    }
    assert!(elsewhere.asked().is_empty(), "redirects aren't followed");
}

#[tokio::test(flavor = "multi_thread")]
async fn ws12_br5_a_forged_request_leaves_the_subscription_with_its_secret_and_its_end() {
    let hub = RunningHub::start().await;
    let (subscriber, callback) =
        subscribed(&hub, "/cb", &[("hub.secret", "mine"), ("hub.lease_seconds", "5000")]).await;
    let before = hub.subscribed(&callback).await;
    subscriber.answers(|_| Reply::new(404, "I haven't asked for this"));
    for more in [
        &[("hub.secret", "theirs"), ("hub.lease_seconds", "100000")][..],
        &[],
        &[("hub.secret", "")],
        &[("hub.verify", "async"), ("hub.secret", "theirs")],
    ] {
        hub.ask("subscribe", &callback, more).await.expect(202);
        hub.has_asked_everybody().await;
        assert_eq!(hub.subscribed(&callback).await, before, "{more:?}");
    }
    // Its own subscriber may change all of it.
    subscriber.answers(Reply::echo);
    hub.ask("subscribe", &callback, &[("hub.lease_seconds", "100000")]).await.expect(202);
    let after = eventually("the new lease", || async {
        let now = hub.subscribed(&callback).await;
        if now == before { Err("it is the old one".to_owned()) } else { Ok(now) }
    })
    .await;
    assert_eq!((after.id, &after.spec.destination.signing.secret), (before.id, &None));
    assert!(after.lease.unwrap().expires_at > before.lease.unwrap().expires_at);
    assert_eq!(after.matches_version, before.matches_version, "it has no gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn ws13_only_the_callback_ends_a_subscription() {
    let hub = RunningHub::start().await;
    let (subscriber, callback) = subscribed(&hub, "/cb", &[]).await;
    subscriber.answers(|_| Reply::new(404, ""));
    hub.ask("unsubscribe", &callback, &[]).await.expect(202);
    hub.has_asked_everybody().await;
    assert_eq!(subscriber.asked().last().unwrap().mode(), "unsubscribe");
    hub.subscribed(&callback).await;
    subscriber.answers(Reply::echo);
    hub.ask("unsubscribe", &callback, &[]).await.expect(202);
    hub.unsubscribed(&callback).await;
    // It may come back.
    let again = hub.subscribe(&callback, &[]).await;
    assert!(again.matches_version > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ws15_the_newest_request_counts_whatever_the_order_of_the_answers() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let callback = subscriber.url("/cb");
    // The answer to the first request comes last.
    subscriber.answers(|asked| match asked.mode().as_str() {
        "subscribe" => Reply::echo(asked).after(Duration::from_secs(2)),
        _ => Reply::echo(asked),
    });
    hub.ask("subscribe", &callback, &[]).await.expect(202);
    subscriber.wait_at("/cb", 1).await;
    hub.ask("unsubscribe", &callback, &[]).await.expect(202);
    // A control that is answered later than that.
    hub.subscribe(&subscriber.url("/control"), &[]).await;
    hub.has_asked_everybody().await;
    assert!(hub.find(&callback).await.is_none());

    // The same with a subscription that is there: the later secret stays.
    hub.subscribe(&callback, &[("hub.secret", "first")]).await;
    let slow_once = Arc::new(AtomicUsize::new(0));
    subscriber.answers(move |asked| match slow_once.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::echo(asked).after(Duration::from_secs(2)),
        _ => Reply::echo(asked),
    });
    let before = subscriber.asked_at("/cb").len();
    hub.ask("subscribe", &callback, &[("hub.secret", "second")]).await.expect(202);
    subscriber.wait_at("/cb", before + 1).await;
    hub.ask("subscribe", &callback, &[("hub.secret", "third")]).await.expect(202);
    subscriber.wait_at("/cb", before + 2).await;
    hub.subscribe(&subscriber.url("/control-2"), &[]).await;
    hub.has_asked_everybody().await;
    let secret = hub.subscribed(&callback).await.spec.destination.signing.secret.unwrap();
    assert_eq!(secret.expose(), "third");
}

#[tokio::test(flavor = "multi_thread")]
async fn ws16_br8_a_callback_in_trouble_is_asked_twice_more_and_one_that_has_consented_never_again() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    subscriber.answers(move |asked| match asked.target.split('?').next().unwrap() {
        "/third" if counted.fetch_add(1, Ordering::SeqCst) < 2 => Reply::new(503, asked.challenge()),
        "/never" => Reply::new(500, ""),
        _ => Reply::echo(asked),
    });
    hub.ask("subscribe", &subscriber.url("/third"), &[]).await.expect(202);
    hub.ask("subscribe", &subscriber.url("/never"), &[]).await.expect(202);
    for attempt in 1..=2 {
        subscriber.wait_at("/third", attempt).await;
        subscriber.wait_at("/never", attempt).await;
        assert!(hub.subscriptions().await.is_empty());
        // The pause ends early.
        eventually("the pause", || async {
            hub.end_pauses_after(attempt).await;
            let asked = subscriber.asked_at("/third").len().min(subscriber.asked_at("/never").len());
            if asked > attempt { Ok(()) } else { Err(format!("asked {asked} times")) }
        })
        .await;
    }
    hub.subscribed(&subscriber.url("/third")).await;
    hub.has_asked_everybody().await;
    assert!(hub.find(&subscriber.url("/never")).await.is_none());
    let counts = |path: &str| subscriber.asked_at(path).len();
    assert_eq!((counts("/third"), counts("/never")), (3, 3));
    let challenges: HashSet<String> = subscriber.asked().iter().map(Asked::challenge).collect();
    assert_eq!(challenges.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn ws17_an_operator_withdraws_a_subscription_and_its_callback_is_told() {
    let hub = RunningHub::start().await;
    let (subscriber, callback) = subscribed(&hub, "/cb?own=1", &[]).await;
    let id = hub.subscribed(&callback).await.id;
    // Owners see nothing of it, and it can't be changed.
    let alice = hub.server.key(Some("alice"), "hooks");
    assert_eq!(alice.get("/hooks/").await.expect(200).json().as_array().map(Vec::len), Some(0));
    let path = format!("/hooks/{id}/");
    alice.get(&path).await.expect(404);
    let shown = hub.operator.get(&path).await.expect(200).json();
    assert_eq!((&shown["topic"], &shown["dialect"]), (&TOPIC.into(), &"websub".into()), "{shown}");
    delete(&hub, alice.authorization(), &path).await.expect(404);

    delete(&hub, hub.operator.authorization(), &path).await.expect(204);
    assert!(hub.find(&callback).await.is_none());
    let asked = subscriber.wait_at("/cb", 2).await;
    let names: Vec<_> = asked[1].parameters().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["own", "hub.mode", "hub.topic", "hub.reason"]);
    assert_eq!((asked[1].mode().as_str(), asked[1].parameter("hub.topic").as_deref()), ("denied", Some(TOPIC)));
    hub.has_asked_everybody().await;
    assert_eq!(subscriber.asked().len(), 2);
    // The subscriber may come back.
    hub.subscribe(&callback, &[]).await;
}

async fn delete(hub: &RunningHub, authorization: String, path: &str) -> crate::blog::http::Answer {
    crate::blog::http::request(hub.server.port, "DELETE", path, &authorization, b"").await
}

#[tokio::test(flavor = "multi_thread")]
async fn ws26_br10_each_spelling_of_a_callback_and_each_topic_is_a_subscription_of_its_own() {
    let hub = RunningHub::start().await;
    let other = "https://blog.example/other";
    hub.register(other).await;
    let subscriber = Subscriber::start().await;
    for target in ["/cb", "/cb/", "/cb?a", "/cb?a="] {
        hub.subscribe(&subscriber.url(target), &[("hub.secret", target)]).await;
    }
    hub.post(&[("hub.mode", "subscribe"), ("hub.callback", &subscriber.url("/cb")), ("hub.topic", other)])
        .await
        .expect(202);
    eventually("five subscriptions", || async {
        let all = hub.subscriptions().await.len();
        if all == 5 { Ok(()) } else { Err(all.to_string()) }
    })
    .await;
    for one in hub.subscriptions().await {
        let secret = one.spec.destination.signing.secret.as_ref().map(|secret| subscriber.url(secret.expose()));
        let is_other = one.lease.as_ref().unwrap().topic_given == other;
        assert_eq!(secret, (!is_other).then(|| one.spec.destination.url.clone()));
    }
    // Another spelling of the topic is the same topic.
    let spelt = "HTTPS://blog.example:443/x/../feed";
    hub.post(&[("hub.mode", "subscribe"), ("hub.callback", &subscriber.url("/cb")), ("hub.topic", spelt)])
        .await
        .expect(202);
    hub.has_asked_everybody().await;
    assert_eq!(subscriber.asked().last().unwrap().parameter("hub.topic").as_deref(), Some(spelt));
    assert_eq!(hub.subscriptions().await.len(), 5);
}
