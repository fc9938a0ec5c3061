//! Endpoints: the URLs that deliveries go to, and the state that this process keeps for each.

mod gate;
mod interned;
mod lane;

pub(crate) use gate::{NEW, NEW_AT_ONCE};
pub(crate) use interned::Endpoints;
pub(crate) use lane::{Entry, Permit};

use std::sync::Arc;

use url::{ParseError, Url};

use self::{
    gate::{Gate, Turn},
    lane::Lane,
};

/// A URL that deliveries go to. [`Endpoints`] holds one shared `Endpoint` for each URL.
#[derive(Debug)]
pub(crate) struct Endpoint {
    url: String,
    parsed: Result<Url, ParseError>,
    /// Shared by all endpoints of one origin.
    gate: Option<Arc<Gate>>,
    lane: Arc<Lane>,
}

impl Endpoint {
    /// The URL, exactly as it was given.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The parsed URL. It is parsed only once, because parsing costs more than all other checks of a delivery.
    pub(crate) const fn parsed(&self) -> &Result<Url, ParseError> {
        &self.parsed
    }

    /// Waits until a request to the endpoint's origin may begin. `None` if the endpoint's URL can't be parsed.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        self.gate.as_ref()?.turn().await
    }

    /// Enters the endpoint's lane. If the lane is full, the call waits for a quick endpoint but not for a slow one.
    pub(crate) async fn enter(&self) -> Entry {
        self.lane.enter().await
    }

    /// How many more deliveries the lane would take now. Expected deliveries count as taken.
    pub(crate) fn room(&self) -> usize {
        self.lane.room()
    }

    /// Tells the lane how many due deliveries the relay puts on the queue.
    pub(crate) fn expect(&self, deliveries: usize) {
        self.lane.expect(deliveries);
    }

    /// Whether the endpoint is slow, so that its deliveries should be queued apart from others.
    pub(crate) fn is_slow(&self) -> bool {
        self.lane.is_slow()
    }
}
