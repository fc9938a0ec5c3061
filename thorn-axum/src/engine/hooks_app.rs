//! The API of the Hooks app: events by name, webhooks that are linked with them, and a trigger.

mod access;
mod description;
mod routes;
mod page;
mod body;
mod item_id;
mod events;
mod webhooks;
mod members;
mod trigger;

use axum::{
    Router,
    routing::{get, post},
};
use thorn_core::{Thorn, subscription::Access};

pub(super) use self::description::descriptions;
use self::routes::slashed;
use crate::http::resource_routes;

/// No routes where the application keeps its subscriptions in a store of its own.
pub(super) fn routes(thorn: &Thorn) -> Router {
    if thorn.webhooks(Access::Operator).is_err() {
        return Router::new();
    }
    let event = get(events::show).put(events::update).patch(events::update).delete(events::delete);
    let webhook = get(webhooks::show).put(webhooks::update).patch(webhooks::update).delete(webhooks::delete);
    let routes = [
        ("/api/events", get(events::list).post(events::create)),
        ("/api/events/{id}", event),
        ("/api/webhooks", get(webhooks::list).post(webhooks::create)),
        ("/api/webhooks/{id}", webhook),
    ];
    let trigger = resource_routes("/trigger", [("/{name}", post(trigger::trigger))]);
    routes.into_iter().fold(trigger, |router, (path, methods)| slashed(router, path, methods))
}
