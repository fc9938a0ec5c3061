//! The handshake of a program that is going to send CloudEvents: it asks with OPTIONS whether they are welcome.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::ALLOW},
    middleware::Next,
    response::{IntoResponse, Response},
};

use crate::http::{NO_STORE, Problem};

const REQUEST_ORIGIN: HeaderName = HeaderName::from_static("webhook-request-origin");
const ALLOWED_ORIGIN: HeaderName = HeaderName::from_static("webhook-allowed-origin");
const ALLOWED_RATE: HeaderName = HeaderName::from_static("webhook-allowed-rate");

/// Consents to events of the origin that asks, at any rate. The events themselves need an API key.
pub(in crate::engine) async fn answer(headers: HeaderMap) -> Response {
    let mut given = headers.get_all(REQUEST_ORIGIN).iter();
    let (Some(origin), None) = (given.next(), given.next()) else {
        return Problem::new(StatusCode::BAD_REQUEST)
            .detail("`WebHook-Request-Origin` must name the sender, once.")
            .into_response();
    };
    let headers = [
        NO_STORE,
        (ALLOW, HeaderValue::from_static("GET,HEAD,POST,OPTIONS")),
        (ALLOWED_ORIGIN, origin.clone()),
        (ALLOWED_RATE, HeaderValue::from_static("*")),
    ];
    (StatusCode::OK, headers).into_response()
}

/// Answers the handshake, which isn't a browser's question. The layer for browsers would answer every OPTIONS.
pub(in crate::engine) async fn bypass_cors(request: Request, next: Next) -> Response {
    let is_asked = request.method() == Method::OPTIONS && request.headers().contains_key(REQUEST_ORIGIN);
    match request.uri().path() {
        "/events/" | "/events" if is_asked => answer(request.headers().clone()).await,
        _ => next.run(request).await,
    }
}
