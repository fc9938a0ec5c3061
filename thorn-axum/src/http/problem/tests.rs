use axum::body::to_bytes;
use serde_json::{Value, json};

use super::*;

async fn answered(problem: Problem) -> (StatusCode, HeaderMap, Value) {
    let (parts, body) = problem.into_response().into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    (parts.status, parts.headers, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn thorn_114_every_field_is_named_with_its_messages() {
    let problem = Problem::invalid_fields()
        .field("url", "This field is required.")
        .field("event", "one")
        .field("event", "two")
        .field(NON_FIELD_ERRORS, "There is one already.");
    let (status, headers, body) = answered(problem).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(headers[CONTENT_TYPE], MEDIA_TYPE);
    assert_eq!(
        body,
        json!({
            "type": INVALID_FIELDS.url,
            "title": "Invalid fields",
            "status": 400,
            "errors": {
                "event": ["one", "two"],
                "non_field_errors": ["There is one already."],
                "url": ["This field is required."],
            },
        })
    );
}

#[tokio::test]
async fn a_cause_is_not_shown_but_has_a_reference() {
    let cause = std::io::Error::other("password authentication failed for user thorn");
    let (status, _, body) = answered(Problem::internal(cause)).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.to_string().contains("thorn\"") && !body.to_string().contains("password"));
    assert!(body["reference"].as_str().unwrap().parse::<Uuid>().is_ok());
    assert_eq!(body["type"], "about:blank");
    assert_eq!(body["title"], "Internal Server Error");
}

#[tokio::test]
async fn the_text_of_a_queue_error_is_not_shown() {
    let error = thorn_core::Error::NotFound { what: "subscription", id: "7".into() };
    assert_eq!(Problem::from(error).status(), StatusCode::NOT_FOUND);
    let error = thorn_core::Error::Queue { message: "redis://:pass@host".into(), source: None };
    let (status, _, body) = answered(error.into()).await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(!body.to_string().contains("pass@"));
}
