//! Links of webhooks with events are subscriptions that `/hooks/` shows and only the webhook changes.

use serde_json::json;

use super::{event, ids, links, webhook};
use crate::engine::server::Server;

const URL: &str = "http://127.0.0.1:9/hook";

#[tokio::test]
async fn hooks_k02_ha4_only_the_difference_is_written() {
    let (_server, operator) = Server::start().await;
    let events = [event(&operator, "a").await, event(&operator, "b").await, event(&operator, "c").await];
    let made = webhook(&operator, "w", URL, &events[..2]).await;
    let path = format!("/api/webhooks/{}/", made["id"]);
    let before = links(&operator, &made).await;
    assert_eq!(before.iter().map(|(event, _)| event.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(before.iter().all(|(_, link)| link["url"] == URL && link["user"].is_null()), "{before:?}");

    // A link that stays isn't touched, not even its time.
    operator.send("PATCH", &path, json!({ "events": &events[1..], "name": "v" })).await.expect(200);
    let after = links(&operator, &made).await;
    assert_eq!(after.iter().map(|(event, _)| event.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(after[0], before[1]);
    // A link that comes back is the same subscription.
    operator.send("PATCH", &path, json!({ "events": events })).await.expect(200);
    let all = links(&operator, &made).await;
    assert_eq!(ids(&all)[..2], ids(&before));

    // Another URL and other names are a change of the same subscriptions.
    operator.send("PATCH", &path, json!({ "url": "http://127.0.0.1:9/new" })).await.expect(200);
    operator.send("PUT", &format!("/api/events/{}/", events[0]), json!({ "name": "z" })).await.expect(200);
    operator.send("PUT", &format!("/api/events/{}/", events[1]), json!({ "name": "a" })).await.expect(200);
    let changed = links(&operator, &made).await;
    let expected = [("a", ids(&all)[1].1), ("c", ids(&all)[2].1), ("z", ids(&all)[0].1)];
    assert_eq!(ids(&changed), expected);
    assert!(changed.iter().all(|(_, link)| link["url"] == "http://127.0.0.1:9/new"), "{changed:?}");

    operator.delete(&format!("/api/events/{}/", events[2])).await.expect(204);
    assert_eq!(ids(&links(&operator, &made).await), [expected[0], expected[2]]);
    operator.delete(&path).await.expect(204);
    assert_eq!(links(&operator, &made).await, []);
    assert_eq!(operator.get("/hooks/").await.expect(200).json(), json!([]));
}

#[tokio::test]
async fn ha4_hooks_lists_links_and_doesnt_change_them() {
    let (_server, operator) = Server::start().await;
    let id = event(&operator, "a").await;
    let made = webhook(&operator, "w", URL, &[id]).await;
    // The same URL and event may be subscribed beside it, and be the URL of another webhook.
    operator.subscribe("a", URL).await;
    webhook(&operator, "v", URL, &[id]).await;
    let link = links(&operator, &made).await.remove(0).1;
    let path = format!("/hooks/{}/", link["id"].as_str().unwrap());
    for (method, body) in [
        ("PATCH", json!({ "url": "http://127.0.0.1:9/other" })),
        ("PATCH", json!({ "event": "b" })),
        ("PUT", json!({ "event": "b", "url": URL })),
        ("DELETE", json!({})),
    ] {
        let answer = operator.send(method, &path, body).await.expect(409);
        assert!(answer.text.contains(&format!("webhook:{}", made["id"])), "{answer:?}");
    }
    assert_eq!(operator.get(&path).await.expect(200).json(), link);
    let disabled = operator.send("PATCH", &path, json!({ "enabled": false })).await.expect(200).json();
    assert_eq!(disabled["enabled"], false);
}

#[tokio::test]
async fn an_owner_s_links_take_places_of_their_quota_and_an_operator_s_none() {
    let settings = [("THORN_MAX_SUBSCRIPTIONS", "3"), ("THORN_MAX_SUBSCRIPTIONS_PER_HOST", "2")];
    let (server, operator) = Server::with(&settings).await;
    let alice = server.key(Some("alice"), "hooks");
    let mut events = Vec::new();
    for name in ["a", "b", "c", "d"] {
        events.push(event(&alice, name).await);
    }
    let create = async |name: &str, url: &str, events: &[i64]| {
        alice.post("/api/webhooks/", json!({ "name": name, "url": url, "events": events })).await
    };
    let full = create("w", URL, &events[..3]).await.expect(409);
    assert!(full.text.contains("THORN_MAX_SUBSCRIPTIONS_PER_HOST"), "{full:?}");
    assert_eq!(alice.get("/api/webhooks/").await.expect(200).json()["count"], 0, "nothing is written");
    let made = create("w", URL, &events[..2]).await.expect(201).json();
    let path = format!("/api/webhooks/{}/", made["id"]);
    let elsewhere = "http://127.0.0.2:9/";
    let other = create("v", elsewhere, &events[..1]).await.expect(201).json();
    let full = create("u", "http://127.0.0.3:9/", &events[..1]).await.expect(409);
    assert!(full.text.contains("(`max_subscriptions`, THORN_MAX_SUBSCRIPTIONS)"), "{full:?}");
    alice.post("/hooks/", json!({ "event": "x", "url": "http://127.0.0.3:9/" })).await.expect(409);
    // A link that moves to another host needs a place there.
    alice.send("PATCH", &path, json!({ "url": elsewhere })).await.expect(409);
    alice.send("PATCH", &path, json!({ "name": "renamed" })).await.expect(200);
    assert_eq!(links(&alice, &made).await.iter().filter(|(_, link)| link["url"] == URL).count(), 2);
    alice.delete(&format!("/api/webhooks/{}/", other["id"])).await.expect(204);
    alice.send("PATCH", &path, json!({ "url": elsewhere })).await.expect(200);

    let mut events = Vec::new();
    for name in ["a", "b", "c", "d"] {
        events.push(event(&operator, name).await);
    }
    webhook(&operator, "w", URL, &events).await;
}
