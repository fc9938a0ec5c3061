//! How often hosts of callbacks are asked, and how they have answered. All processes count together.

use std::time::Duration;

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter,
    QuerySelect, sea_query::Expr,
};

use crate::{
    db::{statement, transaction},
    error::Error,
    spec::derived,
    tables::intent::callback_host::{Column, Entity, Model},
    timestamp::Timestamp,
};

/// The time over which requests to a host are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// The time for which a host is put off that fails all the time.
const PUT_OFF: Duration = Duration::from_secs(60 * 60);

/// Rows that are deleted at once.
const ROWS: u64 = 500;

/// The bounds on the requests to one host of callbacks. `None` is no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HostRates {
    /// Requests in a minute.
    pub(crate) per_minute: Option<u32>,
    /// Failed verifications in a row before the host is put off.
    pub(crate) failures: Option<u32>,
}

/// The key by which questions to an owner's endpoints at a host are counted. So nobody uses up the questions of somebody
/// else's endpoints at the host of one provider.
pub(crate) fn of_owner(owner: &str, host: &str) -> String {
    derived("owner's host", &[owner, host]).to_string()
}

/// Counts a request to these hosts and addresses. Returns how long the caller should wait if there are too many or if one
/// is put off; then the caller rolls back.
pub(crate) async fn admit(
    txn: &DatabaseTransaction,
    hosts: &[&str],
    rates: HostRates,
    now: Timestamp,
) -> Result<Result<(), Duration>, Error> {
    // All processes lock the rows in the same order, so that none waits for another for ever.
    let mut hosts = hosts.to_vec();
    hosts.sort_unstable();
    hosts.dedup();
    for host in hosts {
        let row = locked(txn, host, now).await?;
        let wait = |until: i64| Duration::from_millis(u64::try_from(until - now.as_millis()).unwrap_or(0));
        if let Some(until) = row.put_off_until.filter(|until| *until > now.as_millis()) {
            return Ok(Err(wait(until)));
        }
        let Some(most) = rates.per_minute else { continue };
        let mut asked = times(&row.asked);
        asked.retain(|time| *time > (now - MINUTE).as_millis());
        if let Some(first) = asked.iter().rev().nth((most as usize).saturating_sub(1)) {
            return Ok(Err(wait(*first + i64::try_from(MINUTE.as_millis()).unwrap_or(i64::MAX))));
        }
        asked.push(now.as_millis());
        let asked: Vec<String> = asked.iter().map(ToString::to_string).collect();
        Entity::update_many()
            .col_expr(Column::Asked, Expr::value(asked.join(" ")))
            .filter(Column::Host.eq(host))
            .exec(txn)
            .await?;
    }
    Ok(Ok(()))
}

fn times(text: &str) -> Vec<i64> {
    text.split_whitespace().filter_map(|time| time.parse().ok()).collect()
}

/// The row of a host, which is locked until the transaction ends.
async fn locked(txn: &DatabaseTransaction, host: &str, now: Timestamp) -> Result<Model, Error> {
    let backend = txn.get_database_backend();
    let conflict = match backend {
        sea_orm::DbBackend::MySql => "ON DUPLICATE KEY UPDATE updated_at = VALUES(updated_at)",
        _ => "ON CONFLICT (host) DO UPDATE SET updated_at = excluded.updated_at",
    };
    let sql =
        format!("INSERT INTO thorn_callback_host (host, asked, failures, updated_at) VALUES (?, '', 0, ?) {conflict}");
    txn.execute_raw(statement(backend, &sql, [host.into(), now.as_millis().into()])).await?;
    let row = Entity::find_by_id(host).all(txn).await?.pop();
    row.ok_or_else(|| sea_orm::DbErr::RecordNotFound("the row of a callback's host".to_owned()).into())
}

/// Notes that a verification at this host has succeeded.
pub(crate) async fn note_success(db: &DatabaseConnection, host: &str) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Failures, Expr::value(0))
        .filter(Column::Host.eq(host))
        .filter(Column::Failures.gt(0))
        .exec(db)
        .await?;
    Ok(())
}

/// Notes that a verification at this host has failed. After too many in a row, the host is put off for an hour.
pub(crate) async fn note_failure(
    db: &DatabaseConnection,
    host: &str,
    rates: HostRates,
    now: Timestamp,
) -> Result<(), Error> {
    let Some(most) = rates.failures else { return Ok(()) };
    let txn = transaction::begin(db).await?;
    let failures = locked(&txn, host, now).await?.failures.saturating_add(1);
    let is_put_off = i64::from(failures) >= i64::from(most);
    let mut note = Entity::update_many()
        .col_expr(Column::Failures, Expr::value(if is_put_off { 0 } else { failures }))
        .filter(Column::Host.eq(host));
    if is_put_off {
        note = note.col_expr(Column::PutOffUntil, Expr::value((now + PUT_OFF).as_millis()));
        tracing::info!(host, failures, "requests for callbacks of a host are put off");
    }
    note.exec(&txn).await?;
    txn.commit().await?;
    Ok(())
}

/// Deletes rows of hosts that haven't been asked for an hour, a bounded number.
pub(crate) async fn forget_quiet(db: &DatabaseConnection, now: Timestamp) -> Result<(), Error> {
    let is_over = Condition::any().add(Column::PutOffUntil.is_null()).add(Column::PutOffUntil.lte(now.as_millis()));
    let is_quiet = Column::UpdatedAt.lte((now - PUT_OFF).as_millis());
    let quiet = Entity::find().select_only().column(Column::Host).filter(is_quiet.clone()).filter(is_over.clone());
    let hosts: Vec<String> = quiet.limit(ROWS).into_tuple().all(db).await?;
    if !hosts.is_empty() {
        // A row may have been used since.
        let deletion = Entity::delete_many().filter(Column::Host.is_in(hosts)).filter(is_quiet).filter(is_over);
        deletion.exec(db).await?;
    }
    Ok(())
}
