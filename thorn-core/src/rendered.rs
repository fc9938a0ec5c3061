//! Events as immutable facts: a [`RenderedEvent`] with its body, options and recipients.
//!
//! Rendering happens at the moment of change. Nothing after that reads the row that changed.

mod callback;
mod event;
mod finite;
mod members;
mod options;
mod raw;
mod response_head;
mod sender;
mod subject;

pub(crate) use callback::{Callback, Function};
pub use callback::{CallbackError, CallbackFailed, EventInfo};
pub use event::RenderedEvent;
pub(crate) use event::body;
pub(crate) use members::{Members, OWN};
pub use options::{EventOptions, InvalidEventOptions};
pub use raw::RawBody;
pub(crate) use raw::{RawHead, TopicHead};
pub(crate) use response_head::ResponseHead;
pub use sender::{Sender, SenderId};
pub use subject::Subject;
