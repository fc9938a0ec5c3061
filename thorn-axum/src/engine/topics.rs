//! `/topics/`: the topics that publishers have registered at the hub.

mod collection;
mod description;
mod item;
mod representation;

use axum::{Router, routing::get};
use thorn_core::{Thorn, config::HubMode};

pub(super) use self::description::description;
use crate::http::resource_routes;

/// There are no topics where the hub is off.
pub(super) fn routes(thorn: &Thorn) -> Router {
    if thorn.config().server.hub == HubMode::Off {
        return Router::new();
    }
    resource_routes(
        "/topics",
        [("", get(collection::list).post(collection::register)), ("/{topic_id}", get(item::show).delete(item::delete))],
    )
}
