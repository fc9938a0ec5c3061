//! `/hooks/{id}/`: one subscription.

use axum::{Extension, Json, http::StatusCode, response::IntoResponse};
use serde::Serialize;
use thorn_core::{
    SubscriptionId,
    subscription::{Subscription, SubscriptionChange},
};

use super::{consent, field_errors::FieldErrors, fields::Fields, representation::Representation, state::State};
use crate::http::{Caller, CollectionUrl, NO_STORE, PathId, Problem};

pub(super) async fn show<C: Caller>(
    caller: C,
    PathId(id): PathId<SubscriptionId>,
    Extension(hooks): Extension<State>,
    collection: CollectionUrl<1>,
) -> Result<impl IntoResponse, Problem> {
    let found = hooks.subscriptions().get(caller.access(), id).await?;
    Ok(shown(&caller, &found, &collection))
}

pub(super) async fn replace<C: Caller>(
    caller: C,
    id: PathId<SubscriptionId>,
    hooks: Extension<State>,
    collection: CollectionUrl<1>,
    fields: Result<Fields, Problem>,
) -> Result<impl IntoResponse, Problem> {
    update(caller, id, hooks, collection, fields, Fields::replacement).await
}

pub(super) async fn change<C: Caller>(
    caller: C,
    id: PathId<SubscriptionId>,
    hooks: Extension<State>,
    collection: CollectionUrl<1>,
    fields: Result<Fields, Problem>,
) -> Result<impl IntoResponse, Problem> {
    update(caller, id, hooks, collection, fields, Fields::change).await
}

async fn update<C: Caller>(
    caller: C,
    PathId(id): PathId<SubscriptionId>,
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
    Ok(shown(&caller, &changed, &collection))
}

pub(super) async fn delete<C: Caller>(
    caller: C,
    PathId(id): PathId<SubscriptionId>,
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
    PathId(id): PathId<SubscriptionId>,
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
    PathId(id): PathId<SubscriptionId>,
    Extension(hooks): Extension<State>,
    collection: CollectionUrl<2>,
) -> Result<impl IntoResponse, Problem> {
    let probed = hooks.subscriptions().probe(caller.access(), id).await?;
    Ok(shown(&caller, &probed, &collection))
}

/// Asks the endpoint again whether it wants the deliveries.
pub(super) async fn confirm<C: Caller>(
    caller: C,
    PathId(id): PathId<SubscriptionId>,
    Extension(hooks): Extension<State>,
    collection: CollectionUrl<2>,
) -> Result<impl IntoResponse, Problem> {
    let asked = hooks.subscriptions().confirm(caller.access(), id).await?;
    Ok(shown(&caller, &asked, &collection))
}

fn shown<C: Caller, const DEPTH: usize>(
    caller: &C,
    subscription: &Subscription,
    collection: &CollectionUrl<DEPTH>,
) -> impl IntoResponse + use<C, DEPTH> {
    let body =
        Json(Representation::new(caller.access(), subscription, collection.item(subscription.id))).into_response();
    ([NO_STORE], body)
}
