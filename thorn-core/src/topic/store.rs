//! Topics in the database.

use sea_orm::{
    ActiveValue::Set, ColumnTrait, Condition, DatabaseConnection, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, prelude::Uuid, sea_query::Expr,
};

use super::{
    entry::{Topic, not_found},
    marks,
    url::TopicUrl,
};
use crate::{
    db::is_unique_violation,
    error::Error,
    id::TopicId,
    process,
    subscription::Access,
    tables::topic::{ActiveModel, Column, Entity},
    timestamp::Timestamp,
};

/// The most topics that one owner registers, and all operators together.
const MOST: u64 = 10_000;

/// The hub's topics: registers, finds, lists, pings and deletes them. [`Thorn::topics`](crate::Thorn::topics) returns it.
#[derive(Clone, Copy, Debug)]
pub struct Topics<'a> {
    db: &'a DatabaseConnection,
}

impl<'a> Topics<'a> {
    /// The topics in this database.
    #[must_use]
    pub const fn new(db: &'a DatabaseConnection) -> Self {
        Self { db }
    }

    /// Registers a topic for the caller. `hub_url` is the URL at which the hub is reached. Returns the topic, and whether
    /// it is newly registered. `None` if somebody else has registered it.
    ///
    /// # Errors
    ///
    /// [`Error::Option`] if the caller has 10,000 topics already; [`Error::Database`].
    pub async fn register(
        &self,
        url: &TopicUrl,
        access: Access<'_>,
        hub_url: &str,
    ) -> Result<Option<(Topic, bool)>, Error> {
        let owner = access.owner_id();
        let known = self.find(url).await?;
        if known.is_none_or(|known| !known.registered) && self.registered(owner).await? >= MOST {
            return Err(Error::option("topics", format!("there are {MOST} already; delete one")));
        }
        let topic = self.find_or_add(url, hub_url).await?;
        let register = Entity::update_many()
            .col_expr(Column::Registered, Expr::value(true))
            .col_expr(Column::Owner, Expr::value(owner))
            .filter(Column::Id.eq(topic.id.as_uuid()))
            .filter(Column::Registered.eq(false));
        let is_new = register.exec(self.db).await?.rows_affected > 0;
        let topic = self.get(Access::Operator, topic.id).await?;
        Ok((topic.owner.as_deref() == owner).then_some((topic, is_new)))
    }

    /// The topic with this URL.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn find(&self, url: &TopicUrl) -> Result<Option<Topic>, Error> {
        let row = Entity::find().filter(Column::UrlHash.eq(url.hash())).one(self.db).await?;
        Ok(row.map(Topic::from))
    }

    /// The topic with this URL, for somebody who subscribes to it. A topic that isn't known yet is added without being
    /// registered. `hub_url` is the URL at which the hub is reached.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn find_or_add(&self, url: &TopicUrl, hub_url: &str) -> Result<Topic, Error> {
        let wanted = Entity::update_many()
            .col_expr(Column::WantedAt, Expr::value(Timestamp::now().as_millis()))
            .col_expr(Column::HubUrl, Expr::value(hub_url))
            .filter(Column::UrlHash.eq(url.hash()));
        if wanted.exec(self.db).await?.rows_affected == 0 {
            self.insert(url, hub_url).await?;
        }
        let missing = || Error::NotFound { what: "topic", id: url.to_string() };
        self.find(url).await?.ok_or_else(missing)
    }

    async fn insert(&self, url: &TopicUrl, hub_url: &str) -> Result<(), Error> {
        let now = Timestamp::now().as_millis();
        let row = ActiveModel {
            id: Set(Uuid::now_v7()),
            url: Set(url.as_str().to_owned()),
            url_hash: Set(url.hash()),
            registered: Set(false),
            hub_url: Set(hub_url.to_owned()),
            created_at: Set(now),
            wanted_at: Set(now),
            pings: Set(0),
            failures: Set(0),
            ..ActiveModel::default()
        };
        match Entity::insert(row).exec_without_returning(self.db).await {
            // Another process was first.
            Err(error) if is_unique_violation(&error) => Ok(()),
            inserted => {
                process::notify_topics();
                Ok(inserted.map(drop)?)
            }
        }
    }

    /// One topic.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such topic or the caller may not see it; [`Error::Database`].
    pub async fn get(&self, access: Access<'_>, id: TopicId) -> Result<Topic, Error> {
        let row = Entity::find_by_id(id.as_uuid()).filter(seen_by(access)).one(self.db).await?;
        row.map(Topic::from).ok_or_else(|| not_found(id))
    }

    /// At most `limit` topics that the caller may see, the oldest first and those behind `after` only.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn list(&self, access: Access<'_>, after: Option<TopicId>, limit: u64) -> Result<Vec<Topic>, Error> {
        let mut rows = Entity::find().filter(seen_by(access)).order_by_asc(Column::Id);
        if let Some(after) = after {
            rows = rows.filter(Column::Id.gt(after.as_uuid()));
        }
        Ok(rows.limit(limit).all(self.db).await?.into_iter().map(Topic::from).collect())
    }

    /// Deletes a topic. Nothing of it is fetched or delivered any more.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] if there is no such topic or the caller may not see it; [`Error::Database`].
    pub async fn delete(&self, access: Access<'_>, id: TopicId) -> Result<(), Error> {
        let deleted = Entity::delete_many().filter(Column::Id.eq(id.as_uuid())).filter(seen_by(access)).exec(self.db);
        if deleted.await?.rows_affected == 0 { Err(not_found(id)) } else { Ok(()) }
    }

    /// Notes that these topics have changed, so that a worker fetches those with subscribers. Topics that the hub doesn't
    /// know are ignored, and so are those that somebody else has registered. Returns how many were noted.
    ///
    /// # Errors
    ///
    /// [`Error::Database`].
    pub async fn ping(&self, urls: &[TopicUrl], access: Access<'_>, hub_url: &str) -> Result<usize, Error> {
        let mut noted = 0;
        // Each is committed alone, so that pings of the same topics in another order can't wait for each other.
        for url in urls {
            noted += usize::from(marks::ping(self.db, url, access, hub_url).await?);
        }
        if noted > 0 {
            process::notify_topics();
        }
        Ok(noted)
    }

    async fn registered(&self, owner: Option<&str>) -> Result<u64, Error> {
        let mine = owner.map_or_else(|| Column::Owner.is_null(), |owner| Column::Owner.eq(owner));
        Ok(Entity::find().filter(Column::Registered.eq(true)).filter(mine).count(self.db).await?)
    }
}

/// An owner sees what they have registered.
fn seen_by(access: Access<'_>) -> Condition {
    match access.owner_id() {
        Some(owner) => Condition::all().add(Column::Owner.eq(owner)),
        None => Condition::all(),
    }
}
