//! The counting sees what it is there to see.

use std::time::Duration;

use thorn::event::Event;

use super::{
    ground,
    run::{ENDPOINTS, Run},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lost_made_up_or_sent_twice_is_counted() {
    let mut run = Run::prepare("none", ground::sqlite().await.unwrap()).await;
    let worker = run.worker();
    run.workers.push(worker);
    let send = async |key: &str| {
        let data = serde_json::json!({"key": key, "made_at": 1});
        Event::new("entry.made").broadcast().send(run.app.db(), &data).await.unwrap();
    };
    // A row without an event, one with its event, and an event without its row.
    run.app.execute("INSERT INTO entry VALUES ('never sent', 1), ('sent', 1)").await;
    send("sent").await;
    send("never saved").await;
    run.app.settled().await;
    let line = run.tally().await;
    let counted = (line.accepted, line.delivered, line.lost, line.phantom, line.duplicated);
    assert_eq!(counted, (2 * ENDPOINTS, 2 * ENDPOINTS, ENDPOINTS, ENDPOINTS, 0), "{line}");

    // Its record is gone, so that it is sent again.
    run.receiver.reply(thorn_core::testing::Reply::status(204).delay(Duration::ZERO));
    let before = run.arrived();
    run.app.execute("CREATE TABLE kept AS SELECT * FROM thorn_delivery LIMIT 1").await;
    run.app.execute("DELETE FROM thorn_delivery WHERE id IN (SELECT id FROM kept)").await;
    run.app.execute("UPDATE thorn_event SET audit_at = 1 WHERE id IN (SELECT event_id FROM kept)").await;
    run.until("a duplicate", || async { if run.arrived() > before { Ok(()) } else { Err("none".into()) } }).await;
    run.app.settled().await;
    assert_eq!(run.tally().await.duplicated, 1);
}
