//! Access: each user may do only what they are allowed to, under each path.

use axum::{
    Router,
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};
use thorn::Config;
use thorn_axum::Hooks;

use super::{Api, path};

const URL: &str = "http://127.9.0.1:9000/a";

#[tokio::test]
async fn thorn_104_every_route_has_both_slash_forms() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let item = path(&made);
    for path in [
        "/hooks",
        "/hooks/",
        item.as_str(),
        item.trim_end_matches('/'),
        &format!("{item}secret"),
        &format!("{item}secret/"),
        &format!("{item}stats"),
        &format!("{item}stats/"),
    ] {
        assert_eq!(app.get("alice", path).await.status, StatusCode::OK, "{path}");
        assert_eq!(app.send(Method::HEAD, "alice", path, Value::Null).await.status, StatusCode::OK, "{path}");
    }
    let answer = app.send(Method::POST, "alice", "/hooks", json!({ "event": "c.d", "url": URL })).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    for path in [item.trim_end_matches('/'), item.as_str()] {
        let answer = app.send(Method::PATCH, "alice", path, json!({})).await;
        assert_eq!((answer.status, &answer.body["subscription"]), (StatusCode::OK, &made["subscription"]), "{path}");
    }
}

#[tokio::test]
async fn thorn_104_other_verbs_are_405_with_what_is_allowed() {
    let app = Api::new().await;
    let item = path(&app.create("alice", "a.b", URL).await);
    let allowed = |allow: &str| {
        let mut verbs: Vec<_> = allow.split(',').map(str::to_owned).collect();
        verbs.sort();
        verbs.join(" ")
    };
    for (method, path, allow) in [
        (Method::DELETE, "/hooks/", "GET HEAD POST"),
        (Method::PUT, "/hooks", "GET HEAD POST"),
        (Method::OPTIONS, "/hooks/", "GET HEAD POST"),
        (Method::POST, &item, "DELETE GET HEAD PATCH PUT"),
        (Method::TRACE, item.trim_end_matches('/'), "DELETE GET HEAD PATCH PUT"),
        (Method::POST, &format!("{item}secret/"), "GET HEAD"),
        (Method::GET, &format!("{item}probe/"), "POST"),
    ] {
        let answer = app.send(method.clone(), "alice", path, Value::Null).await;
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
        assert_eq!(allowed(answer.header("allow")), allow, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

#[tokio::test]
async fn thorn_105_106_without_credentials_it_is_401_with_basic_first() {
    let app = Api::new().await;
    let item = path(&app.create("alice", "a.b", URL).await);
    for (method, path) in [
        (Method::GET, "/hooks/"),
        (Method::POST, "/hooks/"),
        (Method::GET, &item),
        (Method::PUT, &item),
        (Method::PATCH, &item),
        (Method::DELETE, &item),
        (Method::GET, &format!("{item}secret/")),
        (Method::POST, &format!("{item}probe/")),
        (Method::GET, "/hooks/no-id/"),
    ] {
        let request = Request::builder().method(method.clone()).uri(path).body(Body::from("{")).unwrap();
        let answer = app.request(request).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
        assert_eq!(challenges, ["Basic realm=\"blog\"", "Bearer realm=\"blog\""]);
        assert_eq!(answer.body["status"], 401);
    }
    assert_eq!(app.get("alice", &item).await.status, StatusCode::OK);
}

#[tokio::test]
async fn thorn_110_the_foreign_and_the_unknown_are_404_for_every_verb() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let unknown = json!({ "id": "018f3c2a-0000-7000-8000-000000000000" });
    let valid = json!({ "event": "x.y", "url": "http://127.9.0.1/b", "enabled": false });
    let mut answers = Vec::new();
    for path in [path(&made), path(&unknown)] {
        for (method, body) in [
            (Method::GET, Value::Null),
            (Method::PUT, valid.clone()),
            (Method::PUT, json!([])),
            (Method::PUT, json!({ "url": 1 })),
            (Method::PATCH, valid.clone()),
            (Method::PATCH, json!({ "enabled": "no" })),
            (Method::DELETE, Value::Null),
        ] {
            let answer = app.send(method.clone(), "bob", &path, body.clone()).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {path} {body}");
            answers.push(answer.body);
        }
        assert_eq!(app.get("bob", &format!("{path}secret/")).await.status, StatusCode::NOT_FOUND);
        let probed = app.send(Method::POST, "bob", &format!("{path}probe/"), Value::Null).await;
        assert_eq!(probed.status, StatusCode::NOT_FOUND);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "a foreign one answers like an unknown one");
    assert_eq!(app.get("bob", "/hooks/").await.body, json!([]));
    let cursor = format!("/hooks/?cursor={}", made["id"].as_str().unwrap());
    assert_eq!(app.get("bob", &cursor).await.wrong(), ["cursor"]);
    let mut seen = made.clone();
    seen.as_object_mut().unwrap().remove("hmac_secret");
    assert_eq!(app.get("alice", &path(&made)).await.body, seen, "nothing has changed");
}

#[tokio::test]
async fn thorn_109_the_owner_is_the_caller_and_an_operator_s_are_global() {
    let app = Api::new().await;
    let body = json!({ "event": "a.b", "url": URL, "user": "bob", "owner": "bob" });
    let made = app.post("alice", body.clone()).await.body;
    assert_eq!(made["user"], "alice");
    let global = app.post("root", body).await.body;
    assert_eq!(global["user"], Value::Null);
    assert_eq!(app.get("alice", &path(&global)).await.status, StatusCode::NOT_FOUND);
    assert_eq!(app.get("root", "/hooks/").await.body.as_array().unwrap().len(), 2);
    let changed = app.send(Method::PATCH, "root", &path(&made), json!({ "event": "c.d", "user": "bob" })).await;
    assert_eq!((&changed.body["event"], &changed.body["user"]), (&json!("c.d"), &json!("alice")));
}

#[tokio::test]
async fn thorn_117_what_is_no_id_is_404_and_its_other_spellings_are_known() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let id = made["id"].as_str().unwrap();
    for good in [id.to_uppercase(), id.replace('-', ""), id.replace('-', "").to_uppercase()] {
        let answer = app.get("alice", &format!("/hooks/{good}/")).await;
        assert_eq!((answer.status, answer.body["id"].as_str()), (StatusCode::OK, Some(id)), "{good}");
    }
    for bad in ["deadbeef", "zzz", "%FF", "%2e%2e", &id[1..], "1", "%7B018f3c2a%7D"] {
        for method in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = app.send(method.clone(), "alice", &format!("/hooks/{bad}/"), json!({})).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} {bad}");
        }
    }
}

#[tokio::test]
async fn thorn_107_links_follow_where_it_is_mounted() {
    let nested = |hooks: Hooks<_>| Router::new().nest("/t/{tenant}", hooks.into_router());
    let app = Api::with(Config::default(), nested).await;
    let body = json!({ "event": "a.b", "url": URL });
    let made = app.send(Method::POST, "alice", "/t/7/hooks", body.clone()).await;
    let link = format!("http://blog.example/t/7/hooks/{}/", made.body["id"].as_str().unwrap());
    assert_eq!(made.body["subscription"], link);
    let found = app.get("alice", link.trim_start_matches("http://blog.example")).await;
    assert_eq!(found.body["subscription"], link);

    let elsewhere = |hooks: Hooks<_>| Router::new().merge(hooks.path("api/webhooks/").base_url("https://x.y/"));
    let app = Api::with(Config::default(), elsewhere).await;
    let made = app.send(Method::POST, "alice", "/api/webhooks/", body.clone()).await;
    let link = format!("https://x.y/api/webhooks/{}/", made.body["id"].as_str().unwrap());
    assert_eq!((made.header("location"), made.body["subscription"].as_str()), (link.as_str(), Some(link.as_str())));

    let config = Config { base_url: Some("https://blog.test/".to_owned()), ..Config::default() };
    let app = Api::with(config, |hooks| hooks.into_router()).await;
    let made = app.post("alice", body.clone()).await;
    assert!(made.header("location").starts_with("https://blog.test/hooks/"), "{}", made.header("location"));

    let root = |hooks: Hooks<_>| Router::new().merge(hooks.path("/"));
    let app = Api::with(Config::default(), root).await;
    assert_eq!(app.send(Method::POST, "alice", "/", body).await.status, StatusCode::CREATED);
}
