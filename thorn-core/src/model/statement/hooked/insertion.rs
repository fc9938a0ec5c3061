//! How an INSERT runs between the own hooks of its rows.

use std::mem;

use sea_orm::{ActiveModelTrait, ConnectionTrait, DbErr, EntityTrait};

use super::refusal::unknown_rows;
use crate::model::{
    announce::announce,
    change::Op,
    hooked_behavior::HookedBehavior,
    statement::{answer::Answer, insertion::Insertion},
    webhook_model::WebhookModel,
};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
/// The database's answer to an INSERT, and the rows.
type Outcome<A> = Result<(Answer<A>, Vec<Row<A>>), DbErr>;

impl<A> Insertion<A>
where
    A: HookedBehavior,
    A::Entity: WebhookModel,
{
    /// Executes the statement between the hooks, and writes the events. Returns the database's answer and the rows
    /// that were written, as the hooks returned them.
    pub(super) async fn execute_with_hooks<C>(mut self: Box<Self>, db: &C) -> Outcome<A>
    where
        C: ConnectionTrait,
    {
        let rows = self.rows_mut().ok_or_else(unknown_rows::<A::Entity>)?;
        for row in mem::take(rows) {
            rows.push(HookedBehavior::before_save(row, db, true).await?);
        }
        let (answer, mut written) = self.run(db).await?;
        for row in &mut written {
            // The event is about the row as the hook returns it, as after `row.insert(db)`.
            row.new = <A as HookedBehavior>::after_save(row.new.clone(), db, row.op == Op::Create).await?;
        }
        announce::<A::Entity, C>(&written, db).await?;
        Ok((answer, written.into_iter().map(|row| row.new).collect()))
    }
}
