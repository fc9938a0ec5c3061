//! Events and deliveries that are waiting, the outcome of each delivery, and figures of each subscription.

mod deliveries;
mod events;
mod first_response;
mod held;
mod of_event;
mod reader;
mod stats;
mod status;
mod targets;

pub use self::deliveries::{Delivery, Sent};
pub use self::events::{EventBody, EventPage, EventQuery, EventSummary};
pub use self::first_response::FirstResponse;
pub use self::held::Held;
pub use self::of_event::EventDelivery;
pub(crate) use self::of_event::{visible_deliveries, visible_event};
pub use self::reader::History;
pub use self::stats::{Health, InvalidStatsWindow, LastFailure, Stats, StatsPoint, StatsWindow};
pub use self::status::Status;
