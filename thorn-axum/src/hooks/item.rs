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

use super::{consent, field_errors::FieldErrors, fields::Fields, representation::Representation, state::State};
use crate::http::{Caller, CollectionUrl, NO_STORE, Problem, parse_id};

pub(super) async fn show<C: Caller>(
    caller: C,
    Id(id): Id,
    Extension(hooks): Extension<State>,
    collection: CollectionUrl<1>,
) -> Result<impl IntoResponse, Problem> {
    let found = hooks.subscriptions().get(caller.access(), id).await?;
    Ok(shown(&found, &collection))
}

pub(super) async fn replace<C: Caller>(
    caller: C,
    id: Id,
    hooks: Extension<State>,
    collection: CollectionUrl<1>,
    fields: Result<Fields, Problem>,
) -> Result<impl IntoResponse, Problem> {
    update(caller, id, hooks, collection, fields, Fields::replacement).await
}

pub(super) async fn change<C: Caller>(
    caller: C,
    id: Id,
    hooks: Extension<State>,
    collection: CollectionUrl<1>,
    fields: Result<Fields, Problem>,
) -> Result<impl IntoResponse, Problem> {
    update(caller, id, hooks, collection, fields, Fields::change).await
}

async fn update<C: Caller>(
    caller: C,
    Id(id): Id,
    Extension(hooks): Extension<State>,
    collection: CollectionUrl<1>,
    fields: Result<Fields, Problem>,
    read: fn(Fields) -> (SubscriptionChange, FieldErrors),
) -> Result<impl IntoResponse, Problem> {
    let fields = match fields {
        Ok(fields) => fields,
        Err(problem) => {
            // A subscription that doesn't exist answers 404 to every method, whatever the body.
            hooks.subscriptions().get(caller.access(), id).await?;
            return Err(problem);
        }
    };
    let (mut change, errors) = read(fields);
    if !errors.is_empty() {
        return Err(errors.with_checked(hooks.subscriptions().check_change(caller.access(), id, &change).await));
    }
    consent::for_change(&hooks, caller.access(), id, &mut change).await?;
    let changed = hooks.subscriptions().update(caller.access(), id, change).await?;
    Ok(shown(&changed, &collection))
}

pub(super) async fn delete<C: Caller>(
    caller: C,
    Id(id): Id,
    Extension(hooks): Extension<State>,
) -> Result<StatusCode, Problem> {
    hooks.subscriptions().delete(caller.access(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
struct Revealed<'a> {
    id: SubscriptionId,
    /// Null if the subscription is unsigned.
    hmac_secret: Option<&'a str>,
}

pub(super) async fn reveal<C: Caller>(
    caller: C,
    Id(id): Id,
    Extension(hooks): Extension<State>,
) -> Result<impl IntoResponse, Problem> {
    let found = hooks.subscriptions().get(caller.access(), id).await?;
    tracing::info!(subscription.id = %id, caller = &*caller.name(), "secret revealed");
    let hmac_secret = found.spec.destination.signing.secret.as_ref().map(|secret| secret.expose());
    let body = Json(Revealed { id, hmac_secret }).into_response();
    Ok(([NO_STORE], body))
}

/// Lets the next delivery be the probe of a held endpoint.
pub(super) async fn probe<C: Caller>(
    caller: C,
    Id(id): Id,
    Extension(hooks): Extension<State>,
    collection: CollectionUrl<2>,
) -> Result<impl IntoResponse, Problem> {
    let probed = hooks.subscriptions().probe(caller.access(), id).await?;
    Ok(shown(&probed, &collection))
}

fn shown<const DEPTH: usize>(
    subscription: &Subscription,
    collection: &CollectionUrl<DEPTH>,
) -> impl IntoResponse + use<DEPTH> {
    let body = Json(Representation::new(subscription, collection.item(subscription.id))).into_response();
    ([NO_STORE], body)
}

/// The id in the path. Anything that isn't an id answers 404.
pub(super) struct Id(pub(super) SubscriptionId);

#[derive(Deserialize)]
struct Params {
    hook_id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        // By name, because a prefix that the application adds may have parameters of its own.
        let params = Path::<Params>::from_request_parts(parts, state).await.ok();
        let id = params.and_then(|Path(params)| parse_id(&params.hook_id));
        id.map(Self).ok_or_else(|| Problem::new(StatusCode::NOT_FOUND))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_117_an_id_is_hex_with_or_without_dashes() {
        let id = "018f3c2a-0000-7000-8000-0000000000ff";
        let parse = |text: &str| parse_id::<SubscriptionId>(text);
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
