//! Refuses a save that would commit the row and its event separately.

use std::any::{TypeId, type_name};

use sea_orm::{DatabaseTransaction, DbErr, EntityTrait};

use crate::process::{self, AutocommitPolicy};

/// Whether a connection of this type is a transaction.
// `std::any` needs `'static`, which the `C` of SeaORM's hooks isn't.
pub(super) fn in_transaction<C>() -> bool {
    typeid::of::<C>() == TypeId::of::<DatabaseTransaction>()
}

/// Applies the [`AutocommitPolicy`] to a save on a connection of this type.
pub(super) fn check<E: EntityTrait, C>() -> Result<(), DbErr> {
    if in_transaction::<C>() {
        return Ok(());
    }
    let refusal = || {
        format!(
            "thorn: a row of `{}` would be saved through `{}`, outside a transaction, so the row and its event \
             would be committed separately. Call the method of the concrete ActiveModel or Model, which opens a \
             transaction, or pass a `&DatabaseTransaction` (`db.begin()`). `AutocommitPolicy` can allow it.",
            E::default().table_name(),
            type_name::<C>()
        )
    };
    match process::settings().autocommit {
        AutocommitPolicy::Deny => Err(DbErr::Custom(refusal())),
        AutocommitPolicy::Warn => {
            tracing::warn!("{}", refusal());
            Ok(())
        }
        AutocommitPolicy::Allow => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::DatabaseConnection;

    use super::{AutocommitPolicy, DatabaseTransaction, check, process};
    use crate::{process::EventSettings, tables::event::Entity};

    #[test]
    fn the_policy_decides_about_saves_outside_a_transaction() {
        for (autocommit, goes_on) in
            [(AutocommitPolicy::Warn, true), (AutocommitPolicy::Allow, true), (AutocommitPolicy::Deny, false)]
        {
            process::set_settings(EventSettings { autocommit, ..EventSettings::default() });
            assert_eq!(check::<Entity, DatabaseConnection>().is_ok(), goes_on, "{autocommit:?}");
            assert!(check::<Entity, DatabaseTransaction>().is_ok());
        }
    }
}
