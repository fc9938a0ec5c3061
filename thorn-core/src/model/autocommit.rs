//! Refuses a write that would commit the row and its event separately.

mod call_site;

use std::{any::type_name, panic::Location};

use sea_orm::{ConnectionTrait, DbErr, EntityTrait};

use crate::{
    db::Concrete,
    process::{self, AutocommitPolicy},
};

/// Applies the [`AutocommitPolicy`] to a hook on this connection. SeaORM's own methods call the hooks, so only the
/// stack can tell which line of the application called them.
pub(super) fn check<E: EntityTrait, C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    if Concrete::of(db).is_transaction() {
        return Ok(());
    }
    decide::<E, C>(call_site::outside_sea_orm)
}

/// Applies the [`AutocommitPolicy`] to a call on a connection in which thorn can't begin a transaction.
pub(super) fn check_foreign<E: EntityTrait, C>(caller: &Location<'_>) -> Result<(), DbErr> {
    decide::<E, C>(|| Some(caller.to_string()))
}

fn decide<E: EntityTrait, C>(line: impl FnOnce() -> Option<String>) -> Result<(), DbErr> {
    match process::settings().autocommit {
        AutocommitPolicy::Deny => Err(DbErr::Custom(refusal::<E, C>(line()))),
        AutocommitPolicy::Warn => {
            tracing::warn!("{}", refusal::<E, C>(line()));
            Ok(())
        }
        AutocommitPolicy::Allow => Ok(()),
    }
}

fn refusal<E: EntityTrait, C>(line: Option<String>) -> String {
    let line = line.map(|line| format!(" at {line}")).unwrap_or_default();
    format!(
        "thorn: a row of `{table}` would be written through `{connection}`{line}, outside a transaction, so the row and \
         its event would be committed separately. Change that line: call the method of the concrete `Entity`, \
         `ActiveModel` or `Model` with a `&DatabaseConnection`, and it opens a transaction; or pass a \
         `&DatabaseTransaction` (`db.begin()`). `AutocommitPolicy` can allow it.",
        table = E::default().table_name(),
        connection = type_name::<C>(),
    )
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use sea_orm::{Database, TransactionTrait};

    use super::{AutocommitPolicy, check, process};
    use crate::{process::EventSettings, tables::event::Entity};

    #[tokio::test]
    async fn the_policy_decides_about_saves_outside_a_transaction() {
        let pool = Database::connect("sqlite::memory:").await.unwrap();
        let transaction = pool.begin().await.unwrap();
        for (autocommit, goes_on) in
            [(AutocommitPolicy::Warn, true), (AutocommitPolicy::Allow, true), (AutocommitPolicy::Deny, false)]
        {
            process::set_settings(EventSettings { autocommit, ..EventSettings::default() });
            assert_eq!(check::<Entity, _>(&pool).is_ok(), goes_on, "{autocommit:?}");
            assert!(check::<Entity, _>(&transaction).is_ok());
        }
    }
}
