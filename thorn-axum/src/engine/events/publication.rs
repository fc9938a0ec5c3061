//! The body of `POST /events/`.

use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::value::RawValue;
use thorn_core::{
    Dispatch,
    api_key::ApiKey,
    event::{Event, is_own_event},
};

use crate::http::Problem;

/// An event to publish. The data stays as it was written, with the digits of its numbers.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Publication {
    event: String,
    pub(super) data: Box<RawValue>,
    #[serde(rename = "ref")]
    reference: Option<String>,
    sender: Option<String>,
    #[serde(default)]
    broadcast: bool,
}

impl Publication {
    pub(super) fn parse(body: &[u8]) -> Result<Self, Problem> {
        serde_json::from_slice(body).map_err(|error| {
            let detail = format!("The body is no event `{{event, data, ref?, sender?, broadcast?}}`: {error}");
            Problem::new(StatusCode::BAD_REQUEST).detail(detail)
        })
    }

    /// The event that this caller may publish. An owner sends as themselves, and to nobody else's subscriptions.
    pub(super) fn event(&self, caller: &ApiKey) -> Result<Event, Problem> {
        if is_own_event(&self.event) {
            let message = "Only thorn itself sends events of this name.";
            return Err(Problem::invalid_fields().field("event", message));
        }
        let sender = match (&caller.owner, &self.sender) {
            (Some(owner), Some(sender)) if owner != sender => {
                return Err(forbidden("The key's owner is the sender. Leave `sender` out."));
            }
            (Some(_), _) if self.broadcast => return Err(forbidden("Only an operator's key may broadcast.")),
            (Some(owner), _) => Some(owner),
            (None, sender) => sender.as_ref(),
        };
        let event = Event::new(&self.event).sender(sender).dispatch(Dispatch::Queue);
        let event = if self.broadcast { event.broadcast() } else { event };
        Ok(match &self.reference {
            Some(reference) => event.reference(reference),
            None => event,
        })
    }
}

fn forbidden(detail: &'static str) -> Problem {
    Problem::new(StatusCode::FORBIDDEN).detail(detail)
}
