//! Rows of the junction that are saved as rows.

use sea_orm::{ColumnTrait, TransactionTrait};

use super::{Blog, article_tag, of};

#[tokio::test]
async fn a_row_of_the_junction_is_a_link() {
    let blog = Blog::new().await;
    let db = blog.test.db();
    let row = article_tag::new(1, 2).insert(db).await.unwrap();
    assert_eq!(blog.news().await, of("tag_added", &[1]));
    article_tag::new(1, 2).insert(db).await.unwrap_err();
    assert_eq!(blog.news().await, []);
    row.clone().delete(db).await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (of("tag_removed", &[1]), 0));
    row.delete(db).await.unwrap();
    assert_eq!(blog.news().await, [], "it was gone");
}

#[tokio::test]
async fn two_in_one_transaction_are_two_calls() {
    let blog = Blog::new().await;
    let transaction = blog.test.db().begin().await.unwrap();
    article_tag::new(1, 1).insert(&transaction).await.unwrap();
    article_tag::new(1, 2).insert(&transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(blog.news().await, of("tag_added", &[1, 1]));
}

#[tokio::test]
async fn without_its_event_it_is_not_saved() {
    let blog = Blog::new().await;
    blog.test.break_outbox().await;
    article_tag::new(1, 1).insert(blog.test.db()).await.unwrap_err();
    assert_eq!(blog.links().await, 0);
}

#[tokio::test]
async fn bulk_is_one_event_per_call_and_owner() {
    let blog = Blog::new().await;
    let db = blog.test.db();
    let rows = [(1, 1), (2, 1), (1, 2), (2, 2)].map(|(article, tag)| article_tag::new(article, tag));
    thorn::insert_many(rows, db).await.unwrap();
    assert_eq!(blog.news().await, of("tag_added", &[1, 2]));
    thorn::delete_many::<article_tag::Entity, _>(article_tag::Column::TagId.eq(1), db).await.unwrap();
    assert_eq!(blog.news().await, of("tag_removed", &[1, 2]));
    let set = |update: sea_orm::UpdateMany<_>| update.col_expr(article_tag::Column::ArticleId, 3.into());
    thorn::update_many::<article_tag::Entity, _>(article_tag::Column::ArticleId.eq(2), set, db).await.unwrap();
    let moved = [of("tag_removed", &[2]), of("tag_added", &[3])].concat();
    assert_eq!((blog.news().await, blog.links().await), (moved, 2));
}

#[tokio::test]
async fn deleting_an_owner_is_only_that() {
    let blog = Blog::new().await;
    let db = blog.test.db();
    article_tag::new(1, 1).insert(db).await.unwrap();
    blog.news().await;
    let article = super::article::Entity::load().with(super::tag::Entity).one(db).await.unwrap().unwrap();
    article.delete(db).await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (of("removed", &[1]), 0));
}
