//! The consent of an endpoint, without which no subscription sends it CloudEvents.

use axum::http::{HeaderValue, StatusCode, header::RETRY_AFTER};
use thorn_core::{
    SubscriptionId,
    cloud_event::ConsentRefused,
    subscription::{Access, Dialect, NewSubscription, Rate, SpecDraft, SubscriptionChange},
};

use super::state::HooksState;
use crate::http::Problem;

/// Asks the endpoint of a new subscription, if it is to get CloudEvents. The rate that it allows becomes the
/// subscription's, unless that is lower.
pub(super) async fn for_creation(
    hooks: &HooksState,
    access: Access<'_>,
    new: &mut NewSubscription,
) -> Result<(), Problem> {
    if !wants_cloud_events(&new.spec, Dialect::default()) {
        return Ok(());
    }
    hooks.subscriptions().check(new).await?;
    let url = new.spec.url.clone().unwrap_or_default();
    ask(hooks, access, &url, &mut new.spec, None).await
}

/// Asks the endpoint of a changed subscription, if the change makes it another one or may raise its rate.
pub(super) async fn for_change(
    hooks: &HooksState,
    access: Access<'_>,
    id: SubscriptionId,
    change: &mut SubscriptionChange,
) -> Result<(), Problem> {
    let touches = change.spec.dialect.is_some() || change.spec.url.is_some() || change.spec.rate.is_some();
    if !touches {
        return Ok(());
    }
    let before = hooks.subscriptions().get(access, id).await?.spec;
    let same_url = change.spec.url.as_ref().is_none_or(|url| *url == before.destination.url);
    let same_rate = change.spec.rate.as_ref().is_none_or(|rate| *rate == before.rate.map(|rate| rate.to_string()));
    let is_consented = before.dialect.is_cloud_events() && same_url && same_rate;
    if is_consented || !wants_cloud_events(&change.spec, before.dialect) {
        return Ok(());
    }
    hooks.subscriptions().check_change(access, id, change).await?;
    let url = change.spec.url.clone().unwrap_or(before.destination.url);
    ask(hooks, access, &url, &mut change.spec, before.rate).await
}

/// Whether a subscription with this draft gets CloudEvents. A dialect that doesn't exist is refused later.
fn wants_cloud_events(spec: &SpecDraft, before: Dialect) -> bool {
    let dialect = spec.dialect.as_deref().map_or(Ok(before), str::parse);
    dialect.is_ok_and(Dialect::is_cloud_events)
}

async fn ask(
    hooks: &HooksState,
    access: Access<'_>,
    url: &str,
    spec: &mut SpecDraft,
    before: Option<Rate>,
) -> Result<(), Problem> {
    let wished = match &spec.rate {
        Some(rate) => rate.as_deref().and_then(|text| text.parse().ok()),
        None => before,
    };
    match hooks.0.ask_for_consent(access, url, wished).await {
        Ok(consent) => {
            if let Some(rate) = Rate::lower(wished, consent.rate) {
                spec.rate = Some(Some(rate.to_string()));
            }
            Ok(())
        }
        Err(refused @ ConsentRefused::Endpoint(_)) => {
            Err(Problem::invalid_fields().field("url", format!("{refused}.")))
        }
        Err(busy @ ConsentRefused::Busy) => Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .detail(format!("{busy}."))
            .header(RETRY_AFTER, HeaderValue::from_static("1"))),
        Err(unable) => Err(Problem::internal(unable)),
    }
}
