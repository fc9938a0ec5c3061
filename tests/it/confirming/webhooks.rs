//! The webhooks of the Hooks app, each link of which is a subscription.

use thorn::{
    Event, SubscriptionId,
    signing::Secret,
    subscription::{Access, Confirm, Confirmation, Page},
    webhook::{NewWebhook, WebhookChange},
};

use super::{Answer, CONFIRMED, Endpoint, PENDING, asking};
use crate::app::{TestApp, eventually};

const ALICE: Access<'_> = Access::Owner("alice");

/// The confirmations of alice's subscriptions, by id.
async fn confirmations(app: &TestApp) -> Vec<(SubscriptionId, Option<Confirmation>)> {
    let mut all: Vec<_> = app.thorn.subscriptions().list(ALICE, Page::default()).await.unwrap();
    all.sort_by_key(|one| one.id);
    all.into_iter().map(|one| (one.id, one.confirmation)).collect()
}

async fn become_all(app: &TestApp, links: &[SubscriptionId], wished: Option<Confirmation>) {
    let wished: Vec<_> = links.iter().map(|id| (*id, wished)).collect();
    eventually("the confirmations", || async {
        let now = confirmations(app).await;
        if now == wished { Ok(()) } else { Err(format!("{now:?}")) }
    })
    .await;
}

async fn send(app: &TestApp) {
    for name in ["order.paid", "order.sent"] {
        Event::new(name).sender("alice").send(app.db(), &1).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_yes_confirms_all_links_of_a_webhook_and_another_url_is_asked_again() {
    let app = TestApp::with(asking(Confirm::Challenge)).await;
    let [first, second] = [Endpoint::start(Answer::Waits).await, Endpoint::start(Answer::Waits).await];
    let webhooks = app.thorn.webhooks(ALICE).unwrap();
    let mut events = Vec::new();
    for name in ["order.paid", "order.sent"] {
        events.push(webhooks.create_event(name).await.unwrap().id);
    }
    let mut new = NewWebhook::new("shop", first.url("/")).events(events);
    new.secret = Some(Secret::new("s3cr3t-s3cr3t-s3cr3t-s3cr3t"));
    let (webhook, _) = webhooks.create(new).await.unwrap();
    let links: Vec<_> = confirmations(&app).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(links.len(), 2);
    become_all(&app, &links, PENDING).await;
    send(&app).await;
    let _worker = app.worker().await;
    eventually("the question", || async { if first.questions() > 0 { Ok(()) } else { Err("none".to_owned()) } }).await;
    assert_eq!((confirmations(&app).await, first.deliveries()), (links.iter().map(|id| (*id, PENDING)).collect(), 0));

    first.answers(Answer::SendsBack);
    become_all(&app, &links, CONFIRMED).await;
    eventually("what was kept", || async {
        if first.deliveries() == 2 { Ok(()) } else { Err(first.deliveries().to_string()) }
    })
    .await;
    // Another name is no other endpoint.
    let renamed = WebhookChange { name: Some("shop 2".to_owned()), ..WebhookChange::default() };
    webhooks.change(webhook.id, renamed).await.unwrap();
    become_all(&app, &links, CONFIRMED).await;

    let moved = WebhookChange { url: Some(second.url("/")), ..WebhookChange::default() };
    webhooks.change(webhook.id, moved).await.unwrap();
    become_all(&app, &links, PENDING).await;
    send(&app).await;
    eventually("the question at the new URL", || async {
        if second.questions() > 0 { Ok(()) } else { Err("none".to_owned()) }
    })
    .await;
    assert_eq!(second.deliveries(), 0);
    second.answers(Answer::SendsBack);
    become_all(&app, &links, CONFIRMED).await;
    eventually("what was kept", || async {
        if second.deliveries() == 2 { Ok(()) } else { Err(second.deliveries().to_string()) }
    })
    .await;
    assert_eq!((first.deliveries(), app.count("thorn_intent").await), (2, 0));
    app.settled().await;
    app.ignore_the_rest();
}
