//! `/stream/session`: a cookie for browsers, whose `EventSource` can't send a key.

use axum::{
    Extension,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{COOKIE, SET_COOKIE},
    },
    response::IntoResponse,
};
use thorn_core::timestamp::Timestamp;

use crate::{
    engine::{
        authorized::Authorized,
        scope::Stream,
        state::{EngineState, State},
    },
    http::{NO_STORE, Problem},
};

/// The name of the cookie.
const NAME: &str = "thorn_stream";

/// Opens a session, which lasts an hour at most.
pub(super) async fn open(
    caller: Authorized<Stream>,
    Extension(state): Extension<State>,
) -> Result<impl IntoResponse, Problem> {
    let now = Timestamp::now();
    let session = state.thorn.api_keys().open_session(caller.key(), now).await?;
    let seconds = session.expires_at.since(now).as_secs();
    let cookie = cookie(&state, session.token.expose(), seconds);
    let cookie = HeaderValue::try_from(cookie).map_err(Problem::internal)?;
    Ok((StatusCode::NO_CONTENT, [NO_STORE, (SET_COOKIE, cookie)]))
}

/// The cookie goes to the streams of this server only, never with a request of another site, and no script reads it.
fn cookie(state: &EngineState, token: &str, seconds: u64) -> String {
    let base = url::Url::parse(&state.base_url).ok();
    let path = base.as_ref().map(|url| url.path().trim_end_matches('/')).unwrap_or_default();
    let secure = if base.as_ref().is_some_and(|url| url.scheme() == "https") { "; Secure" } else { "" };
    format!("{NAME}={token}; Path={path}/stream; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

/// The token of the session, if the request has exactly one and comes from a page of this server.
///
/// Another port of the same host is the same site for a browser. So its pages send the cookie, too.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let is_foreign = headers.get_all("sec-fetch-site").iter().any(|site| site == "cross-site" || site == "same-site");
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = cookies.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut tokens = pairs.filter(|(name, _)| *name == NAME).map(|(_, token)| token);
    match (tokens.next(), tokens.next()) {
        (Some(token), None) if !is_foreign => Some(token),
        _ => None,
    }
}
