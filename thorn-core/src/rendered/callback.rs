//! Functions of the application that name recipients when an event is written.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{raw::RawBody, sender::SenderId};
use crate::{pattern::Pattern, spec::Subscriber};

/// The error of a callback. It may have any type.
pub type CallbackError = Box<dyn std::error::Error + Send + Sync>;

/// A callback that names an event's recipients failed or panicked.
#[derive(Debug, thiserror::Error)]
#[error("the callback for `{pattern}`, asked who gets event `{event}`: {source}")]
pub struct CallbackFailed {
    /// The event's name.
    pub event: String,
    /// The pattern that the callback was registered for.
    pub pattern: String,
    /// The callback's error.
    pub source: CallbackError,
}

/// An event that is being written, as a callback sees it.
#[derive(Clone, Copy, Debug)]
pub struct EventInfo<'a> {
    pub(crate) name: &'a str,
    pub(crate) reference: Option<&'a str>,
    pub(crate) sender: Option<&'a SenderId>,
    pub(crate) context: Option<&'a serde_json::Value>,
    pub(crate) body: &'a str,
    pub(crate) raw: Option<&'a RawBody>,
}

impl EventInfo<'_> {
    /// The event's name.
    #[must_use]
    pub const fn name(&self) -> &str {
        self.name
    }

    /// The body's `ref`.
    #[must_use]
    pub const fn reference(&self) -> Option<&str> {
        self.reference
    }

    /// The sender who caused the event.
    #[must_use]
    pub const fn sender(&self) -> Option<&SenderId> {
        self.sender
    }

    /// The row that a model's event is about, such as `{"model": "article", "key": 1}`. `None` for other events.
    ///
    /// `model` is the table's name, and `key` is the primary key. A primary key of several columns is an array.
    /// If links changed, the object also has `"links": {"related": "tag", "keys": [2, 7]}`.
    #[must_use]
    pub const fn context(&self) -> Option<&serde_json::Value> {
        self.context
    }

    /// The body of a raw event. `None` for an enveloped event.
    #[must_use]
    pub const fn raw(&self) -> Option<&RawBody> {
        self.raw
    }

    /// The body's `data`, deserialized as `T`. The data of a raw event is its whole body, read as JSON.
    ///
    /// # Errors
    ///
    /// [`serde_json::Error`] if `data` doesn't have the form of `T`.
    pub fn data<'de, T: Deserialize<'de>>(&'de self) -> Result<T, serde_json::Error> {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            data: &'a RawValue,
        }
        if let Some(raw) = self.raw {
            return serde_json::from_slice(&raw.bytes);
        }
        let body: Body<'de> = serde_json::from_str(self.body)?;
        serde_json::from_str(body.data.get())
    }
}

pub(crate) type Function = dyn Fn(&EventInfo<'_>) -> Result<Vec<Subscriber>, CallbackError> + Send + Sync;

/// A function, and the pattern of the events that Thorn calls it for.
#[derive(Clone)]
pub(crate) struct Callback {
    pattern: Pattern,
    function: Arc<Function>,
}

impl Callback {
    pub(crate) const fn new(pattern: Pattern, function: Arc<Function>) -> Self {
        Self { pattern, function }
    }

    /// The recipients that the function names. Thorn calls the function only if the event matches the pattern.
    pub(crate) fn ask(&self, event: &EventInfo<'_>) -> Result<Vec<Subscriber>, CallbackFailed> {
        if !self.pattern.matches(event.name) {
            return Ok(Vec::new());
        }
        let failed =
            |source| CallbackFailed { event: event.name.to_owned(), pattern: self.pattern.to_string(), source };
        // A panic in the application's function must not lead to the commit of half a change.
        match catch_unwind(AssertUnwindSafe(|| (self.function)(event))) {
            Ok(named) => named.map_err(failed),
            Err(panic) => Err(failed(format!("it panicked: {}", said(&*panic)).into())),
        }
    }
}

fn said(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a message")
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Callback").field(&self.pattern).finish()
    }
}
