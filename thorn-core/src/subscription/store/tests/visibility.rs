//! Which subscriptions a caller sees, and in which order.

use super::fixture::{URL, is_missing};
use crate::{
    id::SubscriptionId,
    subscription::{
        access::{Access, Page},
        change::{NewSubscription, SubscriptionChange},
        fixture::{Fixture, new},
    },
};

#[tokio::test]
async fn thorn_090_107_lists_by_url_newest_first_in_pages() {
    let fixture = Fixture::new().await;
    let mut made = Vec::new();
    for (event, url) in [("a", "https://b/"), ("a", "https://a/"), ("b", "https://b/"), ("c", "https://b/")] {
        made.push(fixture.create("alice", event, url).await.id);
    }
    fixture.create("bob", "a", "https://a/").await;
    let expected = [made[1], made[3], made[2], made[0]];
    let page = async |after, limit| -> Vec<SubscriptionId> {
        let rows = fixture.subscriptions.list(Access::Owner("alice"), Page { after, limit }).await.unwrap();
        rows.iter().map(|row| row.id).collect()
    };
    assert_eq!(page(None, u64::MAX).await, expected);
    assert_eq!(page(None, 2).await, expected[..2]);
    fixture.subscriptions.delete(Access::Operator, expected[1]).await.unwrap();
    assert_eq!(page(Some(expected[1]), 1).await, expected[2..3], "a deleted one still marks its place");
    assert_eq!(page(Some(expected[2]), 9).await, expected[3..]);
    assert_eq!(page(Some(expected[3]), 9).await, []);
    assert_eq!(fixture.subscriptions.list(Access::Operator, Page::default()).await.unwrap().len(), 4);
    let foreign = Page { after: Some(made[0]), limit: 1 };
    assert!(is_missing(&fixture.subscriptions.list(Access::Owner("bob"), foreign).await));
}

#[tokio::test]
async fn thorn_110_foreign_subscriptions_do_not_exist() {
    let fixture = Fixture::new().await;
    let made = fixture.create("alice", "a.*", URL).await;
    let subscriptions = &fixture.subscriptions;
    let foreign = Access::Owner("bob");
    assert!(is_missing(&subscriptions.get(foreign, made.id).await));
    assert!(is_missing(&subscriptions.update(foreign, made.id, SubscriptionChange::default()).await));
    let bad = SubscriptionChange::default().url("nonsense");
    assert!(is_missing(&subscriptions.update(foreign, made.id, bad).await), "the answer betrays nothing");
    assert!(is_missing(&subscriptions.delete(foreign, made.id).await));
    assert!(subscriptions.list(foreign, Page::default()).await.unwrap().is_empty());
    let global = NewSubscription { owner: None, ..new("", "a", URL) };
    let global = subscriptions.create(global).await.unwrap();
    assert!(is_missing(&subscriptions.get(Access::Owner("alice"), global.id).await), "operators' are theirs alone");
    assert_eq!(subscriptions.get(Access::Operator, made.id).await.unwrap(), made);
}
