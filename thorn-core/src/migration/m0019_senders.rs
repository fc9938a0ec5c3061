//! The order of the events that wait for a relay: by sender, so that each sender's backlog can be passed over.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

use super::m0002_options::replace_unrelayed;

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "thorn_m0019_senders"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // The events without a sender come first on every database. One index is enough: a further one would cost each event.
        let sql = match manager.get_database_backend() {
            DbBackend::MySql => {
                "CREATE INDEX thorn_event_unrelayed ON thorn_event (relayed_at, dispatcher, sender, id)"
            }
            DbBackend::Postgres => {
                "CREATE INDEX thorn_event_unrelayed ON thorn_event (sender NULLS FIRST, id) \
                 WHERE relayed_at IS NULL AND dispatcher IS NULL"
            }
            _ => {
                "CREATE INDEX thorn_event_unrelayed ON thorn_event (sender, id) \
                 WHERE relayed_at IS NULL AND dispatcher IS NULL"
            }
        };
        replace_unrelayed(manager, sql).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = match manager.get_database_backend() {
            DbBackend::MySql => "CREATE INDEX thorn_event_unrelayed ON thorn_event (relayed_at, dispatcher, id)",
            _ => {
                "CREATE INDEX thorn_event_unrelayed ON thorn_event (id) WHERE relayed_at IS NULL AND dispatcher IS NULL"
            }
        };
        replace_unrelayed(manager, sql).await
    }
}
