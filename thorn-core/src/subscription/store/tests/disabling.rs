//! Subscriptions that are disabled and enabled.

use std::time::Duration;

use super::fixture::{URL, is_missing};
use crate::{
    id::SubscriptionId,
    subscription::{access::Access, change::SubscriptionChange, fixture::Fixture},
    timestamp::Timestamp,
};

#[tokio::test]
async fn disabled_by_the_system_and_enabled_again() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.*", URL).await;
    let subscriptions = &fixture.subscriptions;
    subscriptions.disable(made.id, &"gone ".repeat(50)).await.unwrap();
    let disabled = subscriptions.get(Access::Operator, made.id).await.unwrap();
    assert_eq!(disabled.disabled.as_ref().unwrap().reason.len(), 190);
    subscriptions.disable(made.id, "another reason").await.unwrap();
    assert_eq!(subscriptions.get(Access::Operator, made.id).await.unwrap(), disabled, "the first reason stays");
    let enable = SubscriptionChange::default().enabled(true);
    let enabled = subscriptions.update(Access::Owner("alice"), made.id, enable).await.unwrap();
    assert_eq!((enabled.disabled, enabled.version), (None, 3));
    let silence = SubscriptionChange::default().enabled(false);
    assert!(subscriptions.update(Access::Owner("alice"), made.id, silence).await.unwrap().disabled.is_some());
    assert!(is_missing(&subscriptions.disable(SubscriptionId::generate(), "who?").await));
}

#[tokio::test]
async fn who_judges_by_what_it_knew_disables_nothing_that_has_succeeded_since() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.b", "https://a.example/").await;
    let (now, patience) = (Timestamp::now(), Duration::from_secs(60));
    let read = || async { fixture.subscriptions.get(Access::Operator, made.id).await.unwrap() };
    fixture.subscriptions.failed(&made, now, now, Some(patience)).await.unwrap();
    let failing = read().await;
    assert_eq!(failing.failing_since, Some(now));
    // One of a chunk's two deliveries succeeds, then the other one fails.
    fixture.subscriptions.succeeded(&failing).await.unwrap();
    fixture.subscriptions.failed(&failing, now, now + patience, Some(patience)).await.unwrap();
    let since = read().await;
    assert_eq!((since.disabled, since.failing_since), (None, None));
    // Without a success it is the end.
    fixture.subscriptions.failed(&made, now, now, Some(patience)).await.unwrap();
    fixture.subscriptions.failed(&failing, now, now + patience, Some(patience)).await.unwrap();
    assert!(read().await.disabled.is_some());
}
