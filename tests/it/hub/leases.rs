//! Leases: they are granted within a range, and end.

use std::time::Duration;

use thorn::{Thorn, subscription::Dialect, timestamp::Timestamp};

use super::{
    running::{RunningHub, subscribed},
    subscriber::{Reply, Subscriber},
};
use crate::app::eventually;

/// How long the lease of this callback is from now on, in seconds. Some of it may have passed.
async fn lasts(hub: &RunningHub, callback: &str) -> i64 {
    let lease = hub.subscribed(callback).await.lease.unwrap();
    (lease.expires_at.as_millis() - Timestamp::now().as_millis() + 60_000) / 1_000
}

#[tokio::test(flavor = "multi_thread")]
async fn ws4_ps4_br6_a_wish_is_moved_into_the_range_and_the_callback_is_told_what_is_granted() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let old = ("hub.verify", "async");
    for (path, more, granted) in [
        ("/1", &[][..], 864_000),
        ("/2", &[("hub.lease_seconds", "1")], 3_600),
        ("/3", &[("hub.lease_seconds", "5000")], 5_000),
        ("/4", &[("hub.lease_seconds", "1000000000000")], 2_592_000),
        ("/5", &[("hub.lease_seconds", "99999999999999999999999999")], 2_592_000),
        ("/6", &[old], 2_592_000),
        ("/7", &[old, ("hub.lease_seconds", "")], 2_592_000),
        ("/8", &[old, ("hub.lease_seconds", "60")], 3_600),
    ] {
        let callback = subscriber.url(path);
        hub.subscribe(&callback, more).await;
        let told = subscriber.asked_at(path)[0].parameter("hub.lease_seconds");
        assert_eq!(told, Some(granted.to_string()), "{path}");
        let lasts = lasts(&hub, &callback).await;
        assert!((granted..=granted + 60).contains(&lasts), "{path}: {lasts}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ws18_a_lease_ends_and_a_later_one_begins_anew() {
    let hub = RunningHub::with(&[("THORN_HUB_LEASE", "2,2,1000")]).await;
    let subscriber = Subscriber::start().await;
    let (short, long) = (subscriber.url("/short"), subscriber.url("/long"));
    hub.subscribe(&long, &[("hub.lease_seconds", "1000")]).await;
    let first = hub.subscribe(&short, &[]).await;
    assert!(first.lease.as_ref().unwrap().expires_at <= Timestamp::now() + Duration::from_secs(2));
    hub.unsubscribed(&short).await;
    hub.subscribed(&long).await;
    assert_eq!(subscriber.asked_at("/short").len(), 1, "WebSub subscribers renew their leases themselves");
    // Unsubscribing after the end asks nobody.
    hub.ask("unsubscribe", &short, &[]).await.expect(202);
    assert_eq!(hub.intents().await, 0);
    let again = hub.subscribe(&short, &[("hub.lease_seconds", "1000")]).await;
    assert_eq!(again.id, first.id);
    assert!(again.matches_version > first.matches_version, "it isn't owed what came in between");
}

#[tokio::test(flavor = "multi_thread")]
async fn ws18_nothing_is_sent_after_the_end_also_what_was_queued_before() {
    let hub = RunningHub::with(&[("THORN_HUB_LEASE", "3,3,1000")]).await;
    let subscriber = Subscriber::start().await;
    subscriber.answers(|asked| if asked.method == "GET" { Reply::echo(asked) } else { Reply::new(503, "") });
    let (short, long) = (subscriber.url("/short"), subscriber.url("/long"));
    hub.subscribe(&long, &[("hub.lease_seconds", "1000")]).await;
    let end = hub.subscribe(&short, &[]).await.lease.unwrap().expires_at;
    hub.hand_in("first").await;
    // It is retried until the end.
    subscriber.wait_at("/short", 3).await;
    hub.unsubscribed(&short).await;
    assert!(Timestamp::now() >= end);
    let sent = subscriber.asked_at("/short").len();
    subscriber.answers(|_| Reply::new(204, ""));
    hub.hand_in("second").await;
    eventually("the second version", || async {
        match subscriber.asked_at("/long").last() {
            Some(asked) if asked.body == b"second" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_eq!(subscriber.asked_at("/short").len(), sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn ws18_a_subscription_that_is_renewed_in_time_stays_the_same() {
    let hub = RunningHub::with(&[("THORN_HUB_LEASE", "3,3,1000")]).await;
    let (_subscriber, callback) = subscribed(&hub, "/cb", &[]).await;
    let first = hub.subscribed(&callback).await;
    hub.ask("subscribe", &callback, &[("hub.lease_seconds", "1000")]).await.expect(202);
    hub.has_asked_everybody().await;
    let renewed = hub.subscribed(&callback).await;
    assert_eq!((renewed.id, renewed.matches_version), (first.id, first.matches_version));
    assert!(lasts(&hub, &callback).await > 900);
}

#[tokio::test(flavor = "multi_thread")]
async fn ps11_a_subscriber_of_pubsubhubbub_is_asked_once_before_the_end_and_stays_if_it_agrees() {
    let hub = RunningHub::with(&[("THORN_HUB_LEASE", "1000,1000,1000")]).await;
    let subscriber = Subscriber::start().await;
    let old = [("hub.verify", "async"), ("hub.secret", "s3cr3t")];
    let (stays, goes, new) = (subscriber.url("/stays"), subscriber.url("/gone"), subscriber.url("/websub"));
    hub.subscribe(&stays, &old).await;
    hub.subscribe(&new, &[]).await;
    hub.subscribe(&goes, &old).await;
    subscriber.answers(|asked| match asked.target.split('?').next() {
        Some("/gone") => Reply::new(503, ""),
        _ => Reply::echo(asked),
    });
    // Nine tenths of the lease pass.
    for column in ["renew_at", "expires_at"] {
        hub.pass("thorn_subscription", column, Duration::from_secs(905)).await;
    }
    let asked = subscriber.wait_at("/stays", 2).await;
    assert_eq!(
        (asked[1].mode().as_str(), asked[1].parameter("hub.lease_seconds").as_deref()),
        ("subscribe", Some("1000"))
    );
    subscriber.wait_at("/gone", 2).await;
    hub.has_asked_everybody().await;
    assert!(lasts(&hub, &stays).await > 900);
    let secret = hub.subscribed(&stays).await.spec.destination.signing.secret.unwrap();
    assert_eq!(secret.expose(), "s3cr3t");
    // It had its chance, and nothing but the rest of its lease is left.
    assert!(lasts(&hub, &goes).await < 200);
    hub.pass("thorn_subscription", "expires_at", Duration::from_secs(100)).await;
    hub.unsubscribed(&goes).await;
    hub.unsubscribed(&new).await;
    hub.subscribed(&stays).await;
    let counts = ["/stays", "/gone", "/websub"].map(|path| subscriber.asked_at(path).len());
    assert_eq!(counts, [2, 2, 1]);
}

/// The token in the only row of this table that has one.
async fn stored_token(hub: &RunningHub, table: &str) -> String {
    use sea_orm::{ConnectionTrait as _, Statement};
    let (db, sql) = (hub.thorn.db(), format!("SELECT verify_token AS t FROM {table} WHERE verify_token IS NOT NULL"));
    let rows = db.query_all_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap();
    assert_eq!(rows.len(), 1, "{table}");
    rows[0].try_get("", "t").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ps11_ps3_the_token_comes_back_with_each_renewal_and_is_kept_as_a_secret_is() {
    let key = ("THORN_SECRET_KEY", "yfO6M3xgBJcLNXGDOnlq+3mA8SSoP0LuqvV8pGvmCaU=");
    let hub = RunningHub::with(&[key, ("THORN_HUB_LEASE", "1000,1000,1000")]).await;
    let subscriber = Subscriber::start().await;
    let (callback, token) = (subscriber.url("/cb"), "t&o=k e+n%");
    let old = ("hub.verify", "async");
    subscriber.answers(|_| Reply::new(503, ""));
    hub.ask("subscribe", &callback, &[old, ("hub.verify_token", token)]).await.expect(202);
    subscriber.wait_at("/cb", 1).await;
    let is_sealed = |stored: String| stored.starts_with("enc1:2:") && !stored.contains(token);
    assert!(is_sealed(stored_token(&hub, "thorn_intent").await));
    subscriber.answers(Reply::echo);
    eventually("the subscription", || async {
        hub.end_pauses_after(1).await;
        hub.find(&callback).await.map(drop).ok_or_else(|| "it isn't there".to_owned())
    })
    .await;
    hub.subscribe(&subscriber.url("/without"), &[old]).await;
    hub.has_asked_everybody().await;
    for _ in 0..2 {
        assert!(is_sealed(stored_token(&hub, "thorn_subscription").await));
        let before = ["/cb", "/without"].map(|path| subscriber.asked_at(path).len());
        for column in ["renew_at", "expires_at"] {
            hub.pass("thorn_subscription", column, Duration::from_secs(905)).await;
        }
        for ((path, before), expected) in ["/cb", "/without"].iter().zip(before).zip([Some(token), None]) {
            let asked = subscriber.wait_at(path, before + 1).await.remove(before);
            assert_eq!(
                (asked.mode().as_str(), asked.parameter("hub.verify_token").as_deref()),
                ("subscribe", expected)
            );
        }
        hub.has_asked_everybody().await;
    }
    // Nobody is shown it.
    let id = hub.subscribed(&callback).await.id;
    for path in ["/hooks/".to_owned(), format!("/hooks/{id}/")] {
        let shown = hub.operator.get(&path).await.expect(200).text;
        assert!(shown.contains("/cb") && !shown.contains("token") && !shown.contains("enc1"), "{shown}");
    }
    // It goes with the subscription.
    hub.ask("unsubscribe", &callback, &[]).await.expect(202);
    hub.unsubscribed(&callback).await;
    assert_eq!(hub.count("thorn_subscription WHERE verify_token IS NOT NULL").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn ps11_a_token_in_clear_text_is_encrypted_once_there_is_a_key_and_goes_with_another_request() {
    let hub = RunningHub::start().await;
    let subscriber = Subscriber::start().await;
    let callback = subscriber.url("/cb");
    let with = |token| [("hub.verify", "sync"), ("hub.verify_token", token)];
    hub.ask("subscribe", &callback, &with("enc1:x")).await.expect(400);
    hub.ask("subscribe", &callback, &with("t0ken")).await.expect(204);
    assert_eq!(stored_token(&hub, "thorn_subscription").await, "t0ken");
    let key = "yfO6M3xgBJcLNXGDOnlq+3mA8SSoP0LuqvV8pGvmCaU=".parse().unwrap();
    drop(Thorn::builder(hub.thorn.db().clone()).secret_key(key).build().await.unwrap());
    assert!(stored_token(&hub, "thorn_subscription").await.starts_with("enc1:2:"));
    hub.ask("subscribe", &callback, &with("another")).await.expect(204);
    assert_eq!(stored_token(&hub, "thorn_subscription").await, "another");
    hub.ask("subscribe", &callback, &[]).await.expect(202);
    hub.has_asked_everybody().await;
    assert_eq!(hub.subscribed(&callback).await.spec.dialect, Dialect::WebSub);
    assert_eq!(hub.count("thorn_subscription WHERE verify_token IS NOT NULL").await, 0);
}
