//! The bounds that keep strangers from using the hub against others.

use std::time::Duration;

use tokio::{io::AsyncWriteExt as _, net::TcpSocket};

use super::{
    fixture::FORM,
    running::{RunningHub, TOPIC, form},
    subscriber::{Reply, Subscriber},
};
use crate::{
    app::eventually,
    blog::http::{self, Answer},
};

/// How long an answer asks to wait.
fn wait(answer: &Answer) -> u64 {
    answer.header("retry-after").parse().unwrap_or_else(|_| panic!("no Retry-After: {answer:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ab2_a_host_and_an_address_are_asked_so_often_in_a_minute() {
    let hub = RunningHub::with(&[("THORN_HUB_RATES", "host=10,pending=none,source=none,failures=none")]).await;
    let subscriber = Subscriber::start().await;
    // Two names of one address count together.
    let by_name = |path: &str| format!("http://localhost:{}{path}", subscriber.port());
    for n in 0..10 {
        let path = format!("/{n}");
        let callback = if n % 2 == 0 { subscriber.url(&path) } else { by_name(&path) };
        let answer = hub.ask("subscribe", &callback, &[]).await;
        if answer.status == 400 {
            // Where `localhost` has an IPv6 address, too, which nothing may be sent to.
            hub.ask("subscribe", &subscriber.url(&path), &[]).await.expect(202);
        } else {
            answer.expect(202);
        }
    }
    for (mode, path) in [("subscribe", "/10"), ("subscribe", "/0"), ("unsubscribe", "/0")] {
        if mode == "unsubscribe" {
            hub.subscribed(&subscriber.url("/0")).await;
        }
        let answer = hub.ask(mode, &subscriber.url(path), &[]).await.expect(429);
        assert!(answer.text.starts_with("429 hub.callback: ") && (1..=61).contains(&wait(&answer)), "{answer:?}");
    }
    hub.has_asked_everybody().await;
    assert_eq!(subscriber.asked().len(), 10);
    // A minute later.
    hub.execute("UPDATE thorn_callback_host SET asked = ''").await;
    hub.subscribe(&subscriber.url("/10"), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ab2_so_many_requests_for_a_host_wait_for_their_confirmation() {
    let hub = RunningHub::with(&[("THORN_HUB_RATES", "host=none,pending=20,source=none,failures=none")]).await;
    let subscriber = Subscriber::start().await;
    subscriber.answers(|_| Reply::new(503, ""));
    for n in 0..20 {
        hub.ask("subscribe", &subscriber.url(&format!("/{n}")), &[]).await.expect(202);
    }
    let answer = hub.ask("subscribe", &subscriber.url("/20"), &[]).await.expect(429);
    assert!(wait(&answer) >= 1);
    assert_eq!(hub.intents().await, 20);
    // A repeated request takes no further place.
    hub.ask("subscribe", &subscriber.url("/7"), &[]).await.expect(202);
    subscriber.answers(Reply::echo);
    eventually("a free place", || async {
        hub.end_pauses_after(1).await;
        if hub.intents().await < 20 { Ok(()) } else { Err("all wait".to_owned()) }
    })
    .await;
    hub.ask("subscribe", &subscriber.url("/20"), &[]).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn ab2_a_source_may_ask_so_often_in_a_minute() {
    let hub = RunningHub::with(&[("THORN_HUB_RATES", "host=none,pending=none,source=30")]).await;
    let subscriber = Subscriber::start().await;
    for n in 0..30 {
        let mode = if n % 2 == 0 { "subscribe" } else { "unsubscribe" };
        hub.ask(mode, &subscriber.url(&format!("/{n}")), &[]).await.expect(202);
    }
    let answer = hub.ask("subscribe", &subscriber.url("/30"), &[]).await.expect(429);
    assert!((1..=61).contains(&wait(&answer)) && answer.text.starts_with("429 "), "{answer:?}");
    // Other resources aren't limited by that.
    hub.operator.get("/hooks/").await.expect(200);
    hub.has_asked_everybody().await;
    assert!(subscriber.asked_at("/30").is_empty());
}

/// Says from this address of loopback that a topic has changed.
async fn ping_from(address: &str, hub: &RunningHub, topic: &str) -> Answer {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    let mut stream = socket.connect(([127, 0, 0, 1], hub.server.port).into()).await.unwrap();
    let body = form(&[("hub.mode", "publish"), ("hub.url", topic)]);
    let head =
        format!("POST /hub HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    stream.write_all(format!("{head}{FORM}\r\n{body}").as_bytes()).await.unwrap();
    http::answer(stream).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ab2_ab8_ws31_an_open_hub_counts_pings_by_their_source() {
    let rates = ("THORN_HUB_RATES", "host=none,pending=none,source=30");
    let hub = RunningHub::with(&[rates, ("THORN_HUB", "open")]).await;
    let subscriber = Subscriber::start().await;
    let noted = async |pings: u32| {
        assert_eq!(hub.count(&format!("thorn_topic WHERE pings = {pings} AND pinged_at IS NOT NULL")).await, 1);
    };
    // Requests of subscribers count together with them.
    hub.ask("subscribe", &subscriber.url("/cb"), &[]).await.expect(202);
    for n in 1..30 {
        // Topics that the hub doesn't know count, too.
        ping_from("127.0.0.1", &hub, if n % 2 == 1 { TOPIC } else { "https://blog.example/unknown" }).await.expect(204);
    }
    noted(15).await;
    let answer = ping_from("127.0.0.1", &hub, TOPIC).await.expect(429);
    assert!((1..=61).contains(&wait(&answer)) && answer.text.starts_with("429 "), "{answer:?}");
    hub.ask("subscribe", &subscriber.url("/other"), &[]).await.expect(429);
    noted(15).await;
    // A neighbour doesn't notice.
    ping_from("127.0.0.2", &hub, TOPIC).await.expect(204);
    noted(16).await;
    // A request that can't be read counts for nothing.
    for _ in 0..40 {
        ping_from("127.0.0.3", &hub, "no url").await.expect(400);
    }
    ping_from("127.0.0.3", &hub, TOPIC).await.expect(204);
    noted(17).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ab2_pings_with_a_key_are_counted_by_nobody() {
    let hub = RunningHub::with(&[("THORN_HUB_RATES", "source=1")]).await;
    let headers = format!("{FORM}{}", hub.operator.authorization());
    let body = form(&[("hub.mode", "publish"), ("hub.url", TOPIC)]);
    for _ in 0..5 {
        http::request(hub.server.port, "POST", "/hub", &headers, body.as_bytes()).await.expect(204);
    }
    hub.ask("subscribe", "http://127.0.0.1:9/", &[]).await.expect(202);
    hub.ask("subscribe", "http://127.0.0.1:9/", &[]).await.expect(429);
}

#[tokio::test(flavor = "multi_thread")]
async fn ab3_a_host_whose_verifications_fail_all_the_time_is_put_off_for_an_hour() {
    let hub = RunningHub::with(&[("THORN_HUB_RATES", "host=none,pending=none,source=none,failures=10")]).await;
    let subscriber = Subscriber::start().await;
    subscriber
        .answers(|asked| if asked.target.starts_with("/good") { Reply::echo(asked) } else { Reply::new(404, "") });
    let fail = async |from: usize, to: usize| {
        for n in from..to {
            hub.ask("subscribe", &subscriber.url(&format!("/bad-{n}")), &[]).await.expect(202);
            hub.has_asked_everybody().await;
        }
    };
    fail(0, 9).await;
    // One success, and they are no longer in a row.
    hub.subscribe(&subscriber.url("/good-1"), &[]).await;
    fail(9, 19).await;
    for path in ["/bad-19", "/good-2"] {
        let answer = eventually("the host to be put off", || async {
            let answer = hub.ask("subscribe", &subscriber.url(path), &[]).await;
            if answer.status == 429 { Ok(answer) } else { Err(format!("{answer:?}")) }
        })
        .await;
        assert!((3_500..=3_601).contains(&wait(&answer)), "{answer:?}");
    }
    assert_eq!(hub.count("thorn_callback_host WHERE put_off_until IS NOT NULL").await, 1);
    // An hour later.
    hub.pass("thorn_callback_host", "put_off_until", Duration::from_secs(3_601)).await;
    hub.subscribe(&subscriber.url("/good-2"), &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ab7_a_topic_and_the_hub_have_so_many_subscriptions() {
    let rates = "host=none,pending=none,source=none,topic=2,hub=3";
    let hub = RunningHub::with(&[("THORN_HUB_RATES", rates), ("THORN_HUB_LEASE", "1000,1000,1000")]).await;
    let other = "https://blog.example/other";
    hub.register(other).await;
    let subscriber = Subscriber::start().await;
    let at = async |topic, path: &str| {
        hub.post(&[("hub.mode", "subscribe"), ("hub.callback", &subscriber.url(path)), ("hub.topic", topic)]).await
    };
    for path in ["/1", "/2"] {
        hub.subscribe(&subscriber.url(path), &[]).await;
    }
    let answer = at(TOPIC, "/3").await.expect(503);
    assert!(wait(&answer) >= 1 && answer.text.starts_with("503 "), "{answer:?}");
    at(TOPIC, "/2").await.expect(202);
    at(other, "/3").await.expect(202);
    hub.subscribed(&subscriber.url("/3")).await;
    at(other, "/4").await.expect(503);
    hub.has_asked_everybody().await;
    assert_eq!(hub.subscriptions().await.len(), 3);
    // A place becomes free with the end of a lease or of a subscription.
    hub.ask("unsubscribe", &subscriber.url("/1"), &[]).await.expect(202);
    hub.unsubscribed(&subscriber.url("/1")).await;
    hub.subscribe(&subscriber.url("/5"), &[]).await;
}

/// Requests that are confirmed together can't take one place together.
#[tokio::test(flavor = "multi_thread")]
async fn ab7_the_last_place_is_given_once_and_the_others_are_told() {
    let hub = RunningHub::with(&[("THORN_HUB_RATES", "host=none,pending=none,source=none,topic=1")]).await;
    let subscriber = Subscriber::start().await;
    subscriber.answers(|asked| Reply::echo(asked).after(Duration::from_secs(1)));
    for path in ["/1", "/2", "/3"] {
        hub.ask("subscribe", &subscriber.url(path), &[]).await.expect(202);
    }
    hub.has_asked_everybody().await;
    assert_eq!(hub.subscriptions().await.len(), 1);
    let denied = subscriber.asked().into_iter().filter(|asked| asked.mode() == "denied");
    assert_eq!(denied.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn ab6_many_subscriptions_of_one_host_hold_up_nobody_else() {
    const MANY: usize = 150;
    let hub = RunningHub::start().await;
    let (many, one) = (Subscriber::start().await, Subscriber::start().await);
    let paths: Vec<String> = (0..MANY).map(|n| format!("/{n}")).collect();
    for path in &paths {
        hub.ask("subscribe", &many.url(path), &[]).await.expect(202);
    }
    hub.has_asked_everybody().await;
    hub.subscribe(&one.url("/cb"), &[]).await;
    many.answers(|_| Reply::new(204, "").after(Duration::from_millis(700)));
    one.answers(|_| Reply::new(204, ""));
    hub.hand_in("a version").await;
    let notified = one.wait_at("/cb", 2).await[1].at;
    let posts = || many.asked().into_iter().filter(|asked| asked.method == "POST").collect::<Vec<_>>();
    let all = eventually("a notification of each", || async {
        let posts = posts();
        if posts.len() == MANY { Ok(posts) } else { Err(posts.len().to_string()) }
    })
    .await;
    let last = all.iter().map(|asked| asked.at).max().unwrap();
    assert!(notified < last, "it waited for all of the others");
    let targets: std::collections::HashSet<_> = all.iter().map(|asked| &asked.target).collect();
    assert_eq!(targets.len(), MANY, "each is notified once");
}

#[tokio::test(flavor = "multi_thread")]
async fn ab5_a_callback_that_sends_without_end_is_read_no_further_than_4_kib() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    subscriber.answers(|asked| Reply::new(200, [asked.challenge().as_bytes(), &vec![b'x'; 50_000_000]].concat()));
    let answer = hub.ask("subscribe", &subscriber.url("/cb"), &[("hub.verify", "sync")]).await;
    answer.expect(409);
    assert_eq!((subscriber.asked().len(), hub.intents().await), (1, 0));
}
