//! Tags of articles.

use sea_orm::{ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, Set, sea_query::OnConflict};

use super::entities::{article_tag, tag};

/// Links an article with tags, some of which may be new.
pub(super) async fn set(article_id: i32, names: &[String], txn: &DatabaseTransaction) -> Result<(), DbErr> {
    if names.is_empty() {
        return Ok(());
    }
    let new = names.iter().map(|name| tag::ActiveModel { name: Set(name.clone()), ..Default::default() });
    tag::Entity::insert_many(new)
        .on_conflict(OnConflict::column(tag::Column::Name).do_nothing_on([tag::Column::Id]).to_owned())
        .exec_without_returning(txn)
        .await?;
    let tags = tag::Entity::find().filter(tag::Column::Name.is_in(names)).all(txn).await?;
    let links = tags.iter().map(|tag| article_tag::ActiveModel { article_id: Set(article_id), tag_id: Set(tag.id) });
    article_tag::Entity::insert_many(links).exec(txn).await?;
    Ok(())
}
