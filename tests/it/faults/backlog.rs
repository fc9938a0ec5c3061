//! A backlog of plain events, and what came of it.

use std::collections::HashMap;

use sea_orm::TransactionTrait;
use thorn::{DeliveryId, EventId, attempt::DeliveryState, event::Event, subscription::Subscription};
use thorn_core::testing::Receiver;

use crate::{
    app::{self, App},
    process::WorkerProcess,
};

/// Events in transactions of 25.
pub(super) async fn send(app: &App, events: usize) -> Vec<EventId> {
    let mut ids = Vec::with_capacity(events);
    while ids.len() < events {
        let txn = app.db().begin().await.unwrap();
        for _ in 0..(events - ids.len()).min(25) {
            ids.push(Event::new("a.b").broadcast().send(&txn, &ids.len()).await.unwrap());
        }
        txn.commit().await.unwrap();
    }
    ids
}

/// How often each delivery arrived.
pub(super) fn arrivals(receiver: &Receiver) -> HashMap<String, usize> {
    let mut arrivals = HashMap::new();
    for request in receiver.received() {
        *arrivals.entry(request.header("hook-delivery").to_owned()).or_default() += 1;
    }
    arrivals
}

pub(super) fn duplicates(receiver: &Receiver) -> usize {
    arrivals(receiver).values().map(|times| times - 1).sum()
}

/// Ids of the subscription's deliveries that are recorded as delivered, once that many are.
pub(super) async fn delivered(app: &App, subscription: &Subscription, wanted: usize) -> Vec<DeliveryId> {
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
pub(super) async fn working(app: &App, worker: &WorkerProcess) {
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

pub(super) async fn number(app: &App, sql: &str) -> usize {
    app.text(&format!("SELECT CAST(({sql}) AS TEXT) AS text")).await[0].parse().unwrap()
}
