//! Names whose name servers are silent.

use std::sync::Arc;

use axum::{Router, http::StatusCode};
use serde_json::json;
use thorn::{Config, Event};
use thorn_core::testing::{Receiver, TestNames};
use tokio::{runtime, task::JoinSet};

use super::Api;
use crate::app::{self, PATIENCE, eventually};

const OWNERS: usize = 40;

/// More names than one owner may have looked up at once.
const NAMES: usize = 6;

/// As many lookups run for names that nobody knows, at least.
const HANGING: usize = 64;

async fn bob_notices_nothing() {
    let (names, receiver) = (TestNames::below("hooks-api"), Receiver::start().await.unwrap());
    let address = receiver.url("").strip_prefix("http://").unwrap().parse::<std::net::SocketAddr>().unwrap();
    let config = Config { allow_addresses: vec![address], ..app::config() };
    let api = Arc::new(Api::with(config, |hooks| Router::new().merge(hooks)).await);
    let mut theirs = JoinSet::new();
    for n in 0..OWNERS * NAMES {
        let url = format!("http://{}:{}/", names.silent(&n.to_string()), address.port());
        let api = Arc::clone(&api);
        let ask =
            async move { api.post(&format!("alice {}", n % OWNERS), json!({ "event": "a.b", "url": url })).await };
        theirs.spawn(ask);
    }
    eventually("lookups that hang", || async {
        let hanging = names.hanging();
        if hanging >= HANGING { Ok(()) } else { Err(format!("{hanging} hang")) }
    })
    .await;

    let url = format!("http://{}:{}/", names.healthy("bob"), address.port());
    api.create("bob", "a.b", &url).await;
    let _worker = api.base.worker().await;
    Event::new("a.b").sender("bob").send(api.base.db(), &1).await.unwrap();
    receiver.wait_for(1, PATIENCE).await.unwrap();
    // The application's only blocking thread is free.
    tokio::task::spawn_blocking(|| ()).await.unwrap();
    assert!(names.hanging() >= HANGING);

    drop(names);
    while let Some(answer) = theirs.join_next().await {
        let status = answer.unwrap().status;
        assert!([StatusCode::CREATED, StatusCode::BAD_REQUEST].contains(&status), "{status}");
    }
    api.base.ignore_the_rest();
}

#[test]
fn names_that_hang_are_their_owners_trouble_alone() {
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).max_blocking_threads(1).enable_all().build();
    runtime.unwrap().block_on(bob_notices_nothing());
}
