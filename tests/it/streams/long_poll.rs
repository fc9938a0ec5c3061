//! Long polls.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Server, id_of};

#[tokio::test(flavor = "multi_thread")]
async fn st8_br21_pages_after_a_cursor_join_without_a_hole_or_an_overlap() {
    let server = Server::new().await;
    let ids = server.app.send_many(523).await;
    server.numbered(523).await;
    let (mut after, mut read) = ("earliest".to_owned(), Vec::new());
    loop {
        let polled = server.poll(&format!("topic=*&limit=50&wait=0&after={after}")).await;
        let events = polled["events"].as_array().unwrap();
        assert!(events.len() <= 50);
        read.extend(events.iter().map(id_of));
        polled["cursor"].as_str().unwrap().clone_into(&mut after);
        if polled["more"] == false {
            break;
        }
    }
    assert_eq!(read, ids, "the oldest after the cursor come first");
}

#[tokio::test(flavor = "multi_thread")]
async fn st8_a_poll_without_after_is_at_once_empty_at_the_end_and_one_with_it_waits() {
    let server = Server::new().await;
    server.app.send_many(3).await;
    server.numbered(3).await;
    let began = Instant::now();
    let head = server.poll("topic=*&wait=30").await;
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    assert_eq!((&head["events"], &head["more"]), (&json!([]), &json!(false)));
    let after = head["cursor"].as_str().unwrap();
    let query = format!("topic=a.*&wait=30&after={after}");
    let (polled, sent) = tokio::join!(server.poll(&query), async {
        server.send("other", &json!(1)).await;
        server.send("a.wanted", &json!(2)).await
    });
    assert_eq!(polled["events"].as_array().unwrap().iter().map(id_of).collect::<Vec<_>>(), [sent]);
    assert_eq!(polled["more"], false);
    assert_eq!(polled["cursor"], polled["events"][0]["cursor"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn st8_the_cursor_moves_on_though_nothing_matched() {
    let server = Server::new().await;
    let empty = server.poll("topic=*").await;
    server.app.send_many(250).await;
    server.numbered(250).await;
    let after = empty["cursor"].as_str().unwrap();
    for wait in ["0", "0.3"] {
        let polled = server.poll(&format!("topic=rare&wait={wait}&after={after}")).await;
        assert_eq!((&polled["events"], &polled["more"]), (&json!([]), &json!(false)));
        assert!(polled["cursor"].as_str().unwrap().starts_with("250-"), "{polled}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn st8_a_poll_ends_at_a_mebibyte() {
    let server = Server::new().await;
    let large = json!("x".repeat(200_000));
    for _ in 0..8 {
        server.send("a.b", &large).await;
    }
    server.numbered(8).await;
    let polled = server.poll("topic=*&after=earliest").await;
    let events = polled["events"].as_array().unwrap().len();
    assert!((5..8).contains(&events), "{events}");
    assert_eq!(polled["more"], true);
    let after = polled["cursor"].as_str().unwrap();
    let rest = server.poll(&format!("topic=*&after={after}")).await;
    assert_eq!((rest["events"].as_array().unwrap().len(), &rest["more"]), (8 - events, &json!(false)));
}
