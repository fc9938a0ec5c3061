//! `/events/`: events are published, listed, read back, and sent again.

mod publication;
mod representation;
mod collection;
mod item;

use axum::{
    Router,
    routing::{get, post},
};

use crate::http::resource_routes;

pub(super) fn routes() -> Router {
    resource_routes(
        "/events",
        [
            ("", get(collection::list).post(collection::publish)),
            ("/{event_id}", get(item::show)),
            ("/{event_id}/body", get(item::body)),
            ("/{event_id}/deliveries", get(item::deliveries)),
            ("/{event_id}/resend", post(item::resend)),
        ],
    )
}
