//! The reasons why a dispatch is refused before anything is written.

use axum::http::StatusCode;

/// The most targets of one dispatch.
pub(super) const MAX_TARGETS: usize = 16;

/// A dispatch that can't be understood. The message is for the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Refused {
    /// Hookah's words.
    #[error("No destination URL")]
    NoDestination,
    #[error("`{0}` isn't UTF-8")]
    NotText(&'static str),
    #[error("`{}` is no control field; put data into the body", .0.escape_debug())]
    UnknownQuery(String),
    #[error("there is no header `{}`", .0.escape_debug())]
    UnknownHeader(String),
    #[error("`{0}` is given more than once")]
    Repeated(&'static str),
    #[error("{0} targets in one dispatch, at most {MAX_TARGETS} are possible")]
    TooManyTargets(usize),
    #[error("`{field}` {}: {reason}", shown(url))]
    Target { field: &'static str, url: String, reason: String },
    #[error("`_topic` {}: {reason}", shown(topic))]
    Topic { topic: String, reason: String },
    #[error("`Thorn-Secret`: {0}")]
    Secret(String),
    #[error("`_errback` hears of targets that fail, and there is no `_url`")]
    ErrbackAlone,
    #[error("`_callback` gets the responses of targets, and there is no `_url`")]
    CallbackAlone,
    #[error("the multipart body can't be read: {0}")]
    Multipart(&'static str),
    #[error("a body with `Content-Encoding` can't be sent on; send it as it is")]
    Encoded,
}

impl Refused {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Encoded => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// The beginning of a value, as it may be shown on a terminal.
fn shown(value: &str) -> String {
    const LONGEST: usize = 200;
    let mut start = value.chars().take(LONGEST).collect::<String>().escape_debug().to_string();
    if value.chars().nth(LONGEST).is_some() {
        start.push('…');
    }
    start
}
