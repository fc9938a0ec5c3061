//! Endpoints with more waiting than they take: nobody else notices.

mod hidden;

use sea_orm::{ConnectionTrait as _, DbBackend, prelude::Uuid};
use thorn::{event::Event, subscription::Subscription};

use crate::app::App;

/// That many deliveries of one stored event to the subscription, due a millisecond after each other
/// from `first` on. They share an event, so their ids aren't those that a worker would give them.
pub(crate) async fn add_waiting(app: &App, to: &Subscription, rows: u32, first: i64) {
    let event = Event::new("stored").broadcast().send(app.db(), "stored").await.unwrap();
    let backend = app.db().get_database_backend();
    let uuid = |id: Uuid| match backend {
        DbBackend::Postgres => format!("'{id}'::uuid"),
        _ => format!("x'{}'", id.simple()),
    };
    let (event, to) = (uuid(event.as_uuid()), uuid(to.id.as_uuid()));
    app.execute(&format!("UPDATE thorn_event SET relayed_at = 1, fanout = 0 WHERE id = {event}")).await;
    let (numbers, id) = match backend {
        DbBackend::Postgres => (format!("generate_series(1, {rows}) AS numbers (n)"), "gen_random_uuid()"),
        _ => ("numbers".to_owned(), "randomblob(16)"),
    };
    let with = match backend {
        DbBackend::Postgres => String::new(),
        _ => format!("WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {rows}) "),
    };
    app.execute(&format!(
        "{with}INSERT INTO thorn_delivery \
         (id, event_id, subscription_id, state, attempts, next_attempt_at, created_at) \
         SELECT {id}, {event}, {to}, 'waiting', 1, {first} + n, 1 FROM {numbers}"
    ))
    .await;
}
