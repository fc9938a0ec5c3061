//! Consumers, whose cursors are kept on the server.

use serde_json::{Value, json};

use super::{
    Server,
    client::{Answer, Request},
    id_of,
};

impl Server {
    async fn consumer(&self, user: &str, method: &'static str, path: &str, body: Option<&Value>) -> Answer {
        let request = Request::new(self.address, &format!("/consumers/{path}")).method(method).header("x-user", user);
        let request = body.into_iter().fold(request, |request, body| request.json(body));
        request.answer().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn st9_a_consumer_s_cursor_moves_only_by_an_acknowledgement_and_back_only_by_a_seek() {
    let server = Server::new().await;
    let created = server.consumer("root", "PUT", "mirror", None).await;
    assert_eq!(created.status, 201, "{created:?}");
    let ids = server.app.send_many(5).await;
    server.numbered(5).await;
    let events = async || {
        let polled = server.consumer("root", "GET", "mirror/events?topic=a.*&limit=2", None).await.json();
        let events = polled["events"].as_array().unwrap().clone();
        (events.iter().map(id_of).collect::<Vec<_>>(), polled["cursor"].clone())
    };
    let (first, cursor) = events().await;
    assert_eq!(first, ids[..2]);
    assert_eq!(events().await.0, ids[..2], "reading moves nothing");
    let ack = async |body: Value| server.consumer("root", "POST", "mirror/ack", Some(&body)).await;
    let moved = ack(json!({ "cursor": cursor })).await;
    assert_eq!((moved.status, &moved.json()["cursor"]), (200, &cursor));
    assert_eq!(events().await.0, ids[2..4]);
    assert_eq!(ack(json!({ "cursor": cursor })).await.status, 200, "an acknowledgement may be repeated");

    let before = created.json()["cursor"].clone();
    let refused = ack(json!({ "cursor": before })).await;
    assert_eq!((refused.status, &refused.json()["cursor"]), (409, &cursor));
    assert_eq!(events().await.0, ids[2..4]);
    assert_eq!(ack(json!({ "cursor": before, "seek": true })).await.status, 200);
    assert_eq!(events().await.0, ids[..2]);
    assert_eq!(ack(json!({ "cursor": "99-00000000" })).await.status, 410);
    for bad in [json!({}), json!({ "cursor": 5 }), json!({ "cursor": "5" }), json!({ "cursor": cursor, "seek": 1 })] {
        assert_eq!(ack(bad.clone()).await.status, 400, "{bad}");
    }

    let again = server.consumer("root", "PUT", "mirror", Some(&json!({ "cursor": "earliest" }))).await;
    assert_eq!((again.status, &again.json()["cursor"]), (200, &before), "one that exists stays as it is");
    assert_eq!(server.consumer("root", "DELETE", "mirror", None).await.status, 204);
    for (method, path) in [("GET", "mirror"), ("DELETE", "mirror"), ("GET", "mirror/events?topic=*")] {
        assert_eq!(server.consumer("root", method, path, None).await.status, 404, "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn st9_each_owner_has_consumers_of_their_own() {
    let server = Server::new().await;
    for user in ["alice", "bob"] {
        assert_eq!(server.consumer(user, "PUT", "mine", None).await.status, 201);
    }
    assert_eq!(server.consumer("alice", "PUT", "a%20second", None).await.status, 201);
    let names = async |user| {
        let listed = server.consumer(user, "GET", "", None).await.json();
        listed.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("alice").await, ["a second", "mine"]);
    assert_eq!(names("bob").await, ["mine"]);
    assert!(names("root").await.is_empty(), "an operator has their own");
    assert_eq!(server.consumer("bob", "DELETE", "a%20second", None).await.status, 404);
    assert_eq!(server.consumer("bob", "DELETE", "mine", None).await.status, 204);
    assert_eq!(names("alice").await, ["a second", "mine"]);
    for name in ["%00", &"x".repeat(191)] {
        let answer = server.consumer("alice", "PUT", name, None).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert_eq!(server.consumer("alice", "GET", name, None).await.status, 404);
    }
    let gone = server.consumer("alice", "PUT", "foreign", Some(&json!({ "cursor": "7-00000000" }))).await;
    assert_eq!(gone.status, 410);
}
