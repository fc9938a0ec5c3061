//! The table `thorn_topic`: the hub's topics.

use sea_orm::entity::prelude::*;

/// A row of `thorn_topic`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_topic")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The URL in its normal spelling.
    pub url: String,
    /// SHA-256 of the URL, in hexadecimal digits.
    pub url_hash: String,
    /// `None` is an operator's topic, or nobody's.
    pub owner: Option<String>,
    /// Whether somebody made the row. Otherwise a subscription did.
    pub registered: bool,
    /// The hub's URL, as its server says it.
    pub hub_url: String,
    /// The hub, as the topic advertises it.
    pub advertised_hub: Option<String>,
    /// The topic's URL, as the topic advertises it.
    pub advertised_self: Option<String>,
    pub media_type: Option<String>,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    /// SHA-256 of the newest version, in hexadecimal digits.
    pub body_hash: Option<String>,
    /// The event of the newest version.
    pub latest_event: Option<Uuid>,
    pub created_at: i64,
    /// When somebody last wanted the topic to be there.
    pub wanted_at: i64,
    /// The number of pings so far.
    pub pings: i64,
    pub pinged_at: Option<i64>,
    /// When the latest fetch that ended began.
    pub fetched_at: Option<i64>,
    /// Until when the fetch that is under way may take; `None` if none is.
    pub fetch_until: Option<i64>,
    /// The fetches that failed since the last ping.
    pub failures: i32,
    /// When the topic is fetched; `None` is not before the next ping.
    pub due_at: Option<i64>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
