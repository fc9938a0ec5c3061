//! The form of a delivery's body.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The form of a delivery's body. Default: JSON.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ContentType {
    /// `application/json`
    #[default]
    #[serde(rename = "json")]
    Json,
    /// `application/x-www-form-urlencoded`: the body's four fields, nested values as JSON text.
    #[serde(rename = "form")]
    Form,
}

/// The text doesn't name a content type that Thorn can write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown content type `{0}`; use application/json or application/x-www-form-urlencoded")]
pub struct ParseContentTypeError(String);

impl ContentType {
    /// Every content type, the default first.
    pub const ALL: [Self; 2] = [Self::Json, Self::Form];

    /// The media type, as the `Content-Type` header carries it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Form => "application/x-www-form-urlencoded",
        }
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ContentType {
    type Err = ParseContentTypeError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(s.trim()))
            .ok_or_else(|| ParseContentTypeError(s.to_owned()))
    }
}
