//! The functional cases of Thorn, between real processes.

use std::{collections::BTreeSet, path::Path, process::Stdio};

use serde_json::{Value, json};
use thorn::{Thorn, attempt::DeliveryState};
use thorn_core::testing::Receiver;

use super::{Blog, LOOPBACK, assert_delivery, path, process::Process, text};
use crate::app::{PATIENCE, config, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn thorn_182_two_subscriptions_are_listed_and_each_ends_by_its_own_url() {
    let blog = Blog::start(&[LOOPBACK]).await;
    let urls = async || {
        let listed = blog.send("alice", "GET", "/hooks/", &Value::Null).await.expect(200).json();
        listed.as_array().unwrap().iter().map(|one| text(&one["url"]).to_owned()).collect::<BTreeSet<_>>()
    };
    let [one, two] = ["http://127.0.0.1:8001/", "http://127.0.0.1:8002/"].map(str::to_owned);
    let first = blog.subscribe("alice", "article.*", &one).await;
    let second = blog.subscribe("alice", "article.*", &two).await;
    assert_eq!(urls().await, BTreeSet::from([one, two.clone()]));
    blog.unsubscribe("alice", &first).await;
    assert_eq!(urls().await, BTreeSet::from([two]));
    blog.unsubscribe("alice", &second).await;
    assert_eq!(urls().await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_183_each_change_is_one_delivery_with_the_right_everything() {
    let (blog, receiver) = (Blog::start(&[LOOPBACK]).await, Receiver::start().await.unwrap());
    let mut subscriptions = Vec::new();
    for event in ["created", "changed", "published", "removed"] {
        let url = receiver.url(&format!("/{event}"));
        subscriptions.push((event, blog.subscribe("alice", &format!("article.{event}"), &url).await));
    }
    let draft = blog.write("alice", "„Grüße“ & <b>more</b>").await;
    let published = blog.patch("alice", &draft, json!({"state": "PUBLISHED"})).await.expect(200).json();
    blog.send("alice", "DELETE", &path(&draft), &Value::Null).await.expect(204);
    blog.send("alice", "GET", &path(&draft), &Value::Null).await.expect(404);

    let requests = receiver.wait_for(4, PATIENCE).await.unwrap();
    for (event, subscription) in &subscriptions {
        let article = if *event == "created" { &draft } else { &published };
        let request = requests.iter().find(|request| request.path == format!("/{event}")).unwrap();
        assert_delivery(request, subscription, &format!("article.{event}"), article);
    }
    assert_eq!(blog.fanouts().await, [1; 4]);
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_185_a_hundred_subscribers_are_exactly_a_hundred_deliveries() {
    let settings = [LOOPBACK, ("THORN_MAX_SUBSCRIPTIONS_PER_HOST", "none")];
    let (blog, receiver) = (Blog::start(&settings).await, Receiver::start().await.unwrap());
    let mut subscriptions = Vec::new();
    for n in 0..100 {
        subscriptions.push(blog.subscribe("alice", "article.created", &receiver.url(&format!("/{n}"))).await);
    }
    let article = blog.write("alice", "for all").await;
    receiver.wait_for(100, PATIENCE).await.unwrap();

    let thorn = Thorn::builder(blog.db().await).config(config()).build().await.unwrap();
    for (n, subscription) in subscriptions.iter().enumerate() {
        let id = text(&subscription["id"]).parse().unwrap();
        let row = eventually("the delivery's row", || async {
            let rows = thorn.history().of_subscription(id, 10).await.unwrap();
            <[_; 1]>::try_from(rows).map_err(|rows| format!("{rows:?}"))
        })
        .await;
        assert_eq!((row[0].state, row[0].attempts), (Some(DeliveryState::Delivered), 1), "{row:?}");
        let requests = receiver.received();
        let theirs: Vec<_> =
            requests.iter().filter(|one| one.header("hook-subscription") == text(&subscription["id"])).collect();
        assert_eq!(theirs.len(), 1);
        assert_eq!(theirs[0].path, format!("/{n}"));
        assert_eq!(theirs[0].header("hook-delivery"), row[0].id.to_string());
        assert_delivery(theirs[0], subscription, "article.created", &article);
    }
    assert_eq!((blog.fanouts().await, receiver.received().len()), (vec![100], 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_186_nobody_hears_of_another_s_articles() {
    let (blog, receiver) = (Blog::start(&[LOOPBACK]).await, Receiver::start().await.unwrap());
    let bobs = blog.subscribe("bob", "*", &receiver.url("/bob")).await;
    let alices = blog.subscribe("alice", "*", &receiver.url("/alice")).await;
    let by_alice = blog.write("alice", "private").await;
    assert_delivery(&receiver.wait_for(1, PATIENCE).await.unwrap()[0], &alices, "article.created", &by_alice);
    let by_bob = blog.write("bob", "his own").await;
    assert_delivery(&receiver.wait_for(2, PATIENCE).await.unwrap()[1], &bobs, "article.created", &by_bob);
    assert_eq!(blog.fanouts().await, [1, 1]);
    assert_eq!(receiver.received().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_187_after_unsubscribing_nothing_arrives() {
    let (blog, receiver) = (Blog::start(&[LOOPBACK]).await, Receiver::start().await.unwrap());
    let left = blog.subscribe("alice", "article.*", &receiver.url("/left")).await;
    let first = blog.write("alice", "heard").await;
    assert_delivery(&receiver.wait_for(1, PATIENCE).await.unwrap()[0], &left, "article.created", &first);
    blog.unsubscribe("alice", &left).await;

    let stays = blog.subscribe("alice", "article.*", &receiver.url("/stays")).await;
    for n in 1..=5 {
        let article = blog.write("alice", "unheard").await;
        let last = receiver.wait_for(1 + n, PATIENCE).await.unwrap().pop().unwrap();
        assert_delivery(&last, &stays, "article.created", &article);
    }
    assert_eq!(blog.fanouts().await, [1; 6]);
    assert_eq!(receiver.received().iter().filter(|request| request.path == "/left").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn published_is_what_became_published_and_a_refused_change_is_no_event() {
    let (blog, receiver) = (Blog::start(&[LOOPBACK]).await, Receiver::start().await.unwrap());
    blog.subscribe("alice", "**", &receiver.url("/")).await;
    let article = blog.write("alice", "a draft").await;
    blog.patch("alice", &article, json!({"title": "a better draft"})).await.expect(200);
    blog.patch("alice", &article, json!({"state": "PUBLISHED"})).await.expect(200);
    blog.patch("alice", &article, json!({"title": "a typo less"})).await.expect(200);
    // Nothing changes.
    blog.patch("alice", &article, json!({"state": "PUBLISHED", "title": "a typo less"})).await.expect(200);
    blog.patch("alice", &article, json!({})).await.expect(200);
    let events = blog.events().await;

    blog.patch("bob", &article, json!({"title": "mine"})).await.expect(403);
    blog.patch("eve", &article, json!({"title": "mine"})).await.expect(401);
    blog.patch("alice", &article, json!({"state": "SECRET"})).await.expect(422);
    blog.patch("alice", &article, json!({"title": 7})).await.expect(422);
    blog.patch("alice", &json!({"id": 99}), json!({"title": "nothing there"})).await.expect(404);
    blog.send("bob", "DELETE", &path(&article), &Value::Null).await.expect(403);
    let stays = blog.send("alice", "GET", &path(&article), &Value::Null).await.expect(200).json();
    assert_eq!((&stays["title"], &stays["state"]), (&json!("a typo less"), &json!("PUBLISHED")));
    assert_eq!(blog.events().await, events, "a refused change is none");

    // Unpublished and published again, it became so again.
    blog.patch("alice", &article, json!({"state": "DRAFT"})).await.expect(200);
    blog.patch("alice", &article, json!({"state": "PUBLISHED"})).await.expect(200);
    let [created, changed, published] = ["article.created", "article.changed", "article.published"];
    let wanted = [created, changed, changed, published, changed, changed, changed, published];
    assert_eq!(blog.events().await, wanted);
    let requests = receiver.wait_for(wanted.len(), PATIENCE).await.unwrap();
    let mut arrived: Vec<_> = requests.iter().map(|request| request.header("hook-event").to_owned()).collect();
    arrived.sort();
    let mut wanted = wanted.to_vec();
    wanted.sort_unstable();
    assert_eq!(arrived, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_delivers_for_a_blog_that_has_none_inside() {
    let (blog, receiver) = (Blog::start(&[LOOPBACK, ("WORKER", "external")]).await, Receiver::start().await.unwrap());
    let subscription = blog.subscribe("alice", "article.*", &receiver.url("/")).await;
    let before = blog.write("alice", "before there was a worker").await;
    let worker = Process::start(
        Path::new(env!("CARGO_BIN_EXE_worker")),
        &[LOOPBACK, ("DATABASE_URL", &blog.url)],
        Stdio::inherit(),
    );
    let requests = receiver.wait_for(1, PATIENCE).await.unwrap();
    assert_delivery(&requests[0], &subscription, "article.created", &before);
    let after = blog.write("alice", "while it runs").await;
    let requests = receiver.wait_for(2, PATIENCE).await.unwrap();
    assert_delivery(&requests[1], &subscription, "article.created", &after);
    assert_eq!(worker.stop().await.code(), Some(0));

    blog.write("alice", "after it").await;
    let worker = Process::start(
        Path::new(env!("CARGO_BIN_EXE_worker")),
        &[LOOPBACK, ("DATABASE_URL", &blog.url)],
        Stdio::inherit(),
    );
    let requests = receiver.wait_for(3, PATIENCE).await.unwrap();
    assert_eq!(requests[2].json()["data"]["title"], "after it");
    assert_eq!(worker.stop().await.code(), Some(0));
    assert_eq!(blog.process.stop().await.code(), Some(0));
}
