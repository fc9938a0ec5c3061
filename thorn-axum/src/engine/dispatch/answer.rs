//! The answer to a dispatch: plain text, as Hookah answers, or JSON.

use axum::{
    http::{HeaderMap, StatusCode, header::ACCEPT},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use thorn_core::{DeliveryId, EventId, event::RenderedEvent, idempotency::Answer};

use super::refused::Refused;
use crate::http::Problem;

/// A dispatch that was written.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    /// The event that goes to the targets, or else that of the topic.
    id: EventId,
    targets: Vec<Target>,
    topic: Option<TopicEvent>,
}

#[derive(Debug, Serialize)]
struct Target {
    url: String,
    /// The id that the target sees as `webhook-id`.
    delivery: DeliveryId,
}

#[derive(Debug, Serialize)]
struct TopicEvent {
    name: String,
    id: EventId,
}

impl Accepted {
    /// The event that the answer is about.
    pub(super) const fn id(&self) -> EventId {
        self.id
    }

    /// The answer for the event to the targets and that of the topic, at least one of which is there.
    pub(super) fn new(request: Option<&RenderedEvent>, topic: Option<&RenderedEvent>) -> Self {
        let to_targets = |event: &RenderedEvent| {
            let targets = event.recipients.iter().map(|target| Target {
                url: target.url().to_owned(),
                delivery: DeliveryId::derive(event.id, target.subscription_id()),
            });
            targets.collect()
        };
        Self {
            id: request.or(topic).map_or_else(EventId::generate, |event| event.id),
            targets: request.map(to_targets).unwrap_or_default(),
            topic: topic.map(|event| TopicEvent { name: event.name.clone(), id: event.id }),
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self::new(refused.status()).detail(refused.to_string())
    }
}

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A line such as `202 Scheduled`.
    Text,
    /// JSON, for errors problem details.
    Json,
}

impl Form {
    /// JSON if the request names it. Any other wish gets text.
    pub(super) fn asked_for(headers: &HeaderMap) -> Self {
        let accepts = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
        let mut ranges = accepts.flat_map(|value| value.split(','));
        let is_json = |range: &str| {
            let essence = range.split(';').next().unwrap_or_default().trim();
            ["application/json", "application/problem+json"].iter().any(|json| essence.eq_ignore_ascii_case(json))
        };
        if ranges.any(is_json) { Self::Json } else { Self::Text }
    }

    /// The answer to a dispatch that is written. `base_url` begins the server's own URLs.
    pub(super) fn accept(self, accepted: &Accepted, base_url: &str) -> Answer {
        let (content_type, body) = match self {
            Self::Text => ("text/plain; charset=utf-8", "202 Scheduled".to_owned()),
            Self::Json => ("application/json", serde_json::json!(accepted).to_string()),
        };
        let location = format!("{base_url}/events/{}", accepted.id);
        let headers = [("content-type", content_type.to_owned()), ("location", location)];
        let headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
        Answer { status: StatusCode::ACCEPTED.as_u16(), headers, body }
    }

    /// The answer to a dispatch that is refused.
    pub(super) fn refuse(self, problem: Problem) -> Response {
        match self {
            Self::Text => problem.into_text(),
            Self::Json => problem.into_response(),
        }
    }
}
