//! The problem that each error of `thorn-core` becomes.

use axum::http::StatusCode;
use thorn_core::Error;

use super::{Problem, field_name};

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Subscription(invalid) => invalid
                .errors
                .into_iter()
                .fold(Self::invalid_fields(), |problem, error| problem.field(field_name(error.field), error.message)),
            Error::NotFound { .. } => Self::new(StatusCode::NOT_FOUND),
            Error::Configured { .. } => Self::new(StatusCode::CONFLICT).detail(error.to_string()),
            Error::EventTooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE).detail(error.to_string()),
            Error::EventName { .. }
            | Error::Payload { .. }
            | Error::RequestData { .. }
            | Error::Header { .. }
            | Error::Option { .. }
            | Error::Pattern(_)
            | Error::Target(_) => Self::new(StatusCode::BAD_REQUEST).detail(error.to_string()),
            Error::Signature(_) => Self::new(StatusCode::UNAUTHORIZED).detail(error.to_string()),
            // Callers must not see errors of the database or the queue. The same goes for variants added later.
            _ => Self::internal(error),
        }
    }
}
