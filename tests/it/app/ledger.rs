//! Records what a test has asked for, to notice deliveries that it never asked for.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sea_orm::{ConnectionTrait, DbErr, Statement};
use thorn_core::testing::Received;

/// Shared by a [`TestApp`](super::TestApp) and its receivers.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Ids of deliveries that the test has seen as a row: all their requests are asked for.
    rows: HashSet<String>,
    /// Ids of deliveries of which a request has arrived.
    requests: HashSet<String>,
    /// Requests that the test hasn't asked for.
    strays: Vec<String>,
    ignores_the_rest: bool,
}

/// Strays that are named in full.
const NAMED: usize = 5;

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn see_rows(&self, deliveries: impl IntoIterator<Item = String>) {
        self.state().rows.extend(deliveries);
    }

    /// The end of a receiver: what it has received, after how many requests that were asked for.
    pub(super) fn close(&self, url: &str, received: &[Received], asked_for: usize) {
        let mut state = self.state();
        let id = |request: &Received| request.header("hook-delivery").to_owned();
        let strays = received.iter().skip(asked_for).filter(|request| !state.rows.contains(&id(request)));
        let strays: Vec<_> = strays
            .map(|request| {
                let (event, body) = (request.header("hook-event"), String::from_utf8_lossy(&request.body));
                format!("request {} to {url}{}: {event} {body}", id(request), request.path)
            })
            .collect();
        state.strays.extend(strays);
        state.requests.extend(received.iter().map(id));
    }

    pub(super) fn ignore_the_rest(&self) {
        self.state().ignores_the_rest = true;
    }

    /// Complains of every request and every delivery of this database that the test hasn't asked for.
    pub(super) fn settle(&self, url: &str) -> Result<(), String> {
        let mut state = self.state();
        if state.ignores_the_rest {
            return Ok(());
        }
        let mut strays = std::mem::take(&mut state.strays);
        // `drop` can't wait for the test's own runtime.
        let rows = std::thread::scope(|scope| scope.spawn(|| rows(url)).join());
        match rows {
            Ok(Ok(rows)) => strays.extend(
                rows.iter()
                    .filter(|(id, _)| !state.rows.contains(id) && !state.requests.contains(id))
                    .map(|(id, state)| format!("delivery {id}, {state}")),
            ),
            other => return Err(format!("the deliveries left at {url} can't be read: {other:?}")),
        }
        if strays.is_empty() {
            return Ok(());
        }
        let named = strays.iter().take(NAMED).cloned().collect::<Vec<_>>().join("; ");
        Err(format!(
            "{} left that the test didn't ask for (`TestApp::ignore_the_rest` says that this is right): {named}",
            strays.len()
        ))
    }
}

/// Ids and states of all deliveries.
fn rows(url: &str) -> Result<Vec<(String, String)>, DbErr> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let db = thorn::connect(url).await.map_err(|error| DbErr::Custom(error.to_string()))?;
        let statement = Statement::from_string(db.get_database_backend(), "SELECT id, state FROM thorn_delivery");
        // A test may have renamed the table or taken it away.
        let rows = db.query_all_raw(statement).await.unwrap_or_default();
        let row = |row: &sea_orm::QueryResult| {
            Ok((row.try_get::<sea_orm::prelude::Uuid>("", "id")?.to_string(), row.try_get("", "state")?))
        };
        let rows = rows.iter().map(row).collect();
        db.close().await?;
        rows
    })
}
