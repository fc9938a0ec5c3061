//! The lines that an application's log holds by default.

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use sea_orm::{ConnectionTrait, Database};
use thorn::{Event, Thorn, subscription::NewSubscription};
use thorn_core::testing::Receiver;
use thorn_test_support::{PATIENCE, Place};
use tracing_subscriber::filter::LevelFilter;

use crate::{alone::alone, app};

/// The log of this process.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn statements(&self) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).matches("sqlx::query").count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_on_the_application_s_own_connection_logs_no_statement() {
    alone!(a_worker_on_the_application_s_own_connection_logs_no_statement);
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(move || writer.clone()).init();
    let place = Place::new().await;
    thorn::migrate(&thorn::connect(&place.url).await.unwrap()).await.unwrap();
    let db = Database::connect(&place.url).await.unwrap();
    db.execute_unprepared("SELECT 1").await.unwrap();
    assert!(log.statements() > 0, "SeaORM logs statements at INFO by default");

    let receiver = Receiver::start().await.unwrap();
    let thorn = Thorn::builder(db.clone()).config(app::config()).build().await.unwrap();
    let subscription = NewSubscription::new("a.b", receiver.url("/"));
    thorn.subscriptions().create(subscription).await.unwrap();
    let before = log.statements();
    let worker = thorn.start_worker().await.unwrap();
    Event::new("a.b").broadcast().send(&db, &1).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    worker.stop().await.unwrap();
    assert_eq!(log.statements(), before, "{}", String::from_utf8_lossy(&log.0.lock().unwrap()));
}
