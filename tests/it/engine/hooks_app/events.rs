//! `/api/events/`: events by name.

use serde_json::{Value, json};

use super::event;
use crate::{blog::http, engine::server::Server};

#[tokio::test]
async fn hooks_k01_ha1_events_are_created_listed_read_changed_and_deleted() {
    let (server, operator) = Server::start().await;
    let base = format!("http://127.0.0.1:{}/api/events/", server.port);
    let created = operator.post("/api/events/", json!({ "name": "order.paid", "id": 7 })).await.expect(201);
    let id = created.json()["id"].as_i64().unwrap();
    assert_eq!(created.json(), json!({ "id": id, "name": "order.paid" }));
    assert_eq!(created.header("location"), format!("{base}{id}/"));
    let path = format!("/api/events/{id}/");
    assert_eq!(operator.get(&path).await.expect(200).json(), created.json());

    let put = operator.send("PUT", &path, json!({ "name": "order.done" })).await.expect(200);
    assert_eq!(put.json(), json!({ "id": id, "name": "order.done" }));
    operator.send("PUT", &path, json!({})).await.expect(400);
    assert_eq!(operator.send("PATCH", &path, json!({})).await.expect(200).json(), put.json());
    let patched = operator.send("PATCH", &path, json!({ "id": 9, "name": "order.paid" })).await.expect(200);
    assert_eq!(patched.json(), created.json());
    operator.send("PUT", &path, json!({ "name": "order.paid" })).await.expect(200);
    let listed = operator.get("/api/events/").await.expect(200);
    let expected = json!({ "count": 1, "next": null, "previous": null, "results": [created.json()] });
    assert_eq!((listed.json(), listed.header("cache-control")), (expected, "no-store"));

    let deleted = operator.delete(&path).await.expect(204);
    assert_eq!(deleted.text, "");
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        operator.send(method, &path, json!({ "name": "a" })).await.expect(404);
    }
    let empty = json!({ "count": 0, "next": null, "previous": null, "results": [] });
    assert_eq!(operator.get("/api/events/").await.expect(200).json(), empty);
    let next = event(&operator, "order.paid").await;
    assert!(next > id, "an id is never given again");
}

#[tokio::test]
async fn hooks_k01_ha2_a_page_has_ten_items_by_name() {
    let (server, operator) = Server::start().await;
    let base = format!("http://127.0.0.1:{}/api/events/", server.port);
    // 7 and 23 have no common divisor, so every number comes once.
    let names: Vec<_> = (0..23).map(|n| format!("e.{:02}", n * 7 % 23)).collect();
    for name in &names {
        event(&operator, name).await;
    }
    let page = async |query: &str| operator.get(&format!("/api/events/{query}")).await.expect(200).json();
    let names = |page: &Value| -> Vec<String> {
        page["results"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
    };
    let expected = |range: std::ops::Range<u32>| range.map(|n| format!("e.{n:02}")).collect::<Vec<_>>();
    let (first, second, third) = (page("").await, page("?page=2").await, page("?x=y&page=3").await);
    assert_eq!((names(&first), names(&second)), (expected(0..10), expected(10..20)));
    assert_eq!(names(&third), expected(20..23));
    let links = |page: &Value| (page["count"].clone(), page["previous"].clone(), page["next"].clone());
    assert_eq!(links(&first), (json!(23), Value::Null, json!(format!("{base}?page=2"))));
    assert_eq!(links(&second), (json!(23), json!(base), json!(format!("{base}?page=3"))));
    assert_eq!(links(&third), (json!(23), json!(format!("{base}?page=2")), Value::Null));
    assert_eq!(page("?page=1").await, first);
    for none in ["4", "0", "-1", "x", "", "1.0", "18446744073709551615", "922337203685477581"] {
        let answer = operator.get(&format!("/api/events/?page={none}")).await.expect(404);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{none}");
    }
}

#[tokio::test]
async fn hooks_k01_ha2_a_path_without_its_slash_leads_a_get_there_and_nothing_else() {
    let (server, operator) = Server::start().await;
    let id = event(&operator, "a.b").await;
    for path in ["/api/events", "/api/webhooks", &format!("/api/events/{id}"), "/api/webhooks/1"] {
        let answer = operator.get(&format!("{path}?page=1&x=%2F")).await.expect(301);
        assert_eq!(answer.header("location"), format!("http://127.0.0.1:{}{path}/?page=1&x=%2F", server.port));
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            operator.send(method, path, json!({ "name": "c.d" })).await.expect(404);
        }
        server.get(&format!("{path}/")).await.expect(401);
    }
    for (method, path, allowed) in [
        ("DELETE", "/api/events/".to_owned(), "GET,HEAD,POST"),
        ("POST", format!("/api/events/{id}/"), "GET,HEAD,PUT,PATCH,DELETE"),
        ("GET", "/trigger/a.b".to_owned(), "POST"),
    ] {
        let answer = http::request(server.port, method, &path, "", b"").await.expect(405);
        assert_eq!(answer.header("allow"), allowed, "{method} {path}");
    }
    for nothing in
        ["/api/", "/api/events/x/", "/api/events/-1/", "/api/events/+1/", "/api/events/99999999999999999999/"]
    {
        operator.get(nothing).await.expect(404);
    }
}

#[tokio::test]
async fn hooks_k04_ha3_a_name_is_that_of_an_event_and_stands_there_once() {
    let (server, operator) = Server::start().await;
    let longest = "x".repeat(190);
    for good in ["a", "user.é.created", "A", &longest] {
        event(&operator, good).await;
    }
    let path = format!("/api/events/{}/", event(&operator, "other").await);
    let refused = async |name: Value| {
        for (method, path) in [("POST", "/api/events/"), ("PUT", &*path), ("PATCH", &*path)] {
            let answer = operator.send(method, path, json!({ "name": name })).await.expect(400);
            assert!(answer.json()["errors"]["name"][0].is_string(), "{answer:?}");
        }
    };
    for bad in ["", " ", "a.", "a..b", "a.*", "*", "a b", "a\u{202e}b", "a\0b", &"x".repeat(191), "delivery.failed"] {
        refused(json!(bad)).await;
    }
    for bad in [json!(7), Value::Null, json!(["a"]), json!("a"), json!(longest)] {
        refused(bad).await;
    }
    for (kind, body, status) in [
        ("application/json", "{", 400),
        ("application/json", "[]", 400),
        ("application/json", "", 400),
        ("application/x-www-form-urlencoded", "name=c", 415),
    ] {
        let headers = format!("{}content-type: {kind}\r\n", operator.authorization());
        http::request(server.port, "POST", "/api/events/", &headers, body.as_bytes()).await.expect(status);
    }
    let listed = operator.get("/api/events/").await.expect(200).json();
    assert_eq!(listed["count"], 5, "{listed}");
}
