//! Reads the events of a request, in the three forms that HTTP has for them.

use axum::{
    body::Bytes,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use serde_json::value::RawValue;
use thorn_core::cloud_event::{CloudEvent, InvalidCloudEvent};

use super::Refused;
use crate::http::{Problem, text};

/// The most events of a batch.
pub(in crate::engine::events) const MAX_EVENTS: usize = 512;

const STRUCTURED: &str = "application/cloudevents";
const BATCH: &str = "application/cloudevents-batch";
const JSON: &str = "+json";

/// The form in which a request has CloudEvents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine::events) enum Form {
    Binary,
    Structured,
    Batch,
}

impl Form {
    /// The form of a request with these headers; `None` if it has no CloudEvents. Only the JSON format is known.
    pub(in crate::engine::events) fn of(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let media_type = text(headers, CONTENT_TYPE.as_str()).unwrap_or_default();
        let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let format = |of| essence.strip_prefix(of).filter(|format| format.is_empty() || format.starts_with('+'));
        match (format(BATCH), format(STRUCTURED)) {
            (Some(JSON), _) => Ok(Some(Self::Batch)),
            (_, Some(JSON)) => Ok(Some(Self::Structured)),
            (None, None) => Ok(CloudEvent::is_in_headers(headers).then_some(Self::Binary)),
            _ => Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .detail("Of the formats of CloudEvents, only JSON is known here.")),
        }
    }

    /// The events in their order, each unless it is wrong.
    pub(super) fn read(self, headers: &HeaderMap, body: &Bytes) -> Result<Vec<Result<CloudEvent, Refused>>, Problem> {
        let events = match self {
            Self::Binary => vec![CloudEvent::from_headers(headers, body.clone())],
            Self::Structured => vec![CloudEvent::from_json(json(body)?)],
            Self::Batch => {
                let all: Vec<&RawValue> = json(body)?;
                if all.len() > MAX_EVENTS {
                    let detail = format!("The batch has {} events; at most {MAX_EVENTS} are allowed.", all.len());
                    return Err(Problem::new(StatusCode::BAD_REQUEST).detail(detail));
                }
                all.into_iter().map(CloudEvent::from_json).collect()
            }
        };
        Ok(events.into_iter().map(|event| event.map_err(Refused::from)).collect())
    }
}

fn json<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body is no CloudEvent, or batch of them: {error}"))
    })
}

impl From<InvalidCloudEvent> for Refused {
    fn from(invalid: InvalidCloudEvent) -> Self {
        Self::Attributes(invalid.errors.into_iter().map(|error| (error.attribute, error.reason)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ce1_ce3_headers_say_in_which_form_events_come() {
        let form = |headers: &[(&'static str, &'static str)]| {
            let headers = headers.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect();
            Form::of(&headers).map_err(|problem| problem.status().as_u16())
        };
        let id = ("ce-id", "1");
        let typed = |media_type| ("content-type", media_type);
        assert_eq!(form(&[typed("application/json")]), Ok(None));
        assert_eq!(form(&[]), Ok(None));
        assert_eq!(form(&[typed("application/json"), id]), Ok(Some(Form::Binary)));
        assert_eq!(form(&[id]), Ok(Some(Form::Binary)));
        for structured in ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=utf-8"] {
            assert_eq!(form(&[typed(structured), id]), Ok(Some(Form::Structured)), "{structured}");
        }
        assert_eq!(form(&[typed("application/cloudevents-batch+json")]), Ok(Some(Form::Batch)));
        for other in ["application/cloudevents+avro", "application/cloudevents", "application/cloudevents-batch+xml"] {
            assert_eq!(form(&[typed(other)]), Err(415), "{other}");
        }
        assert_eq!(form(&[typed("application/cloudeventsx+json")]), Ok(None));
    }
}
