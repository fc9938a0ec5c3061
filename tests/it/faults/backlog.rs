//! A backlog of plain events, and what came of it.

use thorn::{DeliveryId, attempt::DeliveryState, subscription::Subscription};

use crate::{
    app::{self, TestApp},
    process::WorkerProcess,
};

/// Ids of the subscription's deliveries that are recorded as delivered, once that many are.
pub(super) async fn delivered(app: &TestApp, subscription: &Subscription, wanted: usize) -> Vec<DeliveryId> {
    let sql = format!(
        "SELECT lower(hex(id)) AS text FROM thorn_delivery WHERE state = '{}' AND subscription_id = x'{}'",
        DeliveryState::Delivered,
        subscription.id.as_uuid().simple(),
    );
    let ids = app::eventually("deliveries", || async {
        let ids = app.text(&sql).await;
        if ids.len() >= wanted {
            Ok(ids)
        } else {
            Err(format!("{} of {wanted}; {:?}", ids.len(), app.thorn.status().await))
        }
    })
    .await;
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

/// Waits until a worker has made the queue's tables and asks for tasks.
pub(super) async fn working(app: &TestApp, worker: &WorkerProcess) {
    let sql = format!(
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM Workers WHERE id LIKE '{}%') THEN 'yes' ELSE 'no' END AS text",
        worker.name()
    );
    app::eventually("a working worker", || async {
        let tables = app.text("SELECT name AS text FROM sqlite_master WHERE name = 'Workers'").await;
        let registered = if tables.is_empty() { Vec::new() } else { app.text(&sql).await };
        if registered == ["yes"] { Ok(()) } else { Err(worker.log()) }
    })
    .await;
}
