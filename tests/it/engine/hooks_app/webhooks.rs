//! `/api/webhooks/`: URLs with a name, each linked with events.

use serde_json::{Value, json};
use thorn::{WebhookSecrets, timestamp::Timestamp};
use thorn_core::testing::Receiver;

use super::{event, links, stored_secrets, trigger, webhook};
use crate::{app::PATIENCE, engine::server::Server};

#[tokio::test]
async fn hooks_k01_k02_ha1_a_webhook_has_a_url_and_many_events() {
    let (server, operator) = Server::start().await;
    let (a, b, c) = (event(&operator, "a").await, event(&operator, "b").await, event(&operator, "c").await);
    let url = "http://127.0.0.1:9/hook";
    let body = json!({ "name": "Shop ☂", "url": url, "events": [c, a, c] });
    let created = operator.post("/api/webhooks/", body).await.expect(201);
    let mut shown = created.json();
    let id = shown["id"].as_i64().unwrap();
    assert!(shown["hmac_secret"].as_str().unwrap().starts_with("whsec_"), "{shown}");
    assert_eq!(created.header("location"), format!("http://127.0.0.1:{}/api/webhooks/{id}/", server.port));
    shown.as_object_mut().unwrap().remove("hmac_secret");
    assert_eq!(shown, json!({ "id": id, "name": "Shop ☂", "url": url, "events": [a, c] }));
    let path = format!("/api/webhooks/{id}/");
    assert_eq!(operator.get(&path).await.expect(200).json(), shown);

    // An event may have many webhooks, and a webhook none.
    let bare = operator.post("/api/webhooks/", json!({ "name": "bare", "url": url })).await.expect(201).json();
    assert_eq!(bare["events"], json!([]));
    webhook(&operator, "other", url, &[a]).await;
    let listed = operator.get("/api/webhooks/").await.expect(200).json();
    let names: Vec<_> = listed["results"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
    let by_name = if names[0] == "bare" { ["bare", "other", "Shop ☂"] } else { ["Shop ☂", "bare", "other"] };
    assert_eq!((&listed["count"], names), (&json!(3), by_name.map(Value::from).into()));
    assert!(!listed.to_string().contains("hmac_secret"), "{listed}");

    let replaced = json!({ "name": "shop", "url": "http://127.0.0.1:9/other", "events": [b] });
    let put = operator.send("PUT", &path, replaced).await.expect(200).json();
    assert_eq!(put, json!({ "id": id, "name": "shop", "url": "http://127.0.0.1:9/other", "events": [b] }));
    let put = operator.send("PUT", &path, json!({ "name": "shop", "url": url })).await.expect(200).json();
    assert_eq!(put["events"], json!([b]), "events are optional");
    operator.send("PUT", &path, json!({ "name": "shop" })).await.expect(400);
    let patched = operator.send("PATCH", &path, json!({ "events": [] })).await.expect(200).json();
    assert_eq!(patched, json!({ "id": id, "name": "shop", "url": url, "events": [] }));
    operator.delete(&path).await.expect(204);
    operator.get(&path).await.expect(404);
    operator.delete(&path).await.expect(404);
    operator.delete(&format!("/api/events/{a}/")).await.expect(204);
    let left = operator.get("/api/webhooks/").await.expect(200).json();
    assert!(left["results"].as_array().unwrap().iter().all(|one| one["events"] == json!([])), "{left}");
}

#[tokio::test]
async fn hooks_k04_ha3_urls_are_checked_names_are_unique_and_ids_must_exist() {
    let (_server, operator) = Server::with(&[("THORN_ALLOW_NETWORKS", "127.0.0.1:9")]).await;
    let (good, url) = (event(&operator, "a").await, "http://127.0.0.1:9/");
    webhook(&operator, "first", url, &[good]).await;
    let id = webhook(&operator, "second", url, &[]).await["id"].clone();
    let path = format!("/api/webhooks/{id}/");
    let refused = async |field: &str, value: Value| {
        let mut body = json!({ "name": "third", "url": url });
        body[field] = value.clone();
        for (method, path) in [("POST", "/api/webhooks/"), ("PUT", &*path), ("PATCH", &*path)] {
            let answer = operator.send(method, path, body.clone()).await.expect(400);
            assert!(answer.json()["errors"][field][0].is_string(), "{field} {value}: {answer:?}");
        }
    };
    for name in ["", "  ", "first", &"x".repeat(201), "a\u{202e}b", "a\0"] {
        refused("name", json!(name)).await;
    }
    let long = format!("http://127.0.0.1:9/{}", "x".repeat(2048));
    for bad in ["", "nowhere", "/hook", "ftp://127.0.0.1:9/", "http://127.0.0.1:10/", "http://u:p@127.0.0.1:9/", &long]
    {
        refused("url", json!(bad)).await;
    }
    for bad in [json!([good, 99]), json!([-1]), json!(["a"]), json!([1.5]), json!(good), Value::Null, json!([[good]])] {
        refused("events", bad).await;
    }
    for bad in ["short", " ", "enc1:x", "whsec_AA=="] {
        refused("hmac_secret", json!(bad)).await;
    }
    // All mistakes in values are reported together, and so are all in types.
    let all = json!({ "name": "", "url": "nowhere", "hmac_secret": "short" });
    let answer = operator.post("/api/webhooks/", all).await.expect(400).json();
    assert_eq!(answer["errors"].as_object().unwrap().len(), 3, "{answer}");
    let all = json!({ "name": 1, "url": null, "events": 2, "hmac_secret": 3 });
    let answer = operator.post("/api/webhooks/", all).await.expect(400).json();
    assert_eq!(answer["errors"].as_object().unwrap().len(), 4, "{answer}");
    let listed = operator.get("/api/webhooks/").await.expect(200).json();
    assert_eq!((&listed["count"], &listed["results"][1]["events"]), (&json!(2), &json!([])), "nothing has changed");
    let longest = "é".repeat(200);
    operator.send("PATCH", &path, json!({ "name": longest })).await.expect(200);
}

#[tokio::test]
async fn all_events_of_a_webhook_are_signed_with_its_one_secret() {
    let key = "yfO6M3xgBJcLNXGDOnlq+3mA8SSoP0LuqvV8pGvmCaU=";
    let (server, operator) = Server::with(&[("THORN_SECRET_KEY", key)]).await;
    let receiver = Receiver::start().await.unwrap();
    let ids = [event(&operator, "a").await, event(&operator, "b").await];
    let made = webhook(&operator, "w", &receiver.url("/old"), &ids[..1]).await;
    let path = format!("/api/webhooks/{}/", made["id"]);
    // It survives a time without events, and another URL.
    operator.send("PATCH", &path, json!({ "events": [] })).await.expect(200);
    let changed = json!({ "events": ids, "url": receiver.url("/new") });
    operator.send("PATCH", &path, changed).await.expect(200);
    trigger(&operator, "a").await;
    trigger(&operator, "b").await;
    let verify = |secret: &Value, received: &thorn_core::testing::Received| {
        let headers = received.headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let secrets = WebhookSecrets::new([secret.as_str().unwrap()]).unwrap();
        secrets.verify(&headers.collect(), &received.body, Timestamp::now())
    };
    for received in receiver.wait_for(2, PATIENCE).await.unwrap() {
        assert_eq!(received.path, "/new");
        verify(&made["hmac_secret"], &received).unwrap();
    }
    receiver.forget();
    let other = json!("another-secret-of-24-bytes");
    operator.send("PATCH", &path, json!({ "hmac_secret": other })).await.expect(200);
    trigger(&operator, "a").await;
    let received = receiver.wait_for(1, PATIENCE).await.unwrap().remove(0);
    verify(&other, &received).unwrap();
    verify(&made["hmac_secret"], &received).unwrap_err();

    // `/hooks/` reveals it, too, and the database holds no clear text.
    let link = links(&operator, &made).await.remove(0).1;
    let revealed = operator.get(&format!("/hooks/{}/secret/", link["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(revealed["hmac_secret"], other);
    let db = thorn::connect(&server.place.url).await.unwrap();
    let secrets = stored_secrets(&db).await;
    assert!(secrets.len() == 3 && secrets.iter().all(|secret| secret.starts_with("enc1:2:")), "{secrets:?}");
}

#[tokio::test]
async fn secrets_that_were_stored_without_a_key_are_encrypted_at_the_next_start() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let id = event(&operator, "a").await;
    let made = webhook(&operator, "w", &receiver.url("/"), &[id]).await;
    let secret = made["hmac_secret"].as_str().unwrap().to_owned();
    let key = operator.key().to_owned();
    let db = thorn::connect(&server.place.url).await.unwrap();
    assert_eq!(stored_secrets(&db).await, [secret.clone(), secret.clone()]);
    db.close().await.unwrap();
    let place = server.kill();
    let sealing = [("THORN_SECRET_KEY", "yfO6M3xgBJcLNXGDOnlq+3mA8SSoP0LuqvV8pGvmCaU=")];
    let server = Server::on(place, &[], &sealing).await;
    let operator = server.caller(key);
    let db = thorn::connect(&server.place.url).await.unwrap();
    let secrets = stored_secrets(&db).await;
    assert!(secrets.len() == 2 && secrets.iter().all(|secret| secret.starts_with("enc1:2:")), "{secrets:?}");
    let path = format!("/api/webhooks/{}/", made["id"]);
    operator.send("PATCH", &path, json!({ "url": receiver.url("/new") })).await.expect(200);
    let link = links(&operator, &made).await.remove(0).1;
    let revealed = operator.get(&format!("/hooks/{}/secret/", link["id"].as_str().unwrap())).await.expect(200).json();
    assert_eq!(revealed["hmac_secret"], json!(secret));
}
