//! `/events/`: events are published, listed, read back, and sent again.

mod publication;
mod representation;
mod collection;
mod item;

use axum::{
    Router,
    routing::{get, post},
};

use crate::http::method_not_allowed;

pub(super) fn routes() -> Router {
    let routes = [
        ("/events", get(collection::list).post(collection::publish)),
        ("/events/{event_id}", get(item::show)),
        ("/events/{event_id}/body", get(item::body)),
        ("/events/{event_id}/deliveries", get(item::deliveries)),
        ("/events/{event_id}/resend", post(item::resend)),
    ];
    routes.into_iter().fold(Router::new(), |router, (path, methods)| {
        let methods = methods.fallback(method_not_allowed);
        router.route(&format!("{path}/"), methods.clone()).route(path, methods)
    })
}
