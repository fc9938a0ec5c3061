//! `/events/`: events are published, listed, read back, and sent again.

mod publication;
mod cloud_events;
mod representation;
mod collection;
mod item;
mod description;

use axum::{
    Router,
    routing::{get, post},
};

pub(super) use self::{cloud_events::bypass_cors, description::description};
use crate::http::resource_routes;

pub(super) fn routes() -> Router {
    resource_routes(
        "/events",
        [
            ("", get(collection::list).post(collection::publish).options(cloud_events::answer)),
            ("/{event_id}", get(item::show)),
            ("/{event_id}/body", get(item::body)),
            ("/{event_id}/deliveries", get(item::deliveries)),
            ("/{event_id}/resend", post(item::resend)),
        ],
    )
}
