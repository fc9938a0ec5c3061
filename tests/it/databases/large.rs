//! More at once than a server takes in one packet.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use thorn::{Error, Event, outbox::buffer_events};

use crate::app::TestApp;

/// Together more than MariaDB's 16 MiB.
const EVENTS: usize = 80;
const BYTES: usize = 240 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn large_events_of_one_buffer_are_written() {
    let app = TestApp::new().await;
    let payload = "x".repeat(BYTES);
    if app.db().get_database_backend() == DbBackend::MySql {
        let all = [payload.repeat(EVENTS).into()];
        let at_once = Statement::from_sql_and_values(DbBackend::MySql, "SELECT LENGTH(?)", all);
        app.db().query_one_raw(at_once).await.expect_err("one statement is too small for it, or this shows nothing");
    }
    buffer_events(app.db(), async |_| {
        for _ in 0..EVENTS {
            Event::new("a.b").broadcast().send(app.db(), &payload).await?;
        }
        Ok::<_, Error>(())
    })
    .await
    .unwrap();
    let written = app.count(&format!("thorn_event WHERE LENGTH(body) > {BYTES}")).await;
    assert_eq!(usize::try_from(written).unwrap(), EVENTS);
}
