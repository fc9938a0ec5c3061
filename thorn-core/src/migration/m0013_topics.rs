//! The hub's topics, and when a delivery of a topic is under way to a subscription.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::m0001_tables::{add_column, create_index, create_tables, drop_tables, required};

pub(super) struct Migration;

const TOPIC: &str = "thorn_topic";
const DUE: &str = "thorn_topic_due";
const SUBSCRIPTION: &str = "thorn_subscription";
const SENDING_UNTIL: &str = "sending_until";

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0013_topics"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_tables(manager, [topic()]).await?;
        let mut sql = format!("CREATE INDEX {DUE} ON {TOPIC} (due_at)");
        if manager.get_database_backend() != DbBackend::MySql {
            sql.push_str(" WHERE due_at IS NOT NULL");
        }
        create_index(manager, TOPIC, DUE, &sql).await?;
        add_column(manager, SUBSCRIPTION, ColumnDef::new(SENDING_UNTIL).big_integer()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_tables(manager, [TOPIC]).await?;
        manager.alter_table(Table::alter().table(SUBSCRIPTION).drop_column(SENDING_UNTIL).to_owned()).await
    }
}

fn topic() -> TableCreateStatement {
    Table::create()
        .table(TOPIC)
        .col(required("id").uuid().primary_key())
        .col(required("url").string_len(2048))
        // A hash of the URL in its normal spelling. No database indexes the whole URL.
        .col(required("url_hash").string_len(64).unique_key())
        .col(ColumnDef::new("owner").string_len(190))
        // Whether somebody made the row. Otherwise a subscription did.
        .col(required("registered").boolean())
        // The hub's URL, as its server says it.
        .col(required("hub_url").string_len(2048))
        // The hub and the topic, as the topic advertises them.
        .col(ColumnDef::new("advertised_hub").string_len(2048))
        .col(ColumnDef::new("advertised_self").string_len(2048))
        .col(ColumnDef::new("media_type").string_len(255))
        .col(ColumnDef::new("etag").string_len(255))
        .col(ColumnDef::new("last_modified").string_len(255))
        .col(ColumnDef::new("body_hash").string_len(64))
        // The event of the newest version. Older versions aren't sent any more.
        .col(ColumnDef::new("latest_event").uuid())
        .col(required("created_at").big_integer())
        .col(required("wanted_at").big_integer())
        // The number of pings tells a fetch whether another one came while it ran.
        .col(required("pings").big_integer())
        .col(ColumnDef::new("pinged_at").big_integer())
        .col(ColumnDef::new("fetched_at").big_integer())
        .col(ColumnDef::new("fetch_until").big_integer())
        .col(required("failures").integer())
        .col(ColumnDef::new("due_at").big_integer())
        .to_owned()
}
