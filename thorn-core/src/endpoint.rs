//! Endpoints: the URLs that deliveries go to, and what this process knows about each.

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

/// One URL that deliveries go to. [`Endpoints`] has one for each URL, which everybody shares.
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

    /// The URL, parsed once: parsing costs more than everything else that is checked about a delivery.
    pub(crate) const fn parsed(&self) -> &Result<Url, ParseError> {
        &self.parsed
    }

    /// Waits until a request to the endpoint's origin may begin; `None` if its URL can't be parsed.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        self.gate.as_ref()?.turn().await
    }

    /// Enters the endpoint's lane. A quick endpoint is waited for, a slow one is not.
    pub(crate) async fn enter(&self) -> Entry {
        self.lane.enter().await
    }

    /// How many more deliveries the lane would take now, with those expected counted.
    pub(crate) fn room(&self) -> usize {
        self.lane.room()
    }

    /// Tells the lane that the relay puts so many due deliveries on the queue.
    pub(crate) fn expect(&self, deliveries: usize) {
        self.lane.expect(deliveries);
    }

    /// Whether deliveries to this endpoint should travel apart from others'.
    pub(crate) fn is_slow(&self) -> bool {
        self.lane.is_slow()
    }
}
