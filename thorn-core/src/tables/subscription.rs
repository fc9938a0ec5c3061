//! The tables `thorn_subscription` and `thorn_registry`.

use sea_orm::entity::prelude::*;

use crate::db::read_in_order;

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

/// A row as the registry reads it, without the columns that the registry has no use for.
pub(crate) struct InOrder(pub(crate) Model);

read_in_order!(InOrder {
    Id => id,
    Owner => owner,
    Pattern => pattern,
    Url => url,
    Secret => secret,
    Digest => digest,
    ContentType => content_type,
    DisabledAt => disabled_at,
    CreatedAt => created_at,
    UpdatedAt => updated_at,
    DeletedAt => deleted_at,
    CreatedVersion => created_version,
    Version => version,
    Filter => filter,
    HearsVersion => hears_version,
    Headers => headers,
    Signer => signer,
    Source => source,
    FailingSince => failing_since,
    HeldUntil => held_until,
    HeldStep => held_step,
    ProbedUntil => probed_until,
    HeldSince => held_since,
    HeldReason => held_reason,
    HeldStatus => held_status,
    HeldError => held_error,
    Warned => warned,
    PausedAt => paused_at,
    Rate => rate,
    MaxInFlight => max_in_flight,
    Dialect => dialect,
    TopicId => topic_id,
    TopicGiven => topic_given,
    ExpiresAt => expires_at,
    RenewAt => renew_at,
    Confirmation => confirmation,
} without { disabled_reason, identity, counted_host, verify_token });

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

#[cfg(all(test, feature = "sqlite"))]
mod tests {
    use sea_orm::IntoActiveModel as _;

    use super::*;

    impl Model {
        /// A row in which no two columns that the registry reads have the same value.
        pub(crate) fn with_every_column() -> Self {
            Self {
                id: Uuid::new_v4(),
                owner: Some("owner".into()),
                pattern: "pattern".into(),
                url: "url".into(),
                secret: "secret".into(),
                digest: "digest".into(),
                content_type: "content_type".into(),
                disabled_at: Some(8),
                disabled_reason: None,
                identity: None,
                created_at: 11,
                updated_at: 12,
                deleted_at: Some(13),
                created_version: 14,
                version: 15,
                filter: Some("filter".into()),
                hears_version: 17,
                headers: Some("headers".into()),
                signer: "signer".into(),
                source: Some("source".into()),
                failing_since: Some(21),
                held_until: Some(22),
                held_step: 23,
                probed_until: Some(24),
                held_since: Some(25),
                held_reason: Some("held_reason".into()),
                held_status: Some(27),
                held_error: Some("held_error".into()),
                warned: 29,
                paused_at: Some(30),
                rate: Some("rate".into()),
                max_in_flight: Some(32),
                counted_host: None,
                dialect: "dialect".into(),
                topic_id: Some(Uuid::new_v4()),
                topic_given: Some("topic_given".into()),
                expires_at: Some(37),
                renew_at: Some(38),
                verify_token: None,
                confirmation: Some("confirmation".into()),
            }
        }
    }

    #[tokio::test]
    async fn each_column_is_read_into_its_field() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::db::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let row = Model::with_every_column();
        Entity::insert(row.clone().into_active_model()).exec_without_returning(&db).await.unwrap();
        assert_eq!(InOrder::of(Entity::find()).one(&db).await.unwrap().unwrap().0, row);
    }
}
