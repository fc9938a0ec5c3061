//! Access to subscriptions, and the order in which they are listed.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, Order, QueryFilter, QueryOrder, QuerySelect, Select,
    sea_query::Expr,
};

use super::owner_id::OwnerId;
use crate::{
    error::Error,
    id::SubscriptionId,
    short_text::check_short_text,
    tables::subscription::{Column, Entity, Model},
};

/// The caller. For an owner, other owners' subscriptions and global ones don't exist.
///
/// # Examples
///
/// ```
/// use thorn_core::subscription::Access;
///
/// struct User { id: i64 }
///
/// impl User {
///     fn access(&self) -> Access<'_> {
///         Access::owner(self.id) // or `Access::Owner(&self.name)` for an id that is text
///     }
/// }
/// # assert_eq!(User { id: 7 }.access().owner_id(), Some("7"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access<'a> {
    /// The caller sees only this owner's subscriptions.
    Owner(&'a str),
    /// The same for an id that isn't text in the application. [`Access::owner`] makes it.
    Id(OwnerId),
    /// The caller sees every owner's subscriptions and the global ones.
    Operator,
}

/// One page of a list of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// The last subscription of the previous page. The page begins after it; `None` begins with the first.
    pub after: Option<SubscriptionId>,
    /// The maximum number of subscriptions in the page. Default: 100.
    pub limit: u64,
}

impl Default for Page {
    /// The first 100 subscriptions.
    fn default() -> Self {
        Self { after: None, limit: 100 }
    }
}

impl Access<'_> {
    /// The owner with this id: an integer or a UUID. An id that is text needs no conversion: `Access::Owner(&id)`.
    #[must_use]
    pub fn owner(id: impl Into<OwnerId>) -> Self {
        Self::Id(id.into())
    }

    /// The id of the owner; `None` for an operator.
    #[must_use]
    pub fn owner_id(&self) -> Option<&str> {
        match self {
            Self::Owner(id) => Some(id),
            Self::Id(id) => Some(id.as_str()),
            Self::Operator => None,
        }
    }

    /// Whether the caller may see a subscription of this owner.
    pub(crate) fn may_see(self, owner: Option<&str>) -> bool {
        self.owner_id().is_none_or(|asking| owner == Some(asking))
    }

    fn sees(self) -> Condition {
        match self.owner_id() {
            // No row has such an owner, and PostgreSQL would refuse to look for a NUL.
            Some(owner) if check_short_text(owner).is_err() => Condition::all().add(Expr::cust("1 = 2")),
            Some(owner) => Condition::all().add(Column::Owner.eq(owner)),
            None => Condition::all(),
        }
    }
}

/// The subscription's row. Fails if the subscription is deleted or the caller may not see it.
pub(crate) async fn find<C: ConnectionTrait>(db: &C, access: Access<'_>, id: SubscriptionId) -> Result<Model, Error> {
    let row = Entity::find_by_id(id.as_uuid()).filter(access.sees()).filter(Column::DeletedAt.is_null()).one(db);
    row.await?.ok_or_else(|| not_found(id))
}

/// The subscription's row, for any owner and even if it is deleted.
pub(crate) async fn find_any<C: ConnectionTrait>(db: &C, id: SubscriptionId) -> Result<Model, Error> {
    Entity::find_by_id(id.as_uuid()).one(db).await?.ok_or_else(|| not_found(id))
}

/// The rows of a page, sorted by URL. Rows with the same URL are sorted from newest to oldest.
pub(crate) async fn find_page<C: ConnectionTrait>(db: &C, access: Access<'_>, page: Page) -> Result<Vec<Model>, Error> {
    let mut rows = Entity::find().filter(access.sees()).filter(Column::DeletedAt.is_null());
    if let Some(after) = page.after {
        // A subscription deleted since the previous page still marks the position. Its row keeps the URL for a while.
        let last = Entity::find_by_id(after.as_uuid()).filter(access.sees()).filter(Column::Url.ne("")).one(db).await?;
        rows = rows.filter(behind(last.ok_or_else(|| not_found(after))?));
    }
    // Databases accept a limit only within a signed 64-bit integer.
    let rows = in_order(rows).limit(page.limit.min(i64::MAX.unsigned_abs())).all(db);
    Ok(rows.await?)
}

fn in_order(rows: Select<Entity>) -> Select<Entity> {
    rows.order_by(Column::Url, Order::Asc).order_by(Column::CreatedAt, Order::Desc).order_by(Column::Id, Order::Desc)
}

/// The condition for rows that [`in_order`] puts after `last`.
fn behind(last: Model) -> Condition {
    let older = Condition::any()
        .add(Column::CreatedAt.lt(last.created_at))
        .add(Condition::all().add(Column::CreatedAt.eq(last.created_at)).add(Column::Id.lt(last.id)));
    Condition::any()
        .add(Column::Url.gt(last.url.as_str()))
        .add(Condition::all().add(Column::Url.eq(last.url)).add(older))
}

pub(crate) fn not_found(id: SubscriptionId) -> Error {
    Error::NotFound { what: "subscription", id: id.to_string() }
}
