//! Errors of statements that can't run an entity's own hooks.

use sea_orm::{ActiveModelTrait, DbErr, EntityName, sea_query::ValueTuple};

/// The refusal of a statement whose rows only its SQL tells.
pub(super) fn unknown_rows<E: EntityName>() -> DbErr {
    DbErr::Custom(format!(
        "thorn: a statement with `with_hooks()` on `{}` was changed through `query()` or made by `announced`, so \
         thorn can't tell before it runs for which rows the hooks must run. Use the builder's own methods, such as \
         `filter` and `on_conflict`, or leave out `with_hooks()`.",
        E::default().table_name()
    ))
}

/// The refusal of a connection without savepoints.
pub(super) fn no_transaction<E: EntityName>() -> DbErr {
    DbErr::Custom(format!(
        "thorn: `update_many` with `with_hooks()` on `{}` needs a transaction, and thorn can't begin one on this \
         connection type. Pass a `&DatabaseConnection` or a `&DatabaseTransaction`.",
        E::default().table_name()
    ))
}

/// The error for a row that the statement wrote although it wasn't there when the hooks ran.
pub(super) fn row_without_hook<E: EntityName>() -> DbErr {
    DbErr::Custom(format!(
        "thorn: `update_many` with `with_hooks()` on `{}` matched a row that another transaction committed while the \
         hooks ran. Run it again.",
        E::default().table_name()
    ))
}

/// Refuses a row to which a hook gave another primary key. The statement has the keys of the rows it read.
pub(super) fn keep_key<A: ActiveModelTrait>(hook: &str, row: &A, key: &ValueTuple) -> Result<(), DbErr> {
    if row.get_primary_key_value().as_ref() == Some(key) {
        return Ok(());
    }
    Err(DbErr::Custom(format!(
        "thorn: `{hook}` of `{}` changed the primary key of a row, which a statement with `with_hooks()` doesn't \
         allow. Leave the key as it is, or use `col_expr` to change it.",
        <A::Entity as Default>::default().table_name()
    )))
}
