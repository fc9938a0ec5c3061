//! CE6: a CloudEvent that comes again is the same event.

use futures::future::join_all;
use serde_json::json;

use super::{BATCH, STRUCTURED, binary, events, id, post, structured};
use crate::engine::server::Server;

#[tokio::test]
async fn ce6_the_same_source_and_id_is_one_event_of_its_owner() {
    let (server, operator) = Server::start().await;
    let (alice, bob) = (server.key(Some("alice"), "publish,read"), server.key(Some("bob"), "publish,read"));
    let first = id(&post(&alice, &binary("1", "/s", "a.b"), b"x").await.expect(201));
    // The form, the type and the data don't matter.
    let again = post(&alice, STRUCTURED, structured("1", "/s", "other").to_string().as_bytes()).await.expect(200);
    assert_eq!(id(&again), first);
    assert_eq!(again.header("location"), format!("http://127.0.0.1:{}/events/{first}", server.port));
    let batch = json!([structured("1", "/s", "a.b"), structured("2", "/s", "a.b"), structured("2", "/s", "a.b")]);
    let ids = post(&alice, BATCH, batch.to_string().as_bytes()).await.expect(201).json();
    assert_eq!((&ids["ids"][0], &ids["ids"][1]), (&json!(first), &ids["ids"][2]));
    assert_eq!(events(&alice).await, 2);

    for other in [binary("1", "/t", "a.b"), binary("11", "/s", "a.b"), binary("1", "s", "a.b")] {
        post(&alice, &other, b"x").await.expect(201);
    }
    assert_ne!(id(&post(&bob, &binary("1", "/s", "a.b"), b"x").await.expect(201)), first);
    assert_ne!(id(&post(&operator, &binary("1", "/s", "a.b"), b"x").await.expect(201)), first);
    assert_eq!((events(&alice).await, events(&bob).await, events(&operator).await), (5, 1, 7));

    // A refused request leaves nothing behind.
    post(&bob, &binary("9", "/s", "a b"), b"x").await.expect(400);
    post(&bob, &binary("9", "/s", "a.b"), b"x").await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn ce6_twenty_at_once_are_one_event_and_batches_that_overlap_wait_for_nobody() {
    let (_server, operator) = Server::start().await;
    let headers = binary("1", "/s", "a.b");
    let answers = join_all((0..20).map(|_| post(&operator, &headers, b"x"))).await;
    let mut ids: Vec<_> = answers.iter().map(id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);

    let batch = |turn: usize| {
        let mut events: Vec<_> = (0..40).map(|n| structured(&n.to_string(), "/batch", "a.b")).collect();
        events.rotate_left(turn * 7 % 40);
        json!(events).to_string()
    };
    let bodies: Vec<_> = (0..10).map(batch).collect();
    let answers = join_all(bodies.iter().map(|body| post(&operator, BATCH, body.as_bytes()))).await;
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)), "{answers:?}");
    assert_eq!(events(&operator).await, 41);
}
