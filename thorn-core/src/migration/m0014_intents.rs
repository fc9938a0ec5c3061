//! The hub's subscribers: what they have asked for and haven't confirmed, and the topics and leases of their subscriptions.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::{
    m0001_tables::{add_column, create_index, create_tables, drop_tables, long_text, required},
    m0002_options::drop_index,
};

pub(super) struct Migration;

const SUBSCRIPTION: &str = "thorn_subscription";
const DIALECT: &str = "dialect";
const TOPIC_ID: &str = "topic_id";
const TOPIC_GIVEN: &str = "topic_given";
const EXPIRES_AT: &str = "expires_at";
const RENEW_AT: &str = "renew_at";
const VERIFY_TOKEN: &str = "verify_token";
const LEASES: &str = "thorn_subscription_lease";
const RENEWALS: &str = "thorn_subscription_renewal";
const TOPICS: &str = "thorn_subscription_topic";

const INTENT: &str = "thorn_intent";
const DUE: &str = "thorn_intent_due";
const HOST: &str = "thorn_intent_host";
const ADDRESS: &str = "thorn_intent_address";
const CALLBACK: &str = "thorn_callback_host";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0014_intents"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let backend = manager.get_database_backend();
        // No database rewrites the table for a new column with a constant default.
        add_column(manager, SUBSCRIPTION, required(DIALECT).string_len(32).default("thorn")).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(TOPIC_ID).uuid()).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(TOPIC_GIVEN).string_len(2048)).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(EXPIRES_AT).big_integer()).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(RENEW_AT).big_integer()).await?;
        add_column(manager, SUBSCRIPTION, &mut long_text(ColumnDef::new(VERIFY_TOKEN), backend)).await?;
        // Only subscriptions of the hub have leases and topics.
        for (name, column) in [(LEASES, EXPIRES_AT), (RENEWALS, RENEW_AT), (TOPICS, TOPIC_ID)] {
            let mut sql = format!("CREATE INDEX {name} ON {SUBSCRIPTION} ({column})");
            if backend != DbBackend::MySql {
                sql = format!("{sql} WHERE {column} IS NOT NULL");
            }
            create_index(manager, SUBSCRIPTION, name, &sql).await?;
        }
        create_tables(manager, [intent(backend), callback_host(backend)]).await?;
        create_index(manager, INTENT, DUE, &format!("CREATE INDEX {DUE} ON {INTENT} (due)")).await?;
        create_index(manager, INTENT, HOST, &format!("CREATE INDEX {HOST} ON {INTENT} (host)")).await?;
        create_index(manager, INTENT, ADDRESS, &format!("CREATE INDEX {ADDRESS} ON {INTENT} (address)")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, [CALLBACK, INTENT]).await?;
        for name in [TOPICS, RENEWALS, LEASES] {
            drop_index(manager, SUBSCRIPTION, name).await?;
        }
        for column in [VERIFY_TOKEN, RENEW_AT, EXPIRES_AT, TOPIC_GIVEN, TOPIC_ID, DIALECT] {
            manager.alter_table(Table::alter().table(SUBSCRIPTION).drop_column(column).to_owned()).await?;
        }
        Ok(())
    }
}

/// Requests that callbacks haven't confirmed, and denials that the hub has yet to send.
fn intent(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table(INTENT)
        .col(required("id").uuid().primary_key())
        // The newest request for a topic and a callback replaces the one before.
        .col(required("subscription_id").uuid().unique_key())
        .col(required("mode").string_len(16))
        .col(required("dialect").string_len(16))
        .col(required("topic").string_len(2048))
        .col(required("callback").string_len(2048))
        .col(required("host").string_len(190))
        .col(required("address").string_len(64))
        .col(required("digest").string_len(16))
        .col(long_text(required("secret"), backend))
        .col(required("lease").big_integer())
        .col(long_text(ColumnDef::new(VERIFY_TOKEN), backend))
        .col(ColumnDef::new("reason").string_len(190))
        .col(required("attempts").integer())
        .col(required("created_at").big_integer())
        .col(required("due").big_integer())
        .to_owned()
}

/// How a host of callbacks has been asked lately, and how it has answered.
fn callback_host(backend: DbBackend) -> TableCreateStatement {
    Table::create()
        .table(CALLBACK)
        .col(required("host").string_len(190).primary_key())
        // The times of the latest requests, between spaces.
        .col(long_text(required("asked"), backend))
        .col(required("failures").integer())
        .col(ColumnDef::new("put_off_until").big_integer())
        .col(required("updated_at").big_integer())
        .to_owned()
}
