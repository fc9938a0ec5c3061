//! Dispatchers of the application's own.

use std::sync::{Arc, Mutex};

use sea_orm::{ConnectionTrait, DbBackend, Statement, TransactionTrait};
use thorn::{
    Config, Dispatch, Error, Thorn, async_trait,
    dispatch::{BoxError, Dispatcher},
    event::RenderedEvent,
    outbox::buffer_events,
};
use thorn_test_support::skipped;

use super::{articles, event, unrelayed};
use crate::app::{self, PATIENCE, TestApp, eventually};

/// Refuses every name once, panics at the first `a.panics`, and remembers what it was given.
#[derive(Debug, Default)]
struct Picky {
    given: Mutex<Vec<String>>,
}

#[async_trait]
impl Dispatcher for Picky {
    async fn dispatch(&self, events: &[RenderedEvent]) -> Vec<Result<(), BoxError>> {
        let mut given = self.given.lock().unwrap();
        let mut results = Vec::new();
        for event in events {
            let again = given.contains(&event.name);
            given.push(event.name.clone());
            match event.name.as_str() {
                "a.panics" if !again => {
                    drop(given);
                    panic!("as the test wants it");
                }
                "a.refused" if !again => results.push(Err("not yet".into())),
                _ => results.push(Ok(())),
            }
        }
        results
    }
}

async fn with(app: &TestApp, dispatcher: Arc<Picky>) -> Thorn {
    let config = Config { audit_after: std::time::Duration::from_millis(400), ..app::config() };
    let db = thorn::connect(&app.url).await.unwrap();
    Thorn::builder(db).config(config).dispatcher("picky", dispatcher).build().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_121_133_a_dispatcher_of_one_s_own_gets_what_was_committed_at_least_once() {
    let app = articles().await;
    let receiver = app.receiver().await;
    app.subscribe("**", &receiver.url("/")).await;
    let picky = Arc::new(Picky::default());
    let thorn = with(&app, picky.clone()).await;
    let to_picky = |name: &str| event(name).dispatch(Dispatch::custom("picky"));
    let txn = app.db().begin().await.unwrap();
    to_picky("a.rolled_back").send(&txn, &()).await.unwrap();
    txn.rollback().await.unwrap();
    let txn = app.db().begin().await.unwrap();
    buffer_events(&txn, async |_| {
        to_picky("a.taken").send(&txn, &()).await?;
        to_picky("a.refused").send(&txn, &()).await
    })
    .await
    .unwrap();
    txn.commit().await.unwrap();

    // A worker without the dispatcher leaves them alone, and goes on with others.
    let stock = app.worker().await;
    event("b.queued").send(app.db(), &()).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    assert_eq!(unrelayed(&app).await, 2);
    stock.stop().await.unwrap();

    let worker = thorn.start_worker().await.unwrap();
    app.settled().await;
    assert_eq!(*picky.given.lock().unwrap(), ["a.taken", "a.refused", "a.refused"]);
    to_picky("a.panics").send(app.db(), &()).await.unwrap();
    eventually("the second try", || async {
        let given = picky.given.lock().unwrap().clone();
        if given.iter().filter(|name| *name == "a.panics").count() == 2 { Ok(()) } else { Err(format!("{given:?}")) }
    })
    .await;
    app.settled().await;
    assert_eq!(receiver.received().len(), 1, "none of them goes to subscribers");
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn each_dispatcher_s_backlog_has_its_index_and_so_has_the_queue_s() {
    let app = articles().await;
    if app.db().get_database_backend() != DbBackend::Sqlite {
        return skipped("these are SQLite's words; `databases::plans` has the plans of every database");
    }
    for (open, index) in [
        ("dispatcher IS NULL ORDER BY sender, id", "thorn_event_unrelayed"),
        ("dispatcher IS NULL AND sender >= '' ORDER BY sender, id", "thorn_event_unrelayed (sender>?)"),
        ("dispatcher IS NOT NULL", "thorn_event_undispatched"),
        ("dispatcher = ? ORDER BY id", "thorn_event_undispatched (dispatcher=?)"),
    ] {
        let sql = format!("EXPLAIN QUERY PLAN SELECT * FROM thorn_event WHERE relayed_at IS NULL AND {open}");
        let values = if open.contains('?') { vec!["picky".into()] } else { Vec::new() };
        let plan = Statement::from_sql_and_values(DbBackend::Sqlite, sql, values);
        let plan = app.db().query_all_raw(plan).await.unwrap();
        let detail: String = plan[0].try_get("", "detail").unwrap();
        assert!(plan.len() == 1 && detail.contains(index), "{open}: {detail}");
    }
}

#[tokio::test]
async fn an_unknown_dispatcher_is_an_error_when_it_is_sent_or_built() {
    let app = articles().await;
    let unknown = || Dispatch::custom("nobody registered this");
    let error = event("a.b").dispatch(unknown()).send(app.db(), &()).await.unwrap_err();
    assert!(matches!(&error, Error::Option(thorn::error::InvalidOption { option: "dispatch", .. })), "{error}");
    assert!(error.to_string().contains("nobody registered this"), "{error}");
    let built = Thorn::builder(app.db().clone()).dispatch(unknown()).build().await;
    assert!(built.unwrap_err().to_string().contains("nobody registered this"));
}
