//! `/events/`: publishing, lists, bytes.

use serde_json::{Value, json};
use thorn_core::testing::Receiver;

use super::server::{Caller, Server, are};
use crate::{app::PATIENCE, blog::http};

#[tokio::test]
async fn an_event_is_published_delivered_and_read_back_byte_for_byte() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    let subscription = operator.subscribe("order.*", &receiver.url("/x")).await;
    // Numbers that no float can hold, and the order of members.
    let body =
        br#"{"event":"order.paid","data":{"z":12345678901234567890.10,"a":[1e2]},"ref":"/orders/7","sender":"alice"}"#;
    let headers = format!("content-type: application/json\r\n{}", operator.authorization());
    let answer = http::request(server.port, "POST", "/events/", &headers, body).await.expect(201);
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("http://127.0.0.1:{}/events/{id}", server.port));

    let received = receiver.wait_for(1, PATIENCE).await.unwrap();
    let expected =
        r#"{"event":"order.paid","ref":"/orders/7","sender":"alice","data":{"z":12345678901234567890.10,"a":[1e2]}}"#;
    assert_eq!(String::from_utf8_lossy(&received[0].body), expected);
    let bytes = operator.get(&format!("/events/{id}/body")).await.expect(200);
    assert_eq!(bytes.text, expected);
    assert_eq!(bytes.header("content-disposition"), format!("attachment; filename=\"event-{id}.json\""));
    assert_eq!((bytes.header("x-content-type-options"), bytes.header("cache-control")), ("nosniff", "no-store"));

    let delivered = operator.deliveries(&id, are(1, "delivered", 1)).await;
    assert_eq!(delivered[0]["id"], received[0].header("webhook-id"));
    assert_eq!((&delivered[0]["subscription"], &delivered[0]["status"]), (&json!(subscription), &json!(204)));
    let shown = operator.get(&format!("/events/{}/", id.to_uppercase())).await.expect(200).json();
    assert_eq!(
        (&shown["event"], &shown["sender"], &shown["broadcast"]),
        (&json!("order.paid"), &json!("alice"), &json!(false))
    );
    assert_eq!(shown["body"]["data"]["a"], json!([100.0]));
    assert!(shown["relayed_at"].is_string() && shown["created_at"].is_string(), "{shown}");
}

#[tokio::test]
async fn a_body_that_is_no_event_is_refused_and_nothing_is_stored() {
    let (server, operator) = Server::start().await;
    for body in [
        json!({}),
        json!([]),
        json!({ "event": "a.b" }),
        json!({ "data": 1 }),
        json!({ "event": "", "data": 1 }),
        json!({ "event": "a.*", "data": 1 }),
        json!({ "event": "a b", "data": 1 }),
        json!({ "event": 7, "data": 1 }),
        json!({ "event": "a.b", "data": 1, "sender": 7 }),
        json!({ "event": "a.b", "data": 1, "sender": "x".repeat(191) }),
        json!({ "event": "a.b", "data": 1, "broadcast": "yes" }),
        json!({ "event": "a.b", "data": 1, "url": "https://a.example/" }),
        json!({ "event": "delivery.failed", "data": 1 }),
    ] {
        let answer = operator.post("/events/", body.clone()).await.expect(400);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{body}");
    }
    let headers = |kind: &str| format!("content-type: {kind}\r\n{}", operator.authorization());
    for (kind, body, status) in [
        ("application/json", &b""[..], 400),
        ("application/json", b"{\"event\":\"a.b\",\"data\":1", 400),
        ("application/json", b"{\"event\":\"a.b\",\"data\":1,\"data\":2}", 400),
        ("application/json", b"\xff", 400),
        ("text/plain", b"{\"event\":\"a.b\",\"data\":1}", 415),
    ] {
        http::request(server.port, "POST", "/events/", &headers(kind), body).await.expect(status);
    }
    assert_eq!(operator.get("/events/").await.expect(200).json(), json!([]));
}

/// All pages, following `Link`.
async fn walk(caller: &Caller, base: &str, first: &str) -> Vec<Vec<Value>> {
    let (mut pages, mut path) = (Vec::new(), first.to_owned());
    loop {
        let answer = caller.get(&path).await.expect(200);
        pages.push(answer.json().as_array().unwrap().clone());
        let link = answer.header("link").to_owned();
        let Some(next) = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")) else {
            return pages;
        };
        path = next.strip_prefix(base).unwrap().to_owned();
    }
}

#[tokio::test]
async fn br21_pages_join_without_hole_or_overlap_while_events_come() {
    let (server, operator) = Server::start().await;
    let alice = server.key(Some("alice"), "publish,read");
    let base = format!("http://127.0.0.1:{}", server.port);
    let mut ids = Vec::new();
    for n in 0..7 {
        let (caller, name) = if n % 2 == 0 { (&operator, "a.é&b") } else { (&alice, "c.d") };
        ids.push(caller.publish(json!({ "event": name, "data": n })).await);
    }
    let newest_first: Vec<_> = ids.iter().rev().cloned().collect();
    let ids_of = |pages: &[Vec<Value>]| {
        pages.iter().flatten().map(|event| event["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    for limit in [1, 2, 3, 7] {
        let pages = walk(&operator, &base, &format!("/events/?limit={limit}")).await;
        assert_eq!(ids_of(&pages), newest_first, "{limit}");
        assert!(pages.iter().all(|page| page.len() <= limit && !page.is_empty()), "{pages:?}");
    }
    // A page that is followed later isn't moved by what came since.
    let first = operator.get("/events/?limit=3").await.expect(200);
    operator.publish(json!({ "event": "c.d", "data": "new" })).await;
    let next = first.header("link").trim_start_matches(&format!("<{base}")).split('>').next().unwrap().to_owned();
    assert_eq!(ids_of(&walk(&operator, &base, &next).await), newest_first[3..]);

    let named = walk(&operator, &base, "/events/?limit=2&name=a.%C3%A9%26b").await;
    assert_eq!(ids_of(&named), [6, 4, 2, 0].map(|n: usize| ids[n].clone()));
    assert_eq!(ids_of(&walk(&alice, &base, "/events/?limit=2").await), [5, 3, 1].map(|n: usize| ids[n].clone()));
    for bad in ["?limit=0", "?limit=x", "?limit=1001", "?cursor=x", "?limit=1&limit=2", "?name=a%00b", "?name=a&name=b"]
    {
        operator.get(&format!("/events/{bad}")).await.expect(400);
    }
    operator.get("/events/?name=no.such").await.expect(200);
}

#[tokio::test]
async fn deliveries_of_an_event_are_paged() {
    let (server, operator) = Server::start().await;
    let receiver = Receiver::start().await.unwrap();
    for n in 0..5 {
        operator.subscribe("a.b", &receiver.url(&format!("/{n}"))).await;
    }
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    operator.deliveries(&id, are(5, "delivered", 1)).await;
    let base = format!("http://127.0.0.1:{}", server.port);
    let pages = walk(&operator, &base, &format!("/events/{id}/deliveries?limit=2")).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
    let mut urls: Vec<_> = pages.iter().flatten().map(|one| one["url"].as_str().unwrap().to_owned()).collect();
    urls.sort();
    assert_eq!(urls, [0, 1, 2, 3, 4].map(|n| receiver.url(&format!("/{n}"))));
}
