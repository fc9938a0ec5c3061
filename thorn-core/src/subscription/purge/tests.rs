#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
use sea_orm::{ActiveValue::Set, PaginatorTrait, QueryOrder, QuerySelect};

use super::*;
use crate::{
    id::SubscriptionId,
    subscription::{
        access::{Access, Page},
        fixture::{Fixture, new},
    },
    tables::{delivery, subscription::ActiveModel},
};

const URL: &str = "https://example.com/hook";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Fixture {
    async fn delivery(&self, subscription: SubscriptionId) -> Uuid {
        let id = Uuid::now_v7();
        let row = delivery::ActiveModel {
            id: Set(id),
            event_id: Set(id),
            subscription_id: Set(subscription.as_uuid()),
            state: Set("delivered".to_owned()),
            attempts: Set(1),
            created_at: Set(0),
            ..Default::default()
        };
        delivery::Entity::insert(row).exec_without_returning(&self.db).await.unwrap();
        id
    }

    async fn deleted(&self, event: &str) -> SubscriptionId {
        let made = self.create("alice", event, URL).await;
        self.subscriptions.delete(Access::Owner("alice"), made.id).await.unwrap();
        made.id
    }

    /// The URLs of all rows, in the order of their versions.
    async fn urls(&self) -> Vec<String> {
        let urls = Entity::find().select_only().column(Column::Url).order_by_asc(Column::Version);
        urls.into_tuple().all(&self.db).await.unwrap()
    }

    async fn purge(&self, keep: Option<Duration>) -> usize {
        Purge::default().run(&self.db, Timestamp::now(), keep).await.unwrap()
    }
}

#[tokio::test]
async fn a_deletion_erases_the_filter_later_the_url_and_after_keep_the_row() {
    let fixture = Fixture::new().await;
    let new = new("alice", "a", URL).filter(serde_json::json!({ "n": 1 }));
    let made = fixture.subscriptions.create(new).await.unwrap();
    fixture.subscriptions.delete(Access::Operator, made.id).await.unwrap();
    let row = fixture.row(&made).await;
    assert_eq!((row.filter, row.url.as_str(), row.counted_host), (None, URL, None));
    let stays = fixture.create("alice", "b", URL).await;

    assert_eq!((fixture.purge(Some(Duration::ZERO)).await, fixture.urls().await), (0, vec![URL.into(), URL.into()]));
    fixture.age(LEAST_AGE).await;
    assert_eq!((fixture.purge(None).await, fixture.urls().await), (0, vec![String::new(), URL.into()]));
    fixture.age(DAY - LEAST_AGE).await;
    assert_eq!((fixture.purge(None).await, fixture.purge(Some(DAY * 2)).await), (0, 0));
    assert_eq!((fixture.purge(Some(DAY)).await, fixture.urls().await), (1, vec![URL.to_owned()]));
    assert_eq!(fixture.subscriptions.get(Access::Operator, stays.id).await.unwrap(), stays);
}

#[tokio::test]
async fn a_row_stays_with_its_url_while_a_delivery_refers_to_it() {
    let fixture = Fixture::new().await;
    let deleted = fixture.deleted("a").await;
    fixture.age(DAY).await;
    let delivery = fixture.delivery(deleted).await;
    assert_eq!((fixture.purge(Some(DAY)).await, fixture.urls().await), (0, vec![URL.to_owned()]));
    delivery::Entity::delete_by_id(delivery).exec(&fixture.db).await.unwrap();
    assert_eq!((fixture.purge(Some(DAY)).await, fixture.urls().await), (1, vec![]));
}

/// Rows that must stay don't keep others from going, and each run looks at so many rows only.
#[tokio::test]
async fn the_walk_passes_rows_that_must_stay() {
    let fixture = Fixture::new().await;
    let per_run = ROWS_PER_PAGE * PAGES;
    let one = fixture.deleted("a").await;
    fixture.age(DAY).await;
    let row = Entity::find_by_id(one.as_uuid()).one(&fixture.db).await.unwrap().unwrap();
    let with_id = |n| ActiveModel { id: Set(Uuid::from_u128(n)), ..row.clone().into() };
    let rows: Vec<_> = (1..=per_run as u128).map(with_id).collect();
    for rows in rows.chunks(500) {
        Entity::insert_many(rows.to_vec()).exec_without_returning(&fixture.db).await.unwrap();
        for row in rows {
            fixture.delivery(SubscriptionId::from_uuid(*row.id.as_ref())).await;
        }
    }
    let mut purge = Purge::default();
    let now = Timestamp::now();
    assert_eq!(purge.run(&fixture.db, now, Some(DAY)).await.unwrap(), 0, "the row is the last of all");
    assert_eq!(purge.run(&fixture.db, now, Some(DAY)).await.unwrap(), 1);
    assert_eq!(Entity::find().count(&fixture.db).await.unwrap(), per_run as u64);
    delivery::Entity::delete_many().exec(&fixture.db).await.unwrap();
    assert_eq!(purge.run(&fixture.db, now, Some(DAY)).await.unwrap(), per_run, "the walk began again");
}

#[tokio::test]
async fn a_list_goes_on_after_a_deleted_subscription_as_long_as_the_url_is_there() {
    let fixture = Fixture::new().await;
    let first = fixture.create("alice", "a", "https://example.com/1").await;
    fixture.create("alice", "b", "https://example.com/2").await;
    fixture.subscriptions.delete(Access::Operator, first.id).await.unwrap();
    fixture.purge(Some(Duration::ZERO)).await;
    let page = Page { after: Some(first.id), limit: 10 };
    assert_eq!(fixture.subscriptions.list(Access::Owner("alice"), page).await.unwrap().len(), 1);
    fixture.age(LEAST_AGE).await;
    for keep in [None, Some(Duration::ZERO)] {
        fixture.purge(keep).await;
        let list = fixture.subscriptions.list(Access::Owner("alice"), page).await;
        assert!(matches!(list, Err(Error::NotFound { .. })), "{list:?}");
    }
}
