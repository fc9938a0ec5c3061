//! The tables `thorn_intent` and `thorn_callback_host`.

use sea_orm::entity::prelude::*;

/// A row of `thorn_intent`: what a subscriber has asked the hub for, or what the hub has yet to tell one.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "thorn_intent")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// The subscription that the topic and the callback have, or would have.
    #[sea_orm(unique)]
    pub subscription_id: Uuid,
    /// `subscribe`, `unsubscribe`, `renew` or `denied`.
    pub mode: String,
    pub dialect: String,
    /// The URL of the topic as the subscriber gave it.
    pub topic: String,
    /// The URL of the callback as the subscriber gave it.
    pub callback: String,
    /// The callback's host in its normal spelling.
    pub host: String,
    /// One of the addresses that the host had when the request came.
    pub address: String,
    /// The hash function of the subscription's signatures.
    pub digest: String,
    /// The subscription's secret, encrypted as in its row; empty if it has none.
    pub secret: String,
    /// The seconds of the lease.
    pub lease: i64,
    /// The text that the callback gets back, encrypted like the secret.
    pub verify_token: Option<String>,
    /// Why a subscription was ended.
    pub reason: Option<String>,
    /// How often the callback was asked.
    pub attempts: i32,
    pub created_at: i64,
    /// When the callback is asked next.
    pub due: i64,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub(crate) mod callback_host {
    use sea_orm::entity::prelude::*;

    /// A row of `thorn_callback_host`: how a host of callbacks has been asked lately, and how it has answered.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "thorn_callback_host")]
    pub struct Model {
        /// A host in its normal spelling, or an address.
        #[sea_orm(primary_key, auto_increment = false)]
        pub host: String,
        /// The times of the latest requests in milliseconds, between spaces.
        pub asked: String,
        /// How many verifications have failed in a row.
        pub failures: i32,
        /// Until when no request for the host is taken.
        pub put_off_until: Option<i64>,
        pub updated_at: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}
