//! `/hooks/`: the caller's subscriptions.

use axum::{
    Extension, Json,
    http::{StatusCode, header::LOCATION},
    response::{AppendHeaders, IntoResponse},
};
use thorn_core::{SubscriptionId, subscription::Page};

use super::{consent, fields::Fields, representation::Representation, state::State};
use crate::http::{Caller, CollectionUrl, NO_STORE, PageQuery, Problem, list_problem};

pub(super) async fn list<C: Caller>(
    caller: C,
    Extension(hooks): Extension<State>,
    collection: CollectionUrl<0>,
    query: PageQuery<SubscriptionId>,
) -> Result<impl IntoResponse, Problem> {
    let page = Page { after: query.cursor(), limit: query.fetch_limit() };
    let fetched = hooks.subscriptions().list(caller.access(), page).await.map_err(list_problem)?;
    let (shown, next) = query.split(&fetched, |subscription| subscription.id);
    let link = next.and_then(|cursor| query.next_link(collection.as_str(), cursor));
    let shown: Vec<_> =
        shown.iter().map(|one| Representation::new(caller.access(), one, collection.item(one.id))).collect();
    Ok(([NO_STORE], AppendHeaders(link), Json(shown).into_response()))
}

pub(super) async fn create<C: Caller>(
    caller: C,
    Extension(hooks): Extension<State>,
    collection: CollectionUrl<0>,
    fields: Fields,
) -> Result<impl IntoResponse, Problem> {
    let owner = caller.access().owner_id().map(str::to_owned);
    let (mut new, errors) = fields.creation(owner);
    if !errors.is_empty() {
        return Err(errors.with_checked(hooks.subscriptions().check(&new).await));
    }
    consent::for_creation(&hooks, caller.access(), &mut new).await?;
    let created = hooks.subscriptions().create(new).await?;
    let url = collection.item(created.id);
    let body = Json(Representation::with_secret(caller.access(), &created, url.clone())).into_response();
    Ok((StatusCode::CREATED, [NO_STORE], [(LOCATION, url)], body))
}
