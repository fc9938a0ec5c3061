//! Saves of a whole tree: `ActiveModelEx`.

use sea_orm::{EntityTrait, TransactionTrait};

use crate::app::TestApp;

mod author {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "author.created", on_change = "author.changed", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "author")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        #[sea_orm(has_many)]
        pub books: HasMany<super::book::Entity>,
    }
}

mod book {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[thorn::webhook_model(
        on_create = "book.created",
        on_change(event = "book.changed", when = title.changed()),
        on_delete = "book.removed",
        payload = [title, author_id],
        broadcast
    )]
    #[sea_orm(table_name = "book")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub author_id: i32,
        #[sea_orm(belongs_to, from = "author_id", to = "id")]
        pub author: BelongsTo<super::author::Entity>,
    }
}

async fn database() -> TestApp {
    TestApp::new().await.table(author::Entity).await.table(book::Entity).await
}

fn tree() -> author::ActiveModelEx {
    author::ActiveModel::builder()
        .set_name("Ada")
        .add_book(book::ActiveModel::builder().set_title("a"))
        .add_book(book::ActiveModel::builder().set_title("b"))
}

#[tokio::test]
async fn a_tree_is_announced_row_by_row_in_one_transaction() {
    let test = database().await;
    let saved = tree().save(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["author.created", "book.created", "book.created"]);
    assert_eq!(test.written().await[2].body["data"], serde_json::json!({"title": "b", "author_id": 1}));
    test.forget().await;

    let books = book::Entity::find().all(test.db()).await.unwrap();
    let changed = book::ActiveModel { title: sea_orm::Set("c".to_owned()), ..books[0].clone().into() };
    changed.update(test.db()).await.unwrap();
    let mut saved = saved;
    saved.name = sea_orm::Set("Eda".to_owned());
    saved.save(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["book.changed", "author.changed"]);
}

#[tokio::test]
async fn children_that_change_or_go_are_announced() {
    let test = database().await;
    let mut saved = tree().save(test.db()).await.unwrap();
    test.forget().await;
    saved.books[0].title = sea_orm::Set("c".to_owned());
    let mut saved = saved.save(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["book.changed"]);
    test.forget().await;

    let kept = saved.books[0].clone();
    saved.books.replace_all([kept]);
    saved.save(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["book.removed"]);
}

#[tokio::test]
async fn a_tree_without_its_events_is_not_saved() {
    let test = database().await;
    test.break_outbox().await;
    tree().save(test.db()).await.unwrap_err();
    assert_eq!((test.count("author").await, test.count("book").await), (0, 0));
}

#[tokio::test]
async fn a_tree_in_the_callers_transaction() {
    let test = database().await;
    let transaction = test.db().begin().await.unwrap();
    tree().insert(&transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(test.names().await.is_empty());
}
