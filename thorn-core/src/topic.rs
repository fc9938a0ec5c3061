//! Topics of the hub: the URLs whose content the hub distributes.
//!
//! A row says what is known of a topic. A ping marks the row as due, and a worker fetches what is due.

mod entry;
mod marks;
mod store;
mod update;
mod url;

pub use entry::Topic;
pub(crate) use marks::{Claim, Due, any, delete_unwanted, due, live_subscribers};
pub use store::Topics;
pub(crate) use update::{NO_MEDIA_TYPE, body_hash, latest_event};
pub use url::{InvalidTopicUrl, TopicPrefix, TopicUrl};
