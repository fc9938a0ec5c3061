//! A JSON object as a request's body.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Map, Value};

use super::MAX_BODY_BYTES;
use crate::{NON_FIELD_ERRORS, Problem, body::bytes_up_to};

/// A body that is a JSON object; nothing at all is an empty one.
///
/// Other media types are refused, forms among them: a page of a foreign site can make a browser send
/// a form with the user's cookies, but not `application/json`.
pub(super) struct JsonObject(pub(super) Map<String, Value>);

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let body = bytes_up_to(MAX_BODY_BYTES, request, state).await?;
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        if !is_json {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE)
                .detail("The body must be JSON, with `Content-Type: application/json`."));
        }
        match serde_json::from_slice(&body) {
            Ok(Value::Object(object)) => Ok(Self(object)),
            Ok(_) => Err(Problem::invalid_fields().field(NON_FIELD_ERRORS, "The body must be a JSON object.")),
            // Says line and column.
            Err(error) => {
                Err(Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body is not valid JSON: {error}")))
            }
        }
    }
}

/// `application/json` and its relatives (`application/merge-patch+json`).
fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else {
        return false;
    };
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json")
}
