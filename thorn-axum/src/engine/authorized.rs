//! Authentication: an extractor for callers whose API key has a scope.

use std::{borrow::Cow, fmt, marker::PhantomData, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderValue, StatusCode, header::AUTHORIZATION, header::WWW_AUTHENTICATE, request::Parts},
};
use thorn_core::{
    api_key::ApiKey,
    subscription::{Access, Pattern},
    timestamp::Timestamp,
};

use super::{scope::Required, state::State};
use crate::http::{Caller, Problem, Unauthenticated};

/// A caller whose API key has the scope `S`. Other requests get 401 or 403.
///
/// A handler lists it first. Then nothing of the body is read, and `Expect: 100-continue` isn't answered, before the
/// key is known to be good.
pub(super) struct Authorized<S> {
    key: Arc<ApiKey>,
    scope: PhantomData<fn() -> S>,
}

impl<S> Authorized<S> {
    /// The caller's key.
    pub(super) fn key(&self) -> &Arc<ApiKey> {
        &self.key
    }
}

impl<S> Caller for Authorized<S> {
    fn access(&self) -> Access<'_> {
        self.key.access()
    }

    fn name(&self) -> Cow<'_, str> {
        let key = self.key.id;
        match &self.key.owner {
            Some(owner) => format!("{owner} with the API key {key}"),
            None => format!("an operator with the API key {key}"),
        }
        .into()
    }

    fn stream_scope(&self) -> Option<Vec<Pattern>> {
        self.key.scopes.stream_patterns()
    }

    fn stream_key(&self) -> Cow<'_, str> {
        self.key.id.to_string().into()
    }
}

impl<S> fmt::Debug for Authorized<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Authorized").field(&self.key.id).finish()
    }
}

impl<T: Send + Sync, S: Required> FromRequestParts<T> for Authorized<S> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, Problem> {
        // Only a router outside the server lacks it.
        let state = parts.extensions.get::<State>().cloned().ok_or_else(|| Problem::internal("no server's state"))?;
        let Some(token) = bearer(&parts.headers) else { return Err(unauthenticated()) };
        let key = state.thorn.api_keys().find(token, Timestamp::now()).await?.ok_or_else(unauthenticated)?;
        if !S::is_in(&key.scopes) {
            let challenge = format!("Bearer realm=\"thorn\", error=\"insufficient_scope\", scope=\"{}\"", S::NAME);
            let problem =
                Problem::new(StatusCode::FORBIDDEN).detail(format!("The API key has no scope `{}`.", S::NAME));
            return Err(match HeaderValue::try_from(challenge) {
                Ok(challenge) => problem.header(WWW_AUTHENTICATE, challenge),
                Err(_) => problem,
            });
        }
        let key = Arc::new(key);
        parts.extensions.insert(key.clone());
        Ok(Self { key, scope: PhantomData })
    }
}

fn unauthenticated() -> Problem {
    Unauthenticated::bearer("thorn").into()
}

/// The token, if the request has exactly one `Authorization` and its scheme is `Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("Bearer").then(|| token.trim())
}
