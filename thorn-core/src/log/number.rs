//! Gives committed events their positions.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect, Statement, Value,
    prelude::Uuid,
    sea_query::{Expr, LockType},
};

use crate::{
    db::{plan_anew, statement, transaction},
    error::Error,
    tables::log::{self, event},
};

/// The most events of one batch.
pub(crate) const BATCH: u64 = 1000;

/// Events that one statement numbers on MySQL, where each row looks its position up in a list.
const MYSQL_CHUNK: usize = 100;

/// Numbers a batch of committed events, and returns how many.
///
/// The lock on the row of `thorn_log` is held until the commit. So positions become visible in their order: once a
/// position is visible, no smaller one appears. Any number of processes may call this at once.
pub(crate) async fn number(db: &DatabaseConnection) -> Result<u64, Error> {
    // Most calls find nothing, and on SQLite the lock would hold up every writer.
    if unnumbered(1).one(db).await?.is_none() {
        return Ok(0);
    }
    let txn = transaction::begin(db).await?;
    let Some(last) = last_position(&txn).await? else { return Ok(0) };
    let numbered = match txn.get_database_backend() {
        DbBackend::Sqlite => number_in_one_statement(&txn, last).await?,
        backend => {
            // The read comes after the lock and waits for nobody: a row of an open transaction isn't visible.
            let ids: Vec<Uuid> = unnumbered(BATCH).all(&txn).await?;
            plan_anew(&txn).await?;
            for statement in updates(backend, &ids, last) {
                txn.execute_raw(statement).await?;
            }
            ids.len() as u64
        }
    };
    if numbered > 0 {
        note_last(&txn, last + i64::try_from(numbered).unwrap_or(i64::MAX)).await?;
    }
    txn.commit().await?;
    Ok(numbered)
}

/// The last position, with the lock that all who number or delete events take. `None` while the log is off.
pub(super) async fn last_position(txn: &DatabaseTransaction) -> Result<Option<i64>, Error> {
    let row = log::Entity::find_by_id(1);
    let row = match txn.get_database_backend() {
        // The transaction is the only one that writes.
        DbBackend::Sqlite => row,
        _ => row.lock(LockType::Update),
    };
    Ok(row.one(txn).await?.map(|row| row.last_position))
}

fn unnumbered(limit: u64) -> sea_orm::Selector<sea_orm::SelectGetableTuple<Uuid>> {
    event::Entity::find()
        .select_only()
        .column(event::Column::Id)
        .filter(event::Column::Position.is_null())
        .order_by_asc(event::Column::Id)
        .limit(limit)
        .into_tuple()
}

/// On SQLite nobody else writes meanwhile, so the statement itself can count.
async fn number_in_one_statement(txn: &DatabaseTransaction, last: i64) -> Result<u64, Error> {
    let sql = format!(
        "UPDATE thorn_event SET position = ? + numbered.place FROM \
         (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS place FROM \
         (SELECT id FROM thorn_event WHERE position IS NULL ORDER BY id LIMIT {BATCH})) AS numbered \
         WHERE thorn_event.id = numbered.id"
    );
    let done = txn.execute_raw(statement(DbBackend::Sqlite, &sql, [last.into()])).await?;
    Ok(done.rows_affected())
}

/// The statements that give these events the positions after `last`, in this order.
fn updates(backend: DbBackend, ids: &[Uuid], last: i64) -> Vec<Statement> {
    let numbered: Vec<(Uuid, i64)> = ids.iter().copied().zip(last + 1..).collect();
    if numbered.is_empty() {
        return Vec::new();
    }
    if backend == DbBackend::Postgres {
        let sql = "UPDATE thorn_event SET position = numbered.position FROM \
                   (SELECT unnest(?::uuid[]) AS id, unnest(?::bigint[]) AS position) AS numbered \
                   WHERE thorn_event.id = numbered.id";
        let (ids, positions): (Vec<Uuid>, Vec<i64>) = numbered.into_iter().unzip();
        return vec![statement(backend, sql, [Value::from(ids), Value::from(positions)])];
    }
    let chunk = |chunk: &[(Uuid, i64)]| {
        let cases = " WHEN ? THEN ?".repeat(chunk.len());
        let places = vec!["?"; chunk.len()].join(", ");
        let sql = format!("UPDATE thorn_event SET position = CASE id{cases} END WHERE id IN ({places})");
        let pairs = chunk.iter().flat_map(|(id, position)| [Value::from(*id), Value::from(*position)]);
        let ids = chunk.iter().map(|(id, _)| Value::from(*id));
        statement(backend, &sql, pairs.chain(ids))
    };
    numbered.chunks(MYSQL_CHUNK).map(chunk).collect()
}

async fn note_last(txn: &DatabaseTransaction, last: i64) -> Result<(), Error> {
    log::Entity::update_many()
        .col_expr(log::Column::LastPosition, Expr::value(last))
        .filter(log::Column::Id.eq(1))
        .exec(txn)
        .await?;
    if txn.get_database_backend() == DbBackend::Postgres {
        // Reaches every process, once this commit is visible.
        txn.execute_unprepared("SELECT pg_notify('thorn_log', '')").await?;
    }
    Ok(())
}
