//! The answers with one status.

use serde_json::{Map, Value, json};

use super::schema::text;
use crate::http::problem::MEDIA_TYPE;

/// The answers of an operation with one status.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    about: Vec<String>,
    /// Media types with their schemas.
    content: Map<String, Value>,
    headers: Map<String, Value>,
    links: Map<String, Value>,
}

impl Answer {
    /// Adds a case in which the operation answers with this status.
    pub(super) fn because(&mut self, about: &str) {
        if !self.about.iter().any(|known| known == about) {
            self.about.push(about.to_owned());
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "a schema is made for one place")]
    pub(super) fn content(&mut self, media_type: &str, schema: Value) {
        let content = if schema.is_null() { json!({}) } else { json!({ "schema": schema }) };
        self.content.insert(media_type.to_owned(), content);
    }

    /// Answers each problem as one line of text as well.
    pub(super) fn text_for_problems(&mut self) {
        if self.content.contains_key(MEDIA_TYPE) {
            self.content("text/plain", text());
        }
    }

    pub(super) fn header(&mut self, name: &str, about: &str) {
        self.headers.insert(name.to_owned(), json!({ "description": about, "schema": { "type": "string" } }));
    }

    /// Adds a link to an operation, with the parameters that the answer has for it.
    pub(super) fn link(&mut self, operation: &str, parameter: &str, member: &str) {
        let parameters = json!({ parameter: format!("$response.body#/{member}") });
        self.links.insert(operation.to_owned(), json!({ "operationId": operation, "parameters": parameters }));
    }

    pub(super) fn document(&self) -> Value {
        let mut answer = json!({ "description": self.about.join(" ") });
        if !self.content.is_empty() {
            answer["content"] = self.content.clone().into();
        }
        if !self.headers.is_empty() {
            answer["headers"] = self.headers.clone().into();
        }
        if !self.links.is_empty() {
            answer["links"] = self.links.clone().into();
        }
        answer
    }
}
