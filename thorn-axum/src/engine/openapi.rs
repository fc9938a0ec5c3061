//! `/openapi.json` and `/api-help/`: the description of the server's interface, for programs and for people.
//!
//! It is made of what each resource says of itself, and says nothing about the data. So everybody may read it.

mod document;
mod page;

use axum::{
    Router,
    body::Bytes,
    http::{
        HeaderName, HeaderValue,
        header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
    },
    routing::get,
};
use serde_json::Value;

use self::document::document;
use crate::http::{
    NO_STORE,
    description::{Operation, Resource},
    method_not_allowed, resource_routes,
};

/// The routes, with the description of these resources and of themselves. `base_url` begins the server's own URLs.
pub(super) fn routes(resources: impl IntoIterator<Item = Resource>, base_url: &str) -> Router {
    let document = document(resources.into_iter().chain([description()]), base_url);
    let page = served("text/html; charset=utf-8", page::page(&document).into());
    let json = served("application/json", format!("{document:#}\n").into());
    Router::new()
        .route("/openapi.json", get(json).fallback(method_not_allowed))
        .merge(resource_routes("/api-help", [("", get(page))]))
}

fn description() -> Resource {
    Resource::new("description", "The description of this interface.", "")
        .operation(Operation::get("/openapi.json", "Describes the interface for programs").answers_json(
            200,
            "An OpenAPI document.",
            serde_json::json!({ "type": "object" }),
        ))
        .operation(Operation::get("/api-help/", "Describes the interface for people").answers(
            200,
            "A page without scripts.",
            [("text/html", Value::Null)],
        ))
}

/// The same answer to every request.
fn served(content_type: &'static str, body: Bytes) -> ([(HeaderName, HeaderValue); 4], Bytes) {
    let headers = [
        NO_STORE,
        (CONTENT_TYPE, HeaderValue::from_static(content_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(page::POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ];
    (headers, body)
}
