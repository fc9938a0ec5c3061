//! `/hooks/{id}/`: one subscription.

use axum::{
    Extension, Json,
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
    response::IntoResponse,
};
use serde::{Deserialize, Serialize};
use thorn_core::{
    SubscriptionId,
    subscription::{Subscription, SubscriptionChange},
};

use super::{HookOwner, NO_STORE, State, fields::Fields, links::Links, representation::Representation};
use crate::Problem;

pub(super) async fn show<O: HookOwner>(
    owner: O,
    Id(id): Id,
    Extension(hooks): Extension<State>,
    links: Links<1>,
) -> Result<impl IntoResponse, Problem> {
    let found = hooks.subscriptions().get(owner.access(), id).await?;
    Ok(shown(&found, &links))
}

pub(super) async fn replace<O: HookOwner>(
    owner: O,
    id: Id,
    hooks: Extension<State>,
    links: Links<1>,
    fields: Result<Fields, Problem>,
) -> Result<impl IntoResponse, Problem> {
    update(owner, id, hooks, links, fields, Fields::replacement).await
}

pub(super) async fn change<O: HookOwner>(
    owner: O,
    id: Id,
    hooks: Extension<State>,
    links: Links<1>,
    fields: Result<Fields, Problem>,
) -> Result<impl IntoResponse, Problem> {
    update(owner, id, hooks, links, fields, Fields::change).await
}

async fn update<O: HookOwner>(
    owner: O,
    Id(id): Id,
    Extension(hooks): Extension<State>,
    links: Links<1>,
    fields: Result<Fields, Problem>,
    read: fn(&mut Fields) -> SubscriptionChange,
) -> Result<impl IntoResponse, Problem> {
    let mut fields = match fields {
        Ok(fields) => fields,
        Err(problem) => {
            // Whether it exists comes before whether the body is right: 404 for every verb.
            hooks.subscriptions().get(owner.access(), id).await?;
            return Err(problem);
        }
    };
    let result = hooks.subscriptions().update(owner.access(), id, read(&mut fields)).await;
    let changed = fields.outcome(result)?;
    Ok(shown(&changed, &links))
}

pub(super) async fn delete<O: HookOwner>(
    owner: O,
    Id(id): Id,
    Extension(hooks): Extension<State>,
) -> Result<StatusCode, Problem> {
    hooks.subscriptions().delete(owner.access(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Revealed<'a> {
    id: SubscriptionId,
    /// Null if it is unsigned.
    hmac_secret: Option<&'a str>,
}

pub(super) async fn reveal<O: HookOwner>(
    owner: O,
    Id(id): Id,
    Extension(hooks): Extension<State>,
) -> Result<impl IntoResponse, Problem> {
    let found = hooks.subscriptions().get(owner.access(), id).await?;
    tracing::info!(subscription.id = %id, "secret revealed");
    let hmac_secret = found.destination.signing.secret.as_ref().map(|secret| secret.expose());
    let body = Json(Revealed { id, hmac_secret }).into_response();
    Ok(([NO_STORE], body))
}

fn shown(subscription: &Subscription, links: &Links<1>) -> impl IntoResponse + use<> {
    let body = Json(Representation::new(subscription, links.subscription(subscription.id))).into_response();
    ([NO_STORE], body)
}

/// The path's id. What isn't one names nothing: 404.
pub(super) struct Id(SubscriptionId);

#[derive(Deserialize)]
struct Params {
    hook_id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // By name, because a prefix of the application may have parameters of its own.
        let params = Path::<Params>::from_request_parts(parts, state).await.ok();
        let id = params.and_then(|Path(params)| parse(&params.hook_id));
        id.map(Self).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND))
    }
}

/// With dashes or without, in any letter case; `{…}` and `urn:uuid:…` are no ids here.
fn parse(text: &str) -> Option<SubscriptionId> {
    if !text.chars().all(|c| c.is_ascii_hexdigit() || c == '-') {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_117_an_id_is_hex_with_or_without_dashes() {
        let id = "018f3c2a-0000-7000-8000-0000000000ff";
        let parsed = parse(id).unwrap();
        assert_eq!(parse(&id.replace('-', "")), Some(parsed));
        assert_eq!(parse(&id.to_uppercase()), Some(parsed));
        for bad in [
            "",
            "abc",
            "deadbeef",
            "018f3c2a-0000-7000-8000-0000000000f",
            "secret",
            "{018f3c2a-0000-7000-8000-0000000000ff}",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
