//! Writes the result of a fetch with one commit: what is known of the topic, and the event that distributes it.

use sea_orm::{ColumnTrait, DatabaseConnection, EntityTrait, QueryFilter, sea_query::Expr};

use super::fetch::Version;
use crate::{
    db::transaction,
    error::Error,
    id::EventId,
    outbox, process,
    tables::topic::{Column, Entity},
    topic::{Claim, Topic},
};

/// Writes a new version. `None` if the claim is over, so that another fetch writes it.
pub(super) async fn commit(
    db: &DatabaseConnection,
    claim: Claim,
    topic: &Topic,
    version: Version,
) -> Result<Option<EventId>, Error> {
    let Version { body, hash, etag, last_modified, advertised } = version;
    let topic = Topic {
        advertised_hub: advertised.hub(&topic.hub_url).map(str::to_owned),
        advertised_self: advertised.own,
        ..topic.clone()
    };
    let media_type = body.media_type.clone();
    let event = topic.version(body)?;
    let id = event.id;
    let txn = transaction::begin(db).await?;
    // The statement locks the topic's row until the commit, so versions are written one after the other.
    if !claim.end(&txn, 0, None).await? {
        txn.rollback().await?;
        return Ok(None);
    }
    Entity::update_many()
        .col_expr(Column::MediaType, Expr::value(media_type))
        .col_expr(Column::Etag, Expr::value(etag))
        .col_expr(Column::LastModified, Expr::value(last_modified))
        .col_expr(Column::BodyHash, Expr::value(hash))
        .col_expr(Column::LatestEvent, Expr::value(id.as_uuid()))
        .col_expr(Column::AdvertisedHub, Expr::value(topic.advertised_hub))
        .col_expr(Column::AdvertisedSelf, Expr::value(topic.advertised_self))
        .filter(Column::Id.eq(topic.id.as_uuid()))
        .exec(&txn)
        .await?;
    outbox::write(&txn, vec![event]).await?;
    txn.commit().await?;
    process::notify();
    Ok(Some(id))
}
