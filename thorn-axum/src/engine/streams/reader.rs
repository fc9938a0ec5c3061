//! The caller of a stream: a program with an API key, or a browser with a session.

use std::{borrow::Cow, sync::Arc};

use axum::{
    extract::FromRequestParts,
    http::{Method, header::AUTHORIZATION, request::Parts},
};
use thorn_core::{
    api_key::ApiKey,
    subscription::{Access, Pattern},
    timestamp::Timestamp,
};

use super::session;
use crate::{
    engine::{
        authorized::Authorized,
        scope::{Required as _, Stream},
        state::State,
    },
    http::{Caller, Problem, Unauthenticated},
};

/// A caller whose API key has the scope, or a session of such a key.
pub(super) struct StreamReader {
    pub(super) key: Arc<ApiKey>,
    /// The end of the session.
    pub(super) until: Option<Timestamp>,
}

impl Caller for StreamReader {
    fn access(&self) -> Access<'_> {
        self.key.access()
    }

    fn name(&self) -> Cow<'_, str> {
        let what = if self.until.is_some() { "a session of the API key" } else { "the API key" };
        format!("{} with {what} {}", self.key.owner.as_deref().unwrap_or("an operator"), self.key.id).into()
    }

    fn stream_scope(&self) -> Option<Vec<Pattern>> {
        self.key.scopes.stream_patterns()
    }

    fn stream_key(&self) -> Cow<'_, str> {
        self.key.id.to_string().into()
    }
}

impl<S: Send + Sync> FromRequestParts<S> for StreamReader {
    type Rejection = Problem;

    /// A session may only read. A request with a key and a session counts as one with a key.
    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let is_safe = matches!(parts.method, Method::GET | Method::HEAD);
        let token = session::token(&parts.headers).filter(|_| is_safe && !parts.headers.contains_key(AUTHORIZATION));
        let Some(token) = token else {
            let caller = Authorized::<Stream>::from_request_parts(parts, state).await?;
            return Ok(Self { key: caller.key().clone(), until: None });
        };
        // Only a router outside the server lacks it.
        let engine = parts.extensions.get::<State>().ok_or_else(|| Problem::internal("no server's state"))?;
        let found = engine.thorn.api_keys().find_session(token, Timestamp::now()).await?;
        let found = found.filter(|(key, _)| Stream::is_in(&key.scopes));
        let (key, until) = found.ok_or_else(|| Problem::from(Unauthenticated::bearer("thorn")))?;
        Ok(Self { key: Arc::new(key), until: Some(until) })
    }
}
