//! Error answers: problem details (RFC 9457).

mod field_name;
mod from_core;
mod problem_type;

pub(crate) use self::field_name::field_name;
#[cfg(feature = "engine")]
pub(crate) use self::problem_type::problem_types;

use std::{borrow::Cow, collections::BTreeMap, error::Error, fmt};

use axum::{
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CACHE_CONTROL, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use serde::Serialize;
use uuid::Uuid;

use self::problem_type::{CURSOR_GONE, INVALID_FIELDS, ProblemType};

/// The content type of a problem.
pub(super) const MEDIA_TYPE: &str = "application/problem+json";

/// The key in `errors` for messages that don't belong to a single field.
pub(super) const NON_FIELD_ERRORS: &str = "non_field_errors";

/// An error answer, sent as `application/problem+json` (RFC 9457).
///
/// The caller sees the title, the detail and the errors. The cause of an
/// [`internal`](Self::internal) problem goes to the log, and the caller sees only a reference to that
/// log line.
///
/// # Invalid fields
///
/// A problem of this type has `errors`, an object that lists the messages of every invalid field. The key
/// `non_field_errors` holds messages that concern several fields.
///
/// # Too many subscriptions
///
/// A problem of this type has the status 409. The owner has as many subscriptions, or as many to one host, as they may
/// have. Its detail names the limit, the present number and the setting. To make a place, delete a subscription.
///
/// # Cursor gone
///
/// A problem of this type has the status 410. Events behind the cursor are deleted, or the cursor comes from another
/// database or from before a backup was restored. `earliest` is the first cursor from which every event is there.
///
/// # Examples
///
/// ```
/// use axum::http::StatusCode;
/// use thorn_axum::Problem;
///
/// async fn handler() -> Result<&'static str, Problem> {
///     Err(Problem::new(StatusCode::PAYMENT_REQUIRED).detail("this plan has five subscriptions"))
/// }
/// ```
#[derive(Debug)]
pub struct Problem(Box<Details>);

#[derive(Debug)]
struct Details {
    status: StatusCode,
    /// The type, unless the problem has `errors`.
    problem_type: Option<ProblemType>,
    detail: Option<Cow<'static, str>>,
    errors: BTreeMap<Cow<'static, str>, Vec<String>>,
    members: BTreeMap<&'static str, String>,
    headers: HeaderMap,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

/// The JSON, with its members in this order.
#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    errors: &'a BTreeMap<Cow<'static, str>, Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reference: Option<Uuid>,
    #[serde(flatten)]
    members: &'a BTreeMap<&'static str, String>,
}

impl Problem {
    /// A problem with a status and nothing else.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self(Box::new(Details {
            status,
            problem_type: None,
            detail: None,
            errors: BTreeMap::new(),
            members: BTreeMap::new(),
            headers: HeaderMap::new(),
            cause: None,
        }))
    }

    /// A failure of the server. It answers 500 with a reference, under which the log has the cause.
    #[must_use]
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR);
        problem.0.cause = Some(cause.into());
        problem
    }

    /// Answers 400 because of invalid fields. Add each with [`field`](Self::field).
    #[must_use]
    pub fn invalid_fields() -> Self {
        Self::new(StatusCode::BAD_REQUEST)
    }

    /// Explains to the caller what went wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds a message about a field. A field can have several, which keep their order.
    #[must_use]
    pub fn field(mut self, name: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        self.0.errors.entry(name.into()).or_default().push(message.into());
        self
    }

    /// Adds a member of the problem's type, for a program that reads it.
    pub(crate) fn member(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.0.members.insert(name, value.to_string());
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.append(name, value);
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// Answers with one line of text, such as `400 No destination URL`. Logs the cause, if there is one.
    #[cfg(feature = "engine")]
    pub(crate) fn into_text(self) -> Response {
        let line = format!("{} {}", self.0.status.as_u16(), self.0.detail.as_deref().unwrap_or_else(|| self.title()));
        let (mut parts, _) = self.into_response().into_parts();
        parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        Response::from_parts(parts, line.into())
    }

    /// Answers 410 because events behind a cursor are missing.
    pub(crate) fn cursor_gone(earliest: impl fmt::Display) -> Self {
        let detail = "Events behind this cursor are missing. Begin again with `after=earliest` or with `earliest`.";
        Self::new(StatusCode::GONE).with_type(CURSOR_GONE).detail(detail).member("earliest", earliest)
    }

    fn with_type(mut self, problem_type: ProblemType) -> Self {
        self.0.problem_type = Some(problem_type);
        self
    }

    fn problem_type(&self) -> Option<ProblemType> {
        if self.0.errors.is_empty() { self.0.problem_type } else { Some(INVALID_FIELDS) }
    }

    fn title(&self) -> &'static str {
        match self.problem_type() {
            Some(problem_type) => problem_type.title,
            None => self.0.status.canonical_reason().unwrap_or("Error"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.status.as_u16(), self.0.detail.as_deref().unwrap_or_else(|| self.title()))?;
        for (field, messages) in &self.0.errors {
            write!(f, "; {field}: {}", messages.join(" "))?;
        }
        Ok(())
    }
}

impl Error for Problem {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as _)
    }
}

impl IntoResponse for Problem {
    /// Logs the cause, if there is one. Code that returns a `Problem` doesn't need to log it.
    fn into_response(self) -> Response {
        let title = self.title();
        let r#type = self.problem_type().map_or("about:blank", |problem_type| problem_type.url);
        let details = *self.0;
        let status = details.status.as_u16();
        let reference = details.cause.map(|cause| {
            let reference = Uuid::now_v7();
            let error: &(dyn Error + 'static) = &*cause;
            tracing::error!(problem.reference = %reference, http.status = status, error, "request failed");
            reference
        });
        let body = Body {
            r#type,
            title,
            status,
            detail: details.detail.as_deref(),
            errors: &details.errors,
            reference,
            members: &details.members,
        };
        // Serializing strings, numbers and string keys can't fail.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        let headers = [
            (CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE)),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ];
        (details.status, headers, details.headers, body).into_response()
    }
}

#[cfg(test)]
mod tests;
