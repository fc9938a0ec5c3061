//! Request bodies of limited size.

use axum::{
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRequest, Request,
        rejection::{BytesRejection, FailedToBufferBody},
    },
    http::StatusCode,
};

use super::problem::Problem;

/// Reads the whole body. A body of more than `limit` bytes is refused with 413.
pub(crate) async fn bytes_up_to<S: Send + Sync>(
    limit: usize,
    mut request: Request,
    state: &S,
) -> Result<Bytes, Problem> {
    DefaultBodyLimit::max(limit).apply(&mut request);
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("The body is larger than {limit} bytes."))
        }
        _ => Problem::new(StatusCode::BAD_REQUEST).detail("The body ended early."),
    })
}
