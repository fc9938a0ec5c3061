//! One operation: a method on a path.

use std::collections::BTreeMap;

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{answer::Answer, schema::named};
use crate::http::problem;

/// A method on a path, with all that a caller may send and all statuses of its answers.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(super) method: Method,
    /// The path below that of the resource.
    pub(super) below: &'static str,
    summary: &'static str,
    about: Option<&'static str>,
    scope: Option<&'static str>,
    parameters: Vec<Value>,
    body: Option<Value>,
    answers: BTreeMap<u16, Answer>,
}

macro_rules! methods {
    ($($function:ident: $method:ident),*) => {$(
        pub(crate) fn $function(below: &'static str, summary: &'static str) -> Self {
            Self::new(Method::$method, below, summary)
        }
    )*};
}

impl Operation {
    methods! { get: GET, post: POST, put: PUT, patch: PATCH, delete: DELETE, options: OPTIONS }

    fn new(method: Method, below: &'static str, summary: &'static str) -> Self {
        let is_safe = matches!(method, Method::GET | Method::OPTIONS);
        let operation = Self {
            method,
            below,
            summary,
            about: None,
            scope: None,
            parameters: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
        };
        let operation = operation
            .problem(421, "The request is for a host that the server doesn't serve.")
            .problem(500, "The server failed. Its log has the reason under `reference`.");
        match is_safe {
            true => operation,
            false => operation.problem(403, "The request comes from a page of another origin."),
        }
    }

    /// Answers requests for any host. No check comes before the handler.
    pub(crate) fn for_any_host(mut self) -> Self {
        self.answers.remove(&421);
        self.answers.remove(&500);
        self
    }

    /// Explains what the summary doesn't say.
    pub(crate) fn about(mut self, about: &'static str) -> Self {
        self.about = Some(about);
        self
    }

    /// Requires an API key with this scope.
    pub(crate) fn scope(mut self, scope: &'static str) -> Self {
        self.scope = Some(scope);
        self.problem(401, "There is no API key, or it isn't valid.")
            .with_header(401, "WWW-Authenticate", "`Bearer`")
            .problem(403, "The API key hasn't this scope.")
    }

    pub(crate) fn query(self, name: &str, schema: Value, about: &str) -> Self {
        self.parameter("query", name, schema, about)
    }

    pub(crate) fn header(self, name: &str, schema: Value, about: &str) -> Self {
        self.parameter("header", name, schema, about)
    }

    /// The same for a parameter that must be there.
    pub(crate) fn required_query(mut self, name: &str, schema: Value, about: &str) -> Self {
        self = self.query(name, schema, about);
        if let Some(last) = self.parameters.last_mut() {
            last["required"] = true.into();
        }
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "a schema is made for one place")]
    fn parameter(mut self, place: &str, name: &str, schema: Value, about: &str) -> Self {
        self.parameters.push(json!({ "name": name, "in": place, "description": about, "schema": schema }));
        self
    }

    /// Answers a page of a list; `Link` leads to the next.
    pub(crate) fn paged(self) -> Self {
        self.query(
            "limit",
            json!({ "type": "integer", "minimum": 1, "maximum": 1000 }),
            "Items of the page at most; 1000 if left out.",
        )
        .query("cursor", json!({ "type": "string" }), "The cursor of a `Link`, for the next page.")
        .with_header(200, "Link", "`<…>; rel=\"next\"` if there may be more.")
        .problem(400, "A parameter of the query is wrong.")
    }

    /// Does a request with an `Idempotency-Key` once.
    pub(crate) fn once(self) -> Self {
        let schema = json!({ "type": "string", "pattern": "^[!-~]{1,255}$" });
        let about = "A request with this key is done once in 24 hours. The same request gets the same answer again.";
        self.header("Idempotency-Key", schema, about)
            .problem(400, "The `Idempotency-Key` is none.")
            .problem(409, "A request with this `Idempotency-Key` is under way.")
            .problem(422, "Another request had this `Idempotency-Key`.")
    }

    /// Reads a body of JSON.
    pub(crate) fn json_body(self, schema: Value, is_required: bool) -> Self {
        self.body([("application/json", schema)], is_required).problem(415, "The body isn't JSON.")
    }

    /// Reads a body of one of these media types. A null schema says nothing about it.
    pub(crate) fn body<'a>(mut self, content: impl IntoIterator<Item = (&'a str, Value)>, is_required: bool) -> Self {
        let content = content.into_iter().map(|(media_type, schema)| {
            let content = if schema.is_null() { json!({}) } else { json!({ "schema": schema }) };
            (media_type.to_owned(), content)
        });
        self.body = Some(json!({ "content": content.collect::<Map<_, _>>(), "required": is_required }));
        self.problem(400, "The body can't be read.")
            .problem(408, "The body took too long.")
            .problem(413, "The body is too large.")
    }

    /// Answers JSON.
    pub(crate) fn answers_json(self, status: u16, about: &str, schema: Value) -> Self {
        self.answers(status, about, [("application/json", schema)])
    }

    /// Answers one of these media types. A null schema says nothing about it.
    pub(crate) fn answers<'a>(
        mut self,
        status: u16,
        about: &str,
        content: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Self {
        let answer = self.answers.entry(status).or_default();
        answer.because(about);
        content.into_iter().for_each(|(media_type, schema)| answer.content(media_type, schema));
        self
    }

    /// Adds a header to the answers of a status.
    pub(crate) fn with_header(mut self, status: u16, name: &str, about: &str) -> Self {
        self.answers.entry(status).or_default().header(name, about);
        self
    }

    /// Links the answers of a status to operations, whose `parameter` is this member of the answer.
    pub(crate) fn linked<'a>(
        mut self,
        status: u16,
        parameter: &str,
        member: &str,
        operations: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let answer = self.answers.entry(status).or_default();
        operations.into_iter().for_each(|operation| answer.link(operation, parameter, member));
        self
    }

    /// Answers a problem.
    pub(crate) fn problem(self, status: u16, about: &str) -> Self {
        self.answers(status, about, [(problem::MEDIA_TYPE, named("Problem"))])
    }

    /// Answers problems with one line of text, unless the request accepts JSON.
    pub(crate) fn errors_are_text_too(mut self) -> Self {
        self.answers.values_mut().for_each(Answer::text_for_problems);
        self
    }

    /// The operation in the document. `parameters` are those of its path.
    pub(super) fn document(&self, id: &str, tag: &str, parameters: &[Value]) -> Value {
        let answers = self.answers.iter().map(|(status, answer)| (status.to_string(), answer.document()));
        let parameters: Vec<_> = parameters.iter().chain(&self.parameters).collect();
        let mut operation = json!({
            "operationId": id,
            "tags": [tag],
            "summary": self.summary,
            "parameters": parameters,
            "responses": answers.collect::<Map<_, _>>(),
            "security": self.scope.map(|scope| json!({ "apiKey": [scope] })).into_iter().collect::<Vec<_>>(),
        });
        if let Some(about) = self.about {
            operation["description"] = about.into();
        }
        if let Some(body) = &self.body {
            operation["requestBody"] = body.clone();
        }
        operation
    }
}
