//! Whatever is done to links in whichever way, its events tell it: replayed, they give the links that
//! are there, and none tells what was so already.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use sea_orm::{ActiveValue::Set, EntityTrait, TransactionTrait};
use thorn::links;

use crate::app::TestApp;

mod page {
    use sea_orm::entity::prelude::*;
    use thorn::model::LinkChange;

    #[thorn::webhook_model(
        on_m2m_add(event = "page.add", link_payload = labels),
        on_m2m_remove(event = "page.remove", link_payload = labels),
        on_m2m_clear(event = "page.clear", link_payload = labels),
        broadcast
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "page")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        #[sea_orm(has_many, via = "page_label")]
        pub labels: HasMany<super::label::Entity>,
    }

    fn labels(page: &Model, links: &LinkChange) -> (i64, Vec<i64>) {
        (page.id, links.keys.iter().filter_map(serde_json::Value::as_i64).collect())
    }
}

mod label {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "label")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        #[sea_orm(has_many, via = "page_label")]
        pub pages: HasMany<super::page::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

mod page_label {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(junction)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "page_label")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub page_id: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub label_id: i64,
        #[sea_orm(belongs_to, from = "page_id", to = "id")]
        pub page: BelongsTo<super::page::Entity>,
        #[sea_orm(belongs_to, from = "label_id", to = "id")]
        pub label: BelongsTo<super::label::Entity>,
    }
}

use page_label::Entity as PageLabel;

const SIZE: i64 = 6;

async fn database() -> TestApp {
    let test = TestApp::new().await.table(page::Entity).await.table(label::Entity).await.table(PageLabel).await;
    let ids = || (0..SIZE).map(Set);
    page::Entity::insert_many(ids().map(|id| page::ActiveModel { id })).exec(test.db()).await.unwrap();
    label::Entity::insert_many(ids().map(|id| label::ActiveModel { id })).exec(test.db()).await.unwrap();
    test
}

/// Some of the ids, by the bits of a number.
fn some(bits: u64) -> Vec<i64> {
    (0..SIZE).filter(|id| bits >> id & 1 == 1).collect()
}

fn pages(bits: u64) -> Vec<page::Model> {
    some(bits).into_iter().map(|id| page::Model { id }).collect()
}

fn labels(bits: u64) -> Vec<label::Model> {
    some(bits).into_iter().map(|id| label::Model { id }).collect()
}

/// One call, chosen by a number.
async fn change<C: TransactionTrait + sea_orm::ConnectionTrait>(number: u64, db: &C) -> Result<(), sea_orm::DbErr> {
    let (bits, id) = (number >> 8, (number >> 4 & 15) as i64 % SIZE);
    let (page, label) = (page::Model { id }, label::Model { id });
    match number % 11 {
        0 => links::add(PageLabel, &page, labels(bits), db).await.map(drop),
        1 => links::remove(PageLabel, &page, labels(bits), db).await.map(drop),
        2 => links::set(PageLabel, &page, labels(bits), db).await.map(drop),
        3 => links::clear(PageLabel, &page, db).await.map(drop),
        4 => links::add(PageLabel, &label, pages(bits), db).await.map(drop),
        5 => links::set(PageLabel, &label, pages(bits), db).await.map(drop),
        6 => links::clear(PageLabel, &label, db).await.map(drop),
        7 => {
            let row = page_label::Model { page_id: id, label_id: bits as i64 % SIZE };
            row.delete(db).await.map(drop)
        }
        8 | 9 => {
            let mut page = page::ActiveModel::from(page).into_ex();
            let labels = labels(bits).into_iter().map(|label| label::ActiveModel::from(label).into_ex());
            if number % 11 == 8 {
                labels.for_each(|label| {
                    page.labels.push(label);
                });
            } else {
                page.labels.replace_all(labels);
            }
            page.save(db).await.map(drop)
        }
        _ => {
            let mut label = label::ActiveModel::from(label).into_ex();
            label.pages.replace_all(pages(bits).into_iter().map(|page| page::ActiveModel::from(page).into_ex()));
            label.save(db).await.map(drop)
        }
    }
}

/// The links after these events, each of which must have told something new.
async fn replayed(test: &TestApp) -> BTreeSet<(i64, i64)> {
    let mut all: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
    for event in test.written().await {
        let (page, labels): (i64, Vec<i64>) = serde_json::from_value(event.body["data"].clone()).unwrap();
        let links = all.entry(page).or_default();
        match event.name.as_str() {
            "page.add" => assert!(!labels.is_empty() && labels.iter().all(|label| links.insert(*label)), "{labels:?}"),
            "page.remove" => {
                assert!(!labels.is_empty() && labels.iter().all(|label| links.remove(label)), "{labels:?}");
            }
            _ => assert!(labels.is_empty() && !std::mem::take(links).is_empty()),
        }
    }
    all.into_iter().flat_map(|(page, labels)| labels.into_iter().map(move |label| (page, label))).collect()
}

async fn there(test: &TestApp) -> BTreeSet<(i64, i64)> {
    let rows = PageLabel::find().all(test.db()).await.unwrap();
    rows.into_iter().map(|row| (row.page_id, row.label_id)).collect()
}

/// Numbers that look random and are the same each time.
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(7_u64), |last| {
        Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    })
    .map(|number| number >> 24)
}

#[tokio::test]
async fn thorn_067_068_replayed_events_are_the_links_that_are_there() {
    let test = database().await;
    let mut seen = 0;
    for (at, numbers) in numbers().take(600).collect::<Vec<_>>().chunks(3).enumerate() {
        let transaction = test.db().begin().await.unwrap();
        for number in numbers {
            change(*number, &transaction).await.unwrap();
        }
        // A rolled back transaction leaves neither links nor events, and mixes with no later one.
        if at % 4 == 3 {
            transaction.rollback().await.unwrap();
        } else {
            transaction.commit().await.unwrap();
        }
        seen = seen.max(there(&test).await.len());
    }
    assert_eq!(replayed(&test).await, there(&test).await);
    assert!(seen > 10 && test.names().await.len() > 300, "something happened");
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_067_068_so_they_are_after_concurrent_calls() {
    let test = database().await;
    // A clear doesn't say what it removed. On a server that may be less than what others, who haven't committed
    // yet, have told of before.
    let kinds = [0, 1, 2, 4, 5, 6, 7, 8, 9, 10];
    let numbers: Vec<_> = numbers().filter(|number| kinds.contains(&(number % 11))).take(300).collect();
    for numbers in numbers.chunks(4) {
        // One after the other on SQLite, but their hooks meet in one process.
        join_all(numbers.iter().map(|number| async {
            while let Err(error) = change(*number, test.db()).await {
                let error = error.to_string().to_lowercase();
                // The last is SeaORM's on MySQL, for a link that another transaction has inserted meanwhile.
                let busy = ["locked", "deadlock", "failed to find inserted item"];
                assert!(busy.iter().any(|busy| error.contains(busy)), "{error}");
            }
        }))
        .await;
    }
    assert_eq!(replayed(&test).await, there(&test).await);
}
