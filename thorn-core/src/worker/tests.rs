//! A worker whose background tasks panic.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::{sync::Arc, time::Duration};

use sea_orm::DbBackend;
use thorn_test_support::{PATIENCE, Place, eventually, is_mysql};

use super::{BoxError, Dispatcher};
use crate::{
    Config, Dispatch, Thorn, event::Event, migration::migrate, rendered::RenderedEvent, subscription::NewSubscription,
    testing::Receiver,
};

/// Sends each event's name on.
#[derive(Debug)]
struct Forward(tokio::sync::mpsc::UnboundedSender<String>);

#[async_trait::async_trait]
impl Dispatcher for Forward {
    async fn dispatch(&self, events: &[RenderedEvent]) -> Vec<Result<(), BoxError>> {
        events.iter().map(|event| Ok(self.0.send(event.name.clone())?)).collect()
    }
}

fn config() -> Config {
    Config {
        allow_networks: vec!["127.0.0.0/8".parse().unwrap()],
        queue_url: is_mysql().then(|| "memory:".parse().unwrap()),
        poll_interval: Duration::from_millis(20),
        takeover: Duration::from_secs(2),
        audit_after: Duration::from_millis(500),
        ..Config::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_background_task_of_a_worker_survives_a_panic() {
    let place = Place::new().await;
    let db = crate::connect(&place.url).await.unwrap();
    migrate(&db).await.unwrap();
    let (forward, mut forwarded) = tokio::sync::mpsc::unbounded_channel();
    let builder = Thorn::builder(db.clone()).config(config()).dispatcher("forward", Arc::new(Forward(forward)));
    let thorn = builder.build().await.unwrap();
    let receiver = Receiver::start().await.unwrap();
    let new = NewSubscription::new("a.*", receiver.url("/"));
    thorn.subscriptions().create(new).await.unwrap();
    let worker = thorn.start_worker().await.unwrap();

    let injected = &worker.background.injected;
    let mut tasks = vec!["relay", "queue", "recorder", "heartbeat", "dispatcher `forward`"];
    // On other databases the listener has nothing to listen to, and ends.
    if db.get_database_backend() == DbBackend::Postgres {
        tasks.push("listener");
    }
    for (number, task) in tasks.into_iter().enumerate() {
        let starts = || async { injected.starts().get(task).copied() };
        eventually("its start", || async { starts().await.ok_or_else(|| format!("{:?}", injected.starts())) }).await;
        injected.panic_in(task);
        eventually("its second start", || async {
            starts().await.filter(|starts| *starts == 2).ok_or_else(|| format!("{task}: {:?}", injected.starts()))
        })
        .await;
        Event::new("a.b").broadcast().send(&db, &number).await.unwrap();
        receiver.wait_for(number + 1, PATIENCE).await.unwrap();
        Event::new("f.g").broadcast().dispatch(Dispatch::custom("forward")).send(&db, &number).await.unwrap();
        tokio::time::timeout(PATIENCE, forwarded.recv()).await.unwrap().unwrap();
    }
    assert!(injected.starts().values().all(|starts| *starts <= 2), "{:?}", injected.starts());
    eventually("everything recorded", || async {
        let status = thorn.status().await.unwrap();
        if status == crate::history::Status::default() { Ok(()) } else { Err(format!("{status:?}")) }
    })
    .await;
    worker.stop().await.unwrap();
}
