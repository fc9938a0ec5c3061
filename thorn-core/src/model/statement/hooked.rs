//! Statements that also run the entity's own hooks.
//!
//! The hooks are those of the user's `impl ActiveModelBehavior`. Thorn's hooks don't run a second time, because the
//! statements write the events of their rows themselves.
//!
//! The work in the transaction is boxed. Hooks may run statements with hooks, and the futures of both inside each
//! other would need much of the stack.

mod delete_many;
mod insert;
mod insert_many;
mod insertion;
mod refusal;
mod try_insert;
mod update_many;
mod update_rows;

/// A statement that runs the entity's own hooks for each of its rows. `with_hooks()` of a builder returns it.
///
/// It calls the methods of the entity's `impl ActiveModelBehavior` that a method of the `ActiveModel` would call for
/// the same row. The statement, the hooks and the events are in one transaction. An error of a hook rolls all of it
/// back if thorn began the transaction. In a transaction of the caller, the caller rolls back.
///
/// | statement | before | after |
/// |---|---|---|
/// | [`Insert`](super::Insert), [`InsertMany`](super::InsertMany), [`TryInsert`](super::TryInsert) | `before_save(row, db, true)` for each row to insert | `after_save(model, db, true)` for each inserted row, `after_save(model, db, false)` for each row that `on_conflict` updated, none for a row that a conflict left alone |
/// | [`UpdateMany`](super::UpdateMany) | `before_save(row, db, false)` for each matching row | `after_save(model, db, false)` |
/// | [`DeleteMany`](super::DeleteMany) | `before_delete(row, db)` for each matching row | `after_delete(row, db)`, with what `before_delete` returned |
///
/// An event has the row that `after_save` returned, and so have the results of `exec_with_returning`, which returns
/// rows on every database.
///
/// For one row, `row.update(db)` and `row.delete(db)` run the hooks anyway.
///
/// # Examples
///
/// ```
/// use sea_orm::{ActiveModelTrait, DatabaseConnection, DbErr};
/// use thorn_core::model::{HookedBehavior, WebhookModel, statement::{Hooked, InsertMany}};
///
/// /// In an application, `insert` is `article::Entity::insert_many(rows).with_hooks()`.
/// async fn import<A>(insert: Hooked<InsertMany<A>>, db: &DatabaseConnection) -> Result<usize, DbErr>
/// where
///     A: HookedBehavior,
///     A::Entity: WebhookModel,
/// {
///     Ok(insert.exec_with_returning(db).await?.len())
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a statement does nothing until it is executed"]
pub struct Hooked<S>(S);
