//! Request bodies of limited size and time.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{
        DefaultBodyLimit, FromRequest, Request,
        rejection::{BytesRejection, FailedToBufferBody},
    },
    http::StatusCode,
};

use super::problem::Problem;

/// The time that a body may take, from the first read on. A server adds it to the request's extensions. An application
/// has time-outs of its own.
#[derive(Clone, Copy)]
pub(crate) struct BodyTime(pub(crate) Duration);

/// Reads the whole body. A body of more than `limit` bytes is refused with 413, and one that takes longer than
/// [`BodyTime`] with 408.
pub(crate) async fn bytes_up_to<S: Send + Sync>(
    limit: usize,
    mut request: Request,
    state: &S,
) -> Result<Bytes, Problem> {
    let time = request.extensions().get::<BodyTime>().copied();
    DefaultBodyLimit::max(limit).apply(&mut request);
    let read = Bytes::from_request(request, state);
    let read = match time {
        Some(BodyTime(time)) => tokio::time::timeout(time, read).await.map_err(|_| {
            let detail = format!("The body took longer than {} seconds.", time.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT).detail(detail)
        })?,
        None => read.await,
    };
    read.map_err(|rejection| match rejection {
        BytesRejection::FailedToBufferBody(FailedToBufferBody::LengthLimitError(_)) => {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("The body is larger than {limit} bytes."))
        }
        _ => Problem::new(StatusCode::BAD_REQUEST).detail("The body ended early."),
    })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;

    use super::*;

    #[tokio::test]
    async fn a_body_that_never_ends_is_408_and_one_that_is_too_long_413() {
        let endless = futures::stream::pending::<Result<Bytes, Infallible>>();
        let mut request = Request::new(Body::from_stream(endless));
        request.extensions_mut().insert(BodyTime(Duration::from_millis(20)));
        let problem = bytes_up_to(10, request, &()).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::REQUEST_TIMEOUT);

        let with = |bytes: &'static str| {
            let mut request = Request::new(Body::from(bytes));
            request.extensions_mut().insert(BodyTime(Duration::from_secs(60)));
            request
        };
        assert_eq!(bytes_up_to(10, with("0123456789"), &()).await.unwrap(), "0123456789");
        let problem = bytes_up_to(10, with("0123456789x"), &()).await.unwrap_err();
        assert_eq!(problem.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
