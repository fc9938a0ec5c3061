//! The social blog of the examples, whose every write is a builder statement of SeaORM: all its changes arrive.

#[allow(dead_code, reason = "the program uses more of it than the test")]
#[path = "../../examples/realworld/app.rs"]
mod app;

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Method, Request, StatusCode, header},
};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::app::{PATIENCE, Receiver, TestApp};

/// The API, called as a user.
struct Api(Router);

impl Api {
    async fn call(&self, user: i64, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::AUTHORIZATION, format!("Token {user}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let response = self.0.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, serde_json::from_slice(&bytes).unwrap_or_else(|_| String::from_utf8_lossy(&bytes).into()))
    }

    #[track_caller]
    fn ok(&self, user: i64, method: Method, path: &str, body: Value) -> impl Future<Output = Value> {
        let caller = std::panic::Location::caller();
        async move {
            let (status, answer) = self.call(user, method, path, body).await;
            assert!(status.is_success(), "{caller}: {status} {answer}");
            answer
        }
    }

    async fn register(&self, name: &str) -> i64 {
        let new = json!({ "username": name, "email": format!("{name}@example.com") });
        self.ok(0, Method::POST, "/users", new).await["id"].as_i64().unwrap()
    }
}

/// Names and data of the events that came since the last call, sorted. There must be so many.
async fn told(receiver: &Receiver, count: usize) -> Vec<(String, Value)> {
    let requests = receiver.wait_for(count, PATIENCE).await.unwrap();
    receiver.forget();
    let told = requests.iter().map(|request| {
        let mut body = request.json();
        (body["event"].as_str().unwrap().to_owned(), body["data"].take())
    });
    let mut told: Vec<_> = told.collect();
    told.sort_by_cached_key(|(name, data)| (name.clone(), data.to_string()));
    told
}

fn names(told: &[(String, Value)]) -> Vec<&str> {
    told.iter().map(|(name, _)| name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_of_an_application_that_only_uses_builder_statements_arrives() {
    let (test, receiver, _subscription, worker) = TestApp::delivering("**").await;
    app::create_tables(test.db()).await.unwrap();
    let api = Api(app::routes(test.db().clone()));

    let (alice, bob) = (api.register("alice").await, api.register("bob").await);
    assert_eq!(
        told(&receiver, 2).await,
        [("alice", alice), ("bob", bob)]
            .map(|(name, id)| { ("user.registered".to_owned(), json!({ "id": id, "username": name, "bio": null })) })
    );
    api.ok(alice, Method::PUT, "/user", json!({ "bio": "I write." })).await;
    assert_eq!(names(&told(&receiver, 1).await), ["user.changed"]);

    api.ok(alice, Method::POST, "/profiles/bob/follow", json!(null)).await;
    api.ok(alice, Method::POST, "/profiles/bob/follow", json!(null)).await;
    api.ok(alice, Method::DELETE, "/profiles/bob/follow", json!(null)).await;
    api.ok(alice, Method::DELETE, "/profiles/bob/follow", json!(null)).await;
    let follow = json!({ "follower_id": alice, "followed_id": bob });
    let expected = ["profile.followed", "profile.unfollowed"].map(|name| (name.to_owned(), follow.clone()));
    assert_eq!(told(&receiver, 2).await, expected, "what changes nothing is not announced");

    let new = json!({ "title": "Hello, World", "body": "…", "tags": ["rust", "hooks"] });
    let slug = api.ok(alice, Method::POST, "/articles", new).await["slug"].as_str().unwrap().to_owned();
    let created = told(&receiver, 4).await;
    assert_eq!(names(&created), ["article.created", "article.tagged", "tag.created", "tag.created"]);
    let new = json!({ "title": "Another", "body": "…", "tags": ["rust", "orm"] });
    api.ok(alice, Method::POST, "/articles", new).await;
    let another = told(&receiver, 3).await;
    assert_eq!(names(&another), ["article.created", "article.tagged", "tag.created"], "one tag was there already");

    let path = format!("/articles/{slug}");
    let (status, _) = api.call(bob, Method::PUT, &path, json!({ "body": "!" })).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    api.ok(alice, Method::PUT, &path, json!({ "body": "!" })).await;
    assert_eq!(names(&told(&receiver, 1).await), ["article.changed"]);

    let comment = api.ok(bob, Method::POST, &format!("{path}/comments"), json!({ "body": "Nice." })).await;
    api.ok(bob, Method::DELETE, &format!("{path}/comments/{}", comment["id"]), json!(null)).await;
    api.ok(bob, Method::POST, &format!("{path}/comments"), json!({ "body": "Very nice." })).await;
    assert_eq!(names(&told(&receiver, 3).await), ["comment.created", "comment.created", "comment.deleted"]);

    let favourite = format!("{path}/favourite");
    api.ok(bob, Method::PUT, &favourite, json!({ "stars": 3 })).await;
    assert_eq!(names(&told(&receiver, 2).await), ["article.changed", "favourite.created"]);
    api.ok(bob, Method::PUT, &favourite, json!({ "stars": 5 })).await;
    let rated = told(&receiver, 1).await;
    let row = json!({ "user_id": bob, "article_id": created[0].1["id"], "stars": 5 });
    assert_eq!(rated, [("favourite.rated".to_owned(), row)], "an upsert that updates is a change");
    api.ok(alice, Method::PUT, &favourite, json!({ "stars": 1 })).await;
    assert_eq!(names(&told(&receiver, 3).await), ["article.changed", "article.popular", "favourite.created"]);
    api.ok(alice, Method::DELETE, &favourite, json!(null)).await;
    assert_eq!(names(&told(&receiver, 2).await), ["article.changed", "favourite.deleted"]);

    api.ok(alice, Method::DELETE, &path, json!(null)).await;
    let removed = told(&receiver, 4).await;
    assert_eq!(names(&removed), ["article.deleted", "article.untagged", "comment.deleted", "favourite.deleted"]);

    // Nothing else was said, and nothing of a refused change.
    let (status, _) = api.call(0, Method::POST, "/users", json!({ "username": "alice", "email": "x" })).await;
    assert_eq!(status, StatusCode::CONFLICT);
    test.settled().await;
    assert_eq!(receiver.arrived(), 0);
    worker.stop().await.unwrap();
}
