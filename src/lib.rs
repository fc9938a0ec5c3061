//! facade
pub use thorn_core::{
    AutocommitPolicy, Config, ConfigError, DeliveryId, Error, EventId, SubscriptionId, Thorn, ThornBuilder, Timestamp,
    connect, delivery, event, history, migration, outbox, record, subscription, worker,
};
