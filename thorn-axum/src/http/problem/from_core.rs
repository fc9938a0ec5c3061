//! The problem that each error of `thorn-core` becomes.

use axum::http::StatusCode;
use thorn_core::Error;

use super::{Problem, field_name, problem_type::TOO_MANY_SUBSCRIPTIONS};

/// An error that the caller can avoid says how. A failure of the server becomes [`Problem::internal`].
///
/// The error of a save is a database error for SeaORM. If a hook of thorn refused the save, the problem says why.
impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        refusal(&error).unwrap_or_else(|| Self::internal(error))
    }
}

/// The problem for an error that the caller may see. Callers must not see errors of the database or the queue. The
/// same goes for variants added later.
fn refusal(error: &Error) -> Option<Problem> {
    let status = match error {
        Error::Subscription(invalid) => {
            let errors = invalid.errors.iter();
            return Some(errors.fold(Problem::invalid_fields(), |problem, error| {
                problem.field(field_name(error.field), error.message.clone())
            }));
        }
        Error::NotFound { .. } => return Some(Problem::new(StatusCode::NOT_FOUND)),
        Error::Database(error) => return refusal(Error::behind(error)?),
        Error::Quota(full) => {
            let problem = Problem::new(StatusCode::CONFLICT).with_type(TOO_MANY_SUBSCRIPTIONS);
            return Some(problem.detail(full.to_string()));
        }
        Error::Configured { .. } | Error::Resend(_) => StatusCode::CONFLICT,
        Error::EventTooLarge { .. } | Error::PayloadTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::EventName { .. }
        | Error::Payload { .. }
        | Error::RequestData { .. }
        | Error::Header { .. }
        | Error::Option { .. }
        | Error::Pattern(_)
        | Error::Target(_) => StatusCode::BAD_REQUEST,
        Error::Signature(_) => StatusCode::UNAUTHORIZED,
        _ => return None,
    };
    Some(Problem::new(status).detail(error.to_string()))
}
