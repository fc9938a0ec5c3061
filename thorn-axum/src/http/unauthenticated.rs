//! The rejection of requests without credentials.

use std::fmt;

use axum::{
    http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE},
    response::{IntoResponse, Response},
};

use super::problem::Problem;

/// Answers 401 with a `WWW-Authenticate` header. Use it as the rejection of your extractor.
///
/// # Examples
///
/// ```
/// use axum::response::IntoResponse as _;
/// use thorn_axum::Unauthenticated;
///
/// let answer = Unauthenticated::basic("blog").or_bearer().into_response();
/// let challenges: Vec<_> = answer.headers().get_all("www-authenticate").iter().collect();
/// assert_eq!(challenges, ["Basic realm=\"blog\"", "Bearer realm=\"blog\""]);
/// ```
#[derive(Clone, Debug)]
pub struct Unauthenticated {
    realm: String,
    schemes: Vec<&'static str>,
}

impl Unauthenticated {
    /// Asks for a user name and a password.
    #[must_use]
    pub fn basic(realm: &str) -> Self {
        Self::challenge("Basic", realm)
    }

    /// Asks for a token.
    #[must_use]
    pub fn bearer(realm: &str) -> Self {
        Self::challenge("Bearer", realm)
    }

    /// Accepts a token as well.
    #[must_use]
    pub fn or_bearer(mut self) -> Self {
        self.schemes.push("Bearer");
        self
    }

    fn challenge(scheme: &'static str, realm: &str) -> Self {
        // The realm stands in a quoted string, which a quote or a backslash would break. A header can't hold
        // characters outside printable ASCII.
        let realm = realm.chars().filter(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\')).collect();
        Self { realm, schemes: vec![scheme] }
    }
}

impl fmt::Display for Unauthenticated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("credentials are missing or wrong")
    }
}

impl std::error::Error for Unauthenticated {}

impl From<Unauthenticated> for Problem {
    fn from(rejection: Unauthenticated) -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED).detail(rejection.to_string());
        rejection
            .schemes
            .iter()
            .filter_map(|scheme| HeaderValue::try_from(format!("{scheme} realm=\"{}\"", rejection.realm)).ok())
            .fold(problem, |problem, challenge| problem.header(WWW_AUTHENTICATE, challenge))
    }
}

impl IntoResponse for Unauthenticated {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
    }
}
