//! Links that SeaORM changes while it saves a tree.

use sea_orm::{ActiveModelBehavior, EntityLoaderTrait, EntityTrait, IntoActiveModel, TransactionTrait};
use thorn_test_support::skipped;

use super::{
    Blog, article, article_tag, of,
    tag::{self, Model as Tag},
};

async fn loaded(blog: &Blog, id: i32) -> article::ActiveModelEx {
    let found = article::Entity::load().filter_by_id(id).with(tag::Entity).one(blog.test.db()).await;
    found.unwrap().unwrap().into()
}

async fn loaded_tag(blog: &Blog, id: i32) -> tag::ActiveModelEx {
    let found = tag::Entity::load().filter_by_id(id).with(article::Entity).one(blog.test.db()).await;
    found.unwrap().unwrap().into()
}

fn ex(tag: &Tag) -> tag::ActiveModelEx {
    tag::ActiveModel::from(tag.clone()).into_ex()
}

fn link(article: &mut article::ActiveModelEx, tags: &[Tag]) {
    for tag in tags {
        article.tags.push(ex(tag));
    }
}

#[tokio::test]
async fn thorn_067_a_nested_save_of_three_tags_is_one_event() {
    let blog = Blog::new().await;
    let mut article = loaded(&blog, 1).await;
    link(&mut article, &blog.tags);
    article.save(blog.test.db()).await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (of("tag_added", &[1]), 3));
}

#[tokio::test]
async fn thorn_067_a_new_article_with_new_tags_is_created_and_then_linked() {
    let blog = Blog::new().await;
    let new = article::ActiveModel::builder().set_title("new").set_author("ada");
    let new = new.add_tag(tag::ActiveModel::builder().set_name("x")).add_tag(ex(&blog.tags[0]));
    new.insert(blog.test.db()).await.unwrap();
    assert_eq!(blog.news().await, [of("created", &[4]), of("tag_added", &[4])].concat());
}

#[tokio::test]
async fn thorn_068_a_nested_save_says_nothing_of_links_that_were_there() {
    let blog = Blog::new().await;
    let db = blog.test.db();
    article_tag::new(1, 1).insert(db).await.unwrap();
    blog.news().await;
    // All hooks before say three, or one; of those after come two, or none.
    for (tags, news) in [(&blog.tags[..1], vec![]), (&blog.tags[..], of("tag_added", &[1])), (&blog.tags[..], vec![])] {
        let mut article = article::ActiveModel::from(blog.articles[0].clone()).into_ex();
        link(&mut article, tags);
        article.save(db).await.unwrap();
        assert_eq!(blog.news().await, news);
    }
    assert_eq!(blog.links().await, 3);
}

#[tokio::test]
async fn thorn_069_replacing_nested_links_is_a_removal_and_an_addition() {
    let blog = Blog::new().await;
    let db = blog.test.db();
    thorn::links::add(article_tag::Entity, &blog.articles[0], &blog.tags[..2], db).await.unwrap();
    blog.news().await;
    let mut article = loaded(&blog, 1).await;
    article.tags.replace_all([ex(&blog.tags[2])]);
    article.save(db).await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), ([of("tag_removed", &[1]), of("tag_added", &[1])].concat(), 1));
    let mut article = loaded(&blog, 1).await;
    article.tags.replace_all([ex(&blog.tags[2])]);
    let mut article = article.save(db).await.unwrap();
    assert_eq!(blog.news().await, []);
    article.tags.replace_all([]);
    article.save(db).await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (of("tag_removed", &[1]), 0));
}

#[tokio::test]
async fn thorn_070_a_nested_save_of_a_tag_is_one_event_per_article() {
    let blog = Blog::new().await;
    let db = blog.test.db();
    article_tag::new(2, 1).insert(db).await.unwrap();
    blog.news().await;
    let mut tag = loaded_tag(&blog, 1).await;
    for article in &blog.articles {
        tag.articles.push(article::ActiveModel::from(article.clone()).into_ex());
    }
    tag.save(db).await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (of("tag_added", &[1, 3]), 3));
    let mut tag = loaded_tag(&blog, 1).await;
    let second = article::ActiveModel::from(blog.articles[1].clone()).into_ex();
    tag.articles.replace_all([second]);
    tag.save(db).await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (of("tag_removed", &[1, 3]), 1));
}

#[tokio::test]
async fn two_nested_saves_in_one_transaction_are_two_events() {
    let blog = Blog::new().await;
    let transaction = blog.test.db().begin().await.unwrap();
    for tag in &blog.tags[..2] {
        let mut article = article::ActiveModel::from(blog.articles[0].clone()).into_ex();
        article.tags.push(ex(tag));
        article.save(&transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (of("tag_added", &[1, 1]), 2));
}

#[tokio::test]
async fn thorn_066_a_seeded_tree_is_not_announced() {
    let blog = Blog::new().await;
    let mut article = loaded(&blog, 1).await;
    article.tags.push(ex(&blog.tags[0]));
    let article = thorn::without_events(article.save(blog.test.db())).await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (vec![], 1));
    let mut article = article;
    article.tags.push(ex(&blog.tags[1]));
    article.save(blog.test.db()).await.unwrap();
    assert_eq!(blog.news().await, of("tag_added", &[1]));
}

#[tokio::test]
async fn a_tree_without_its_events_is_not_linked() {
    let blog = Blog::new().await;
    let mut article = loaded(&blog, 1).await;
    article.tags.push(ex(&blog.tags[0]));
    blog.test.break_outbox().await;
    article.save(blog.test.db()).await.unwrap_err();
    assert_eq!(blog.links().await, 0);
}

/// The steps of a nested save, with another transaction between them.
#[tokio::test]
async fn a_link_that_came_after_the_look_and_went_is_told() {
    let blog = Blog::new().await;
    if !sea_orm::ConnectionTrait::support_returning(blog.test.db()) {
        return skipped("MySQL has no RETURNING: there SeaORM hands over what the hook before returned");
    }
    let transaction = blog.test.db().begin().await.unwrap();
    let row = article_tag::Model { article_id: 1, tag_id: 1 };
    row.clone().into_active_model().before_delete(&transaction).await.unwrap();
    <article_tag::Entity as EntityTrait>::insert(article_tag::new(1, 1)).exec(&transaction).await.unwrap();
    let deleted = <article_tag::Entity as EntityTrait>::delete_many().exec_with_returning(&transaction).await.unwrap();
    assert_eq!(deleted, [row]);
    for row in deleted {
        row.into_active_model().after_delete(&transaction).await.unwrap();
    }
    transaction.commit().await.unwrap();
    assert_eq!(blog.news().await, of("tag_removed", &[1]));
}
