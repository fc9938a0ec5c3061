//! `/keys/`: API keys are made, listed and revoked. No answer but that to the creation has a token.

mod description;
mod grant;
mod representation;

use axum::{
    Extension, Json, Router,
    http::{StatusCode, header::LOCATION},
    response::{AppendHeaders, IntoResponse, Response},
    routing::get,
};
use thorn_core::{ApiKeyId, timestamp::Timestamp};

pub(super) use self::description::description;
use self::{grant::Grant, representation::Representation};
use super::{authorized::Authorized, scope::Admin, state::State};
use crate::http::{Caller as _, JsonObject, NO_STORE, PageQuery, PathId, Problem, resource_routes};

/// Keys of one owner that work at once, as far as the owner makes them.
const MOST: u64 = 100;

pub(super) fn routes() -> Router {
    resource_routes("/keys", [("", get(list).post(create)), ("/{key_id}", get(show).delete(revoke))])
}

async fn list(
    caller: Authorized<Admin>,
    Extension(state): Extension<State>,
    page: PageQuery<ApiKeyId>,
) -> Result<Response, Problem> {
    let keys = state.thorn.api_keys();
    let fetched = keys.list_for(caller.access(), page.cursor(), page.fetch_limit()).await?;
    let (shown, next) = page.split(&fetched, |key| key.id);
    let link = next.and_then(|next| page.next_link(&format!("{}/keys/", state.base_url), next));
    let shown: Vec<_> = shown.iter().map(Representation::new).collect();
    Ok(([NO_STORE], AppendHeaders(link), Json(shown)).into_response())
}

/// Makes a key. Its answer is never remembered for an `Idempotency-Key`, because it has the token.
async fn create(
    caller: Authorized<Admin>,
    Extension(state): Extension<State>,
    JsonObject(fields): JsonObject,
) -> Result<Response, Problem> {
    let (keys, now) = (state.thorn.api_keys(), Timestamp::now());
    let new = Grant::read(fields)?.key(caller.key())?;
    if let Some(owner) = &caller.key().owner
        && keys.count_valid(owner, now).await? >= MOST
    {
        let detail = format!("The owner has {MOST} keys that work. Revoke one that isn't used.");
        return Err(Problem::new(StatusCode::CONFLICT).detail(detail));
    }
    let (key, token) = keys.create(new).await?;
    tracing::info!(key.id = %key.id, key.owner = key.owner, by = %caller.name(), "made an API key");
    let location = format!("{}/keys/{}", state.base_url, key.id);
    let body = Json(Representation::with_token(&key, token.expose())).into_response();
    Ok((StatusCode::CREATED, [NO_STORE], [(LOCATION, location)], body).into_response())
}

async fn show(
    caller: Authorized<Admin>,
    PathId(id): PathId<ApiKeyId>,
    Extension(state): Extension<State>,
) -> Result<Response, Problem> {
    let key = state.thorn.api_keys().get(caller.access(), id).await?;
    Ok(([NO_STORE], Json(Representation::new(&key))).into_response())
}

/// Revokes a key. One that is revoked already stays so.
async fn revoke(
    caller: Authorized<Admin>,
    PathId(id): PathId<ApiKeyId>,
    Extension(state): Extension<State>,
) -> Result<StatusCode, Problem> {
    let keys = state.thorn.api_keys();
    keys.get(caller.access(), id).await?;
    keys.revoke(id).await?;
    tracing::info!(key.id = %id, by = %caller.name(), "revoked an API key");
    Ok(StatusCode::NO_CONTENT)
}
