//! Figures: the sums of each subscription's attempts, the workers that are alive and what they divide among them, and an
//! index of dead deliveries.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::{
    m0001_tables::{add_column, create_index, create_tables, drop_tables, required},
    m0002_options::drop_index,
};

pub(super) struct Migration;

const TALLY: &str = "thorn_tally";
const TALLY_AGE: &str = "thorn_tally_age";
const WORKER: &str = "thorn_worker";
const SUBSCRIPTION: &str = "thorn_subscription";
const MAX_IN_FLIGHT: &str = "max_in_flight";
const DELIVERY: &str = "thorn_delivery";
const DEAD: &str = "thorn_delivery_dead";

/// The number of attempts that were accepted and that failed, of deliveries that were given up, and of attempts by the
/// milliseconds that they took.
const COUNTERS: [&str; 15] = [
    "delivered",
    "failed",
    "dead",
    "ms_5",
    "ms_10",
    "ms_25",
    "ms_50",
    "ms_100",
    "ms_250",
    "ms_500",
    "ms_1000",
    "ms_2500",
    "ms_5000",
    "ms_15000",
    "ms_more",
];

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0012_tallies"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        add_column(manager, SUBSCRIPTION, ColumnDef::new(MAX_IN_FLIGHT).integer()).await?;
        let backend = manager.get_database_backend();
        create_tables(manager, [tally(), worker()]).await?;
        let sql = format!("CREATE INDEX {TALLY_AGE} ON {TALLY} (minutes, bucket, subscription_id)");
        create_index(manager, TALLY, TALLY_AGE, &sql).await?;
        // MySQL has no partial index, and an index of all states would cost every delivery.
        if backend != DbBackend::MySql {
            let sql = format!("CREATE INDEX {DEAD} ON {DELIVERY} (subscription_id, id) WHERE state = 'dead'");
            create_index(manager, DELIVERY, DEAD, &sql).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, DELIVERY, DEAD).await?;
        drop_tables(manager, [WORKER, TALLY]).await?;
        manager.alter_table(Table::alter().table(SUBSCRIPTION).drop_column(MAX_IN_FLIGHT).to_owned()).await
    }
}

/// The sums of attempts in one period. The nil id stands for all subscriptions together.
fn tally() -> TableCreateStatement {
    let mut table = Table::create();
    table
        .table(TALLY)
        .col(required("subscription_id").uuid())
        // When the period begins.
        .col(required("bucket").big_integer())
        // The length of the period.
        .col(required("minutes").integer());
    for counter in COUNTERS {
        table.col(required(counter).integer());
    }
    table
        .col(ColumnDef::new("delivered_at").big_integer())
        .col(ColumnDef::new("failed_at").big_integer())
        .col(ColumnDef::new("failed_status").integer())
        .col(ColumnDef::new("failed_error").string_len(190))
        .primary_key(Index::create().col("subscription_id").col("bucket").col("minutes"))
        .to_owned()
}

/// The workers that run. Times are by the database's clock.
fn worker() -> TableCreateStatement {
    Table::create()
        .table(WORKER)
        .col(required("id").uuid().primary_key())
        .col(required("name").string_len(190))
        .col(required("version").string_len(32))
        .col(required("started_at").big_integer())
        .col(required("seen_at").big_integer())
        // Until when the others count it as alive if it isn't seen again.
        .col(required("live_until").big_integer())
        // How far its clock is ahead of the database's.
        .col(required("clock_ms").big_integer())
        // A hash of the ids of the workers that it counts as alive.
        .col(required("view").big_integer())
        .to_owned()
}
