//! A JSON object as a request's body.

use axum::{
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use serde_json::{Map, Value};

use super::{
    body::bytes_up_to,
    header::text,
    problem::{NON_FIELD_ERRORS, Problem},
};

/// Bytes a JSON body may have.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A body that is a JSON object. An empty body counts as an empty object.
///
/// Other media types are refused. Forms must be, because another site's page can make a browser send
/// a form with the user's cookies. It can't make a browser send `application/json`.
pub(crate) struct JsonObject(pub(crate) Map<String, Value>);

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
            Err(error) => {
                Err(Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body is not valid JSON: {error}")))
            }
        }
    }
}

/// Whether the content type is `application/json` or ends in `+json`, as `application/merge-patch+json` does.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = text(headers, CONTENT_TYPE.as_str()) else {
        return false;
    };
    let media_type = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type == "application/json" || media_type.starts_with("application/") && media_type.ends_with("+json")
}
