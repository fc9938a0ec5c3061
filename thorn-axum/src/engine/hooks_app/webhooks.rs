//! `/api/webhooks/`: URLs with a name, each linked with events.

use axum::{
    Extension, Json,
    http::{StatusCode, header::LOCATION},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use thorn_core::{
    signing::Secret,
    webhook::{NewWebhook, Webhook, WebhookChange},
};

use super::{access::webhooks_of, body::Body, item_id::ItemId, page::PageNumber};
use crate::{
    engine::{
        authorized::Authorized,
        scope::Hooks,
        state::{EngineState, State},
    },
    http::{NO_STORE, Problem},
};

/// The JSON of a webhook.
#[derive(Serialize)]
struct Shown<'a> {
    id: i64,
    name: &'a str,
    url: &'a str,
    events: &'a [i64],
    /// Only the answer to the caller that has just created the webhook has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hmac_secret: Option<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(webhook: &'a Webhook) -> Self {
        let Webhook { id, name, url, events, .. } = webhook;
        Self { id: *id, name, url, events, hmac_secret: None }
    }
}

fn collection(state: &EngineState) -> String {
    format!("{}/api/webhooks/", state.base_url)
}

pub(super) async fn list(
    caller: Authorized<Hooks>,
    Extension(state): Extension<State>,
    page: PageNumber,
) -> Result<Response, Problem> {
    let listed = webhooks_of(&state, &caller)?.list(page.items()?).await?;
    page.answer(&collection(&state), &listed, |webhook| serde_json::json!(Shown::new(webhook)))
}

pub(super) async fn create(
    caller: Authorized<Hooks>,
    Extension(state): Extension<State>,
    body: Body,
) -> Result<impl IntoResponse, Problem> {
    let WebhookChange { name, url, events, secret } = read(body)?;
    let (name, url) = (name.unwrap_or_default(), url.unwrap_or_default());
    let new = NewWebhook { name, url, events: events.unwrap_or_default(), secret };
    let (created, secret) = webhooks_of(&state, &caller)?.create(new).await?;
    let location = format!("{}{}/", collection(&state), created.id);
    let shown = Shown { hmac_secret: Some(secret.expose()), ..Shown::new(&created) };
    Ok((StatusCode::CREATED, [NO_STORE], [(LOCATION, location)], Json(shown).into_response()))
}

pub(super) async fn show(
    caller: Authorized<Hooks>,
    ItemId(id): ItemId,
    Extension(state): Extension<State>,
) -> Result<Response, Problem> {
    let webhook = webhooks_of(&state, &caller)?.get(id).await?;
    Ok(([NO_STORE], Json(Shown::new(&webhook))).into_response())
}

/// Events and secret stay if they are left out, whatever the method: callers don't have the secret, and the Hooks app
/// doesn't ask for the events.
pub(super) async fn update(
    caller: Authorized<Hooks>,
    ItemId(id): ItemId,
    Extension(state): Extension<State>,
    body: Body,
) -> Result<Response, Problem> {
    let webhooks = webhooks_of(&state, &caller)?;
    webhooks.get(id).await?;
    let changed = webhooks.change(id, read(body)?).await?;
    Ok(([NO_STORE], Json(Shown::new(&changed))).into_response())
}

pub(super) async fn delete(
    caller: Authorized<Hooks>,
    ItemId(id): ItemId,
    Extension(state): Extension<State>,
) -> Result<StatusCode, Problem> {
    webhooks_of(&state, &caller)?.delete(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The fields of a body. `presence` is that of name and URL.
fn read(mut body: Body) -> Result<WebhookChange, Problem> {
    let change = WebhookChange {
        name: body.text("name"),
        url: body.text("url"),
        events: body.ids("events"),
        secret: body.optional_text("hmac_secret").map(Secret::new),
    };
    body.check()?;
    Ok(change)
}
