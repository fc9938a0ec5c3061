//! `/hooks/`: the caller's subscriptions.

use axum::{
    Extension, Json,
    http::{StatusCode, header::LOCATION},
    response::{AppendHeaders, IntoResponse},
};
use thorn_core::subscription::Access;

use super::{HookOwner, NO_STORE, State, fields::Fields, links::Links, page::Paging, representation::Representation};
use crate::Problem;

pub(super) async fn list<O: HookOwner>(
    owner: O,
    Extension(hooks): Extension<State>,
    links: Links<0>,
    paging: Paging,
) -> Result<impl IntoResponse, Problem> {
    let found =
        hooks.subscriptions().list(owner.access(), paging.page()).await.map_err(|error| paging.problem(error))?;
    let (shown, next) = paging.cut(&found);
    let link = next.and_then(|cursor| paging.link(links.collection(), cursor));
    let shown: Vec<_> = shown.iter().map(|one| Representation::new(one, links.subscription(one.id))).collect();
    Ok(([NO_STORE], AppendHeaders(link), Json(shown).into_response()))
}

pub(super) async fn create<O: HookOwner>(
    owner: O,
    Extension(hooks): Extension<State>,
    links: Links<0>,
    mut fields: Fields,
) -> Result<impl IntoResponse, Problem> {
    let owner = match owner.access() {
        Access::Owner(id) => Some(id.to_owned()),
        Access::Operator => None,
    };
    let result = hooks.subscriptions().create(fields.creation(owner)).await;
    let made = fields.outcome(result)?;
    let link = links.subscription(made.id);
    let body = Json(Representation::with_secret(&made, link.clone())).into_response();
    Ok((StatusCode::CREATED, [NO_STORE], [(LOCATION, link)], body))
}
