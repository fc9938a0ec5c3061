//! The tables `thorn_subscription` and `thorn_registry`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_subscription`.
#[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_subscription")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `None` for a global subscription, which an operator made.
    pub owner: Option<String>,
    pub pattern: String,
    pub url: String,
    pub secret: String,
    pub digest: String,
    pub content_type: String,
    pub disabled_at: Option<i64>,
    pub disabled_reason: Option<String>,
    /// The SHA-256 of owner, URL in its normal spelling, pattern and filter, which is unique; `None` once deleted.
    pub identity: Option<String>,
    pub created_at: i64,
    pub updated_at: i64,
    pub deleted_at: Option<i64>,
    /// The version of the registry that created the subscription.
    pub created_version: i64,
    /// The version of the registry that last changed the subscription.
    pub version: i64,
    /// The filter on the payload, as JSON.
    pub filter: Option<String>,
    /// The version of the registry that last changed which events the subscription matches.
    pub hears_version: i64,
    /// Extra headers as JSON, encrypted like the secret.
    pub headers: Option<String>,
    /// The algorithm for `Hook-HMAC`.
    pub signer: String,
    /// The configuration it comes from; `None` if it was made through the API.
    pub source: Option<String>,
    /// The time since when every delivery has failed; `None` while deliveries succeed.
    pub failing_since: Option<i64>,
    /// Until when deliveries are held; `None` while they aren't. A time that has passed allows a probe.
    pub held_until: Option<i64>,
    /// How many holds have followed one another, with the present one.
    pub held_step: i32,
    /// Until when no other delivery may be the probe; `None` if none is under way.
    pub probed_until: Option<i64>,
    /// When the first of these holds began; `None` while deliveries aren't held.
    pub held_since: Option<i64>,
    /// Why the present hold began: `asked`, or the outcome of the attempt that began it.
    pub held_reason: Option<String>,
    /// The status of that attempt.
    pub held_status: Option<i32>,
    /// The error of that attempt.
    pub held_error: Option<String>,
    /// The latest warning since the subscription began to fail, as its number; 0 if there was none.
    pub warned: i32,
    /// The time since when deliveries are kept; `None` while they are sent.
    pub paused_at: Option<i64>,
    /// The most deliveries in a period, such as `10/s`; `None` sets no limit.
    pub rate: Option<String>,
    /// The most requests under way at once, over all workers; `None` sets no limit.
    pub max_in_flight: Option<i32>,
    /// The host of the URL if the subscription counts as one of its owner's; `None` for global, configured and deleted
    /// ones.
    pub counted_host: Option<String>,
    /// The protocol of the deliveries.
    pub dialect: String,
    /// The topic of a hub's subscription; `None` for all others.
    pub topic_id: Option<Uuid>,
    /// The URL of the topic as the subscriber gave it.
    pub topic_given: Option<String>,
    /// When the subscription ends; `None` for one without a lease.
    pub expires_at: Option<i64>,
    /// When the hub asks the subscriber whether the lease goes on; `None` if it doesn't ask.
    pub renew_at: Option<i64>,
    /// The text that the hub's subscriber gets back when it is asked, encrypted like the secret.
    pub verify_token: Option<String>,
    /// Whether the endpoint wants the deliveries: `pending`, `confirmed`, or `refused` and an outcome; `None` if it needn't
    /// say so.
    pub confirmation: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The only row of `thorn_registry`: the version of the registry.
///
/// Every change of a subscription increments the version in the same transaction. The lock on this row makes
/// versions visible in order.
pub mod registry {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "thorn_registry")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub version: i64,
        /// The key with which tasks of the queue are authenticated: 32 bytes in base64. `None` until a worker starts.
        pub task_key: Option<String>,
        /// The highest version of a row that was purged; 0 if none was. A registry that hasn't reached it may have missed
        /// the deletion.
        pub purged_version: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
