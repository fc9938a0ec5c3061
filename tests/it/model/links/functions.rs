//! `thorn::links`: one event per call and row.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, TransactionTrait};
use thorn::{links, links::Changed};

use super::{Blog, article_tag::Entity as ArticleTag, of};

#[tokio::test]
async fn thorn_067_add_remove_and_clear_are_one_event_per_call() {
    let blog = Blog::new().await;
    let (db, article) = (blog.test.db(), &blog.articles[0]);
    assert_eq!(links::add(ArticleTag, article, &blog.tags, db).await.unwrap(), 3);
    assert_eq!((blog.news().await, blog.links().await), (of("tag_added", &[1]), 3));
    assert_eq!(links::remove(ArticleTag, article, &blog.tags[..2], db).await.unwrap(), 2);
    assert_eq!((blog.news().await, blog.links().await), (of("tag_removed", &[1]), 1));
    links::add(ArticleTag, article, &blog.tags, db).await.unwrap();
    blog.news().await;
    assert_eq!(links::clear(ArticleTag, article, db).await.unwrap(), 3);
    assert_eq!((blog.news().await, blog.links().await), (of("tag_all_cleared", &[1]), 0));
}

#[tokio::test]
async fn thorn_068_nothing_is_said_where_no_link_changed() {
    let blog = Blog::new().await;
    let (db, article, tags) = (blog.test.db(), &blog.articles[0], &blog.tags);
    assert_eq!(links::remove(ArticleTag, article, tags, db).await.unwrap(), 0);
    assert_eq!(links::clear(ArticleTag, article, db).await.unwrap(), 0);
    assert_eq!(links::add(ArticleTag, article, &tags[..0], db).await.unwrap(), 0);
    assert_eq!(blog.news().await, []);
    assert_eq!(links::add(ArticleTag, article, [&tags[0], &tags[0]], db).await.unwrap(), 1, "the same tag twice");
    assert_eq!(blog.news().await, of("tag_added", &[1]));
    assert_eq!(links::add(ArticleTag, article, [&tags[0]], db).await.unwrap(), 0);
    assert_eq!(blog.news().await, []);
    assert_eq!(links::add(ArticleTag, article, tags, db).await.unwrap(), 2, "only those that weren't there");
    assert_eq!(blog.news().await, of("tag_added", &[1]));
}

#[tokio::test]
async fn thorn_069_set_is_a_removal_and_then_an_addition_without_the_empty_half() {
    let blog = Blog::new().await;
    let (db, article, tags) = (blog.test.db(), &blog.articles[0], &blog.tags);
    let set = async |tags: &[_]| links::set(ArticleTag, article, tags, db).await.unwrap();
    assert_eq!(set(&tags[..2]).await, Changed { added: 2, removed: 0 });
    assert_eq!(blog.news().await, of("tag_added", &[1]));
    assert_eq!(set(&tags[1..]).await, Changed { added: 1, removed: 1 });
    assert_eq!(blog.news().await, [of("tag_removed", &[1]), of("tag_added", &[1])].concat());
    assert_eq!(set(&tags[1..]).await, Changed::default());
    assert_eq!(blog.news().await, []);
    assert_eq!(set(&[]).await, Changed { added: 0, removed: 2 });
    assert_eq!(blog.news().await, of("tag_removed", &[1]));
}

#[tokio::test]
async fn thorn_070_from_the_other_side_it_is_one_event_per_owner() {
    let blog = Blog::new().await;
    let (db, tag, articles) = (blog.test.db(), &blog.tags[0], &blog.articles);
    links::add(ArticleTag, &articles[1], [tag], db).await.unwrap();
    blog.news().await;
    assert_eq!(links::add(ArticleTag, tag, articles, db).await.unwrap(), 2);
    assert_eq!(blog.news().await, of("tag_added", &[1, 3]));
    assert_eq!(links::remove(ArticleTag, tag, [&articles[2]], db).await.unwrap(), 1);
    assert_eq!(blog.news().await, of("tag_removed", &[3]));
    let changed = links::set(ArticleTag, tag, [&articles[2], &articles[0]], db).await.unwrap();
    assert_eq!(changed, Changed { added: 1, removed: 1 });
    assert_eq!(blog.news().await, [of("tag_removed", &[2]), of("tag_added", &[3])].concat());
    assert_eq!(links::clear(ArticleTag, tag, db).await.unwrap(), 2);
    assert_eq!(blog.news().await, of("tag_removed", &[1, 3]));
}

#[tokio::test]
async fn thorn_066_links_that_are_seeded_are_not_announced() {
    let blog = Blog::new().await;
    let (db, article) = (blog.test.db(), &blog.articles[0]);
    let seed = async {
        links::add(ArticleTag, article, &blog.tags, db).await.unwrap();
        super::article_tag::new(2, 1).insert(db).await.unwrap();
    };
    thorn::without_events(seed).await;
    assert_eq!((blog.news().await, blog.links().await), (vec![], 4));
    links::clear(ArticleTag, article, db).await.unwrap();
    assert_eq!(blog.news().await, of("tag_all_cleared", &[1]));
}

#[tokio::test]
async fn link_and_event_are_in_the_callers_transaction() {
    let blog = Blog::new().await;
    let transaction = blog.test.db().begin().await.unwrap();
    links::add(ArticleTag, &blog.articles[0], &blog.tags, &transaction).await.unwrap();
    transaction.rollback().await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (vec![], 0));
    let transaction = blog.test.db().begin().await.unwrap();
    links::add(ArticleTag, &blog.articles[0], &blog.tags, &transaction).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!((blog.news().await, blog.links().await), (of("tag_added", &[1]), 3));
}

#[tokio::test]
async fn without_its_event_no_link_changes() {
    let blog = Blog::new().await;
    let (db, article, tags) = (blog.test.db(), &blog.articles[0], &blog.tags);
    links::add(ArticleTag, article, [&tags[0]], db).await.unwrap();
    blog.test.break_outbox().await;
    links::add(ArticleTag, article, tags, db).await.unwrap_err();
    links::remove(ArticleTag, article, tags, db).await.unwrap_err();
    links::set(ArticleTag, article, &tags[1..], db).await.unwrap_err();
    links::clear(ArticleTag, article, db).await.unwrap_err();
    links::clear(ArticleTag, &tags[0], db).await.unwrap_err();
    assert_eq!(blog.links().await, 1);
}

#[tokio::test]
async fn more_links_than_one_statement_takes() {
    let blog = Blog::new().await;
    let (db, article) = (blog.test.db(), &blog.articles[0]);
    let new = (0..2500).map(|n| super::tag::new(&format!("n{n}")));
    super::tag::Entity::insert_many(new).exec_without_returning(db).await.unwrap();
    let tags = super::tag::Entity::find().filter(super::tag::Column::Name.starts_with("n")).all(db).await.unwrap();
    assert_eq!(links::add(ArticleTag, article, &tags, db).await.unwrap(), 2500);
    assert_eq!(links::set(ArticleTag, article, &tags[1..], db).await.unwrap(), Changed { added: 0, removed: 1 });
    assert_eq!(links::remove(ArticleTag, article, &tags, db).await.unwrap(), 2499);
    assert_eq!(blog.news().await, [of("tag_added", &[1]), of("tag_removed", &[1]), of("tag_removed", &[1])].concat());
}
