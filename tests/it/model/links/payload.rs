//! Which links changed, in the data; filters; events of both sides.

use sea_orm::TransactionTrait;
use serde_json::{Value, json};
use thorn::links;

use crate::app::TestApp;

mod author {
    use sea_orm::entity::prelude::*;
    use serde_json::{Value, json};
    use thorn::model::LinkChange;

    #[thorn::webhook_model(
        on_m2m_add(event = "author.{name}.credited", link_payload = credits),
        on_m2m_remove(event = "author.{name}.discredited", link_payload = credits),
        on_m2m_clear(event = "author.{name}.forgotten", link_payload = credits),
        on_fame(event = "author.famous", on = m2m_add, relation = books, when = name.eq("Ada"), payload = [name]),
        broadcast
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "author")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        #[sea_orm(has_many, via = "author_book")]
        pub books: HasMany<super::book::Entity>,
    }

    fn credits(author: &Model, links: &LinkChange) -> Value {
        json!({ "name": author.name, "op": format!("{:?}", links.op), "of": links.related, links.relation: links.keys })
    }
}

mod book {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_m2m_add = "book.credited", on_m2m_remove = "book.discredited", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "book")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub isbn: String,
        #[sea_orm(has_many, via = "author_book")]
        pub authors: HasMany<super::author::Entity>,
    }
}

mod author_book {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(junction, on_create = "credit.{author_id}.{book}", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "author_book")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub author_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub book: String,
        #[sea_orm(belongs_to, from = "author_id", to = "id")]
        pub author: BelongsTo<super::author::Entity>,
        #[sea_orm(belongs_to, from = "book", to = "isbn")]
        pub of_book: BelongsTo<super::book::Entity>,
    }
}

use author_book::Entity as AuthorBook;

struct Library {
    test: TestApp,
    ada: author::Model,
    bob: author::Model,
    books: Vec<book::Model>,
}

async fn library() -> Library {
    use sea_orm::ActiveValue::Set;
    let test = TestApp::new().await.table(author::Entity).await.table(book::Entity).await.table(AuthorBook).await;
    let author = async |name: &str| {
        let author = author::ActiveModel { name: Set(name.to_owned()), ..Default::default() };
        author.insert(test.db()).await.unwrap()
    };
    let (ada, bob) = (author("Ada").await, author("Bob").await);
    let mut books = Vec::new();
    for isbn in ["c", "a", "b"] {
        books.push(book::ActiveModel { isbn: Set(isbn.to_owned()) }.insert(test.db()).await.unwrap());
    }
    Library { ada, bob, books, test }
}

impl Library {
    /// Name and data of what was announced since the last time, but for the junction's own.
    async fn news(&self) -> Vec<(String, Value)> {
        let written = self.test.written().await;
        self.test.forget().await;
        let said = written.into_iter().map(|event| (event.name, event.body["data"].clone()));
        said.filter(|(name, _)| !name.starts_with("credit.")).collect()
    }
}

fn credits(name: &str, op: &str, books: &[&str]) -> Value {
    json!({"name": name, "op": op, "of": "book", "books": books})
}

fn said(name: &str, data: Value) -> (String, Value) {
    (name.to_owned(), data)
}

fn credited(isbn: &str) -> (String, Value) {
    said("book.credited", json!({ "isbn": isbn }))
}

fn discredited(isbn: &str) -> (String, Value) {
    said("book.discredited", json!({ "isbn": isbn }))
}

#[tokio::test]
async fn thorn_071_the_payload_is_told_the_sorted_keys_of_what_changed() {
    let it = library().await;
    let db = it.test.db();
    links::add(AuthorBook, &it.bob, &it.books[..1], db).await.unwrap();
    it.news().await;
    links::add(AuthorBook, &it.bob, &it.books, db).await.unwrap();
    let added = said("author.Bob.credited", credits("Bob", "Add", &["a", "b"]));
    assert_eq!(it.news().await, [added, credited("a"), credited("b")]);
    links::remove(AuthorBook, &it.bob, &it.books[..2], db).await.unwrap();
    let news = it.news().await;
    assert_eq!(news[0], said("author.Bob.discredited", credits("Bob", "Remove", &["a", "c"])));
    links::clear(AuthorBook, &it.bob, db).await.unwrap();
    let cleared = said("author.Bob.forgotten", credits("Bob", "Clear", &[]));
    assert_eq!(it.news().await, [cleared, discredited("b")]);
}

#[tokio::test]
async fn thorn_071_a_nested_save_tells_the_payload_all_that_changed_in_one_event() {
    let it = library().await;
    let db = it.test.db();
    links::add(AuthorBook, &it.bob, &it.books[..1], db).await.unwrap();
    it.news().await;
    let mut bob = author::ActiveModel::from(it.bob.clone()).into_ex();
    let book = |at: usize| book::ActiveModel::from(it.books[at].clone()).into_ex();
    (0..3).for_each(|at| {
        bob.books.push(book(at));
    });
    let mut bob = bob.save(db).await.unwrap();
    let mut news = it.news().await;
    news.sort_by(|one, other| one.0.cmp(&other.0));
    let added = said("author.Bob.credited", credits("Bob", "Add", &["a", "b"]));
    assert_eq!(news[0], added);
    assert_eq!(news.len(), 3, "and the two books: {news:?}");

    bob.books.replace_all([book(1)]);
    bob.save(db).await.unwrap();
    let news = it.news().await;
    assert_eq!(news[0], said("author.Bob.discredited", credits("Bob", "Remove", &["b", "c"])));
    assert_eq!(news.len(), 3, "{news:?}");
}

#[tokio::test]
async fn thorn_070_both_sides_are_told_if_both_declare_events() {
    let it = library().await;
    let db = it.test.db();
    links::add(AuthorBook, &it.books[0], [&it.ada, &it.bob], db).await.unwrap();
    let famous = said("author.famous", json!({"name": "Ada"}));
    let ada = said("author.Ada.credited", credits("Ada", "Add", &["c"]));
    let bob = said("author.Bob.credited", credits("Bob", "Add", &["c"]));
    assert_eq!(it.news().await, [ada, famous, bob, credited("c")]);
    links::clear(AuthorBook, &it.books[0], db).await.unwrap();
    let ada = said("author.Ada.discredited", credits("Ada", "Remove", &["c"]));
    let bob = said("author.Bob.discredited", credits("Bob", "Remove", &["c"]));
    // Books declare nothing for a clear, so that it is the removal that it is.
    assert_eq!(it.news().await, [ada, bob, discredited("c")]);
}

#[tokio::test]
async fn a_junction_announces_its_own_rows_too() {
    let it = library().await;
    let transaction = it.test.db().begin().await.unwrap();
    links::add(AuthorBook, &it.bob, &it.books[..1], &transaction).await.unwrap();
    links::add(AuthorBook, &it.bob, &it.books[..2], &transaction).await.unwrap();
    transaction.commit().await.unwrap();
    let names = it.test.names().await;
    let own: Vec<_> = names.iter().filter(|name| name.starts_with("credit.")).collect();
    assert_eq!(own, ["credit.2.c", "credit.2.a"]);
}

#[tokio::test]
async fn sent_by_hand_it_has_the_models_payload() {
    use thorn::model::WebhookModel as _;
    let it = library().await;
    author::Entity::webhook("m2m_add").unwrap().send(it.test.db(), &it.ada).await.unwrap();
    assert_eq!(it.news().await, [said("author.Ada.credited", json!({"id": 1, "name": "Ada"}))]);
}
