//! The bounds on what one owner may have, as Rust code meets them.

mod bounds;
mod plan;
mod races;
mod upgrade;

use thorn::{
    Config, Error, Thorn,
    subscription::{Access, NewSubscription, Page, Quota, QuotaExceeded, Subscription},
};

use crate::app;

/// URLs of three hosts, which needn't answer.
const HOSTS: [&str; 3] = ["http://127.0.0.1:9/", "http://127.0.0.2:9/", "http://127.0.0.3:9/"];

fn config(per_owner: Option<u64>, per_host: Option<u64>) -> Config {
    Config { max_subscriptions: per_owner, max_subscriptions_per_host: per_host, ..app::config() }
}

/// A new subscription of this owner. No two of a test have the same `event`.
fn new(owner: &str, event: usize, url: &str) -> NewSubscription {
    NewSubscription::new(format!("event.{event}"), url).owner(owner)
}

async fn create(thorn: &Thorn, owner: &str, event: usize, url: &str) -> Subscription {
    thorn.subscriptions().create(new(owner, event, url)).await.unwrap()
}

async fn count(thorn: &Thorn, owner: &str) -> usize {
    thorn.subscriptions().list(Access::Owner(owner), Page::default()).await.unwrap().len()
}

/// The bound that refused it, with the owner's present number and the limit.
fn excess<T: std::fmt::Debug>(result: Result<T, Error>) -> (Quota, u64, u64) {
    match result {
        Err(Error::Quota(QuotaExceeded { quota, present, limit })) => (quota, present, limit),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

fn per_host(host: &str) -> Quota {
    Quota::PerHost { host: host.to_owned() }
}
