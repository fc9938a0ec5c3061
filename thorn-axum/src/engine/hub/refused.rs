//! The reasons why the hub refuses a request that it can't read. The messages name the parameter.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use thorn_core::hub::{HubError, HubRefusal};

use crate::http::Problem;

/// A request that can't be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    #[error("Content-Type: send application/x-www-form-urlencoded in UTF-8")]
    NotAForm,
    #[error("{0}: it is missing or empty")]
    Missing(&'static str),
    #[error("{0}: it is given more than once")]
    Repeated(&'static str),
    #[error("{0}: it isn't UTF-8")]
    NotText(&'static str),
    #[error("hub.mode: `{}` is no mode; use subscribe, unsubscribe or publish", shown(.0))]
    UnknownMode(String),
    #[error("{name}: {reason}")]
    Value { name: &'static str, reason: &'static str },
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let status = match refused {
            Refused::NotAForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        };
        Self::new(status).detail(refused.to_string())
    }
}

/// The answer to a request that the hub refuses.
pub(super) fn problem(error: HubError) -> Problem {
    let refusal = match error {
        HubError::Refused(refusal) => refusal,
        HubError::Thorn(error) => return error.into(),
        other => return Problem::internal(other),
    };
    let detail = refusal.to_string();
    let (status, wait) = match refusal {
        HubRefusal::Parameter { .. } => (StatusCode::BAD_REQUEST, None),
        HubRefusal::UnknownTopic => (StatusCode::NOT_FOUND, None),
        HubRefusal::TooMany { wait, .. } => (StatusCode::TOO_MANY_REQUESTS, Some(wait.as_secs() + 1)),
        HubRefusal::Full(_) => (StatusCode::SERVICE_UNAVAILABLE, Some(3_600)),
        other => return Problem::internal(other),
    };
    let problem = Problem::new(status).detail(detail);
    match wait {
        Some(seconds) => problem.header(RETRY_AFTER, HeaderValue::from(seconds)),
        None => problem,
    }
}

/// A refusal of what a parameter says.
pub(super) fn bad(detail: impl Into<Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).detail(detail)
}

/// The beginning of a value, as one line may show it.
pub(super) fn shown(value: &str) -> String {
    value.chars().take(100).collect::<String>().escape_debug().to_string()
}
