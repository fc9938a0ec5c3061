//! The rows and the statement inside every INSERT builder, and how the statement runs.

use std::sync::OnceLock;

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, FromQueryResult, Insert, InsertMany,
    Iterable, PrimaryKeyToColumn, QueryResult, QueryTrait,
    sea_query::{Expr, InsertStatement, OnConflict, Query},
};

use super::{
    answer::Answer,
    rehearsal::{Before, rehearsed},
    row_by_row::insert_each,
};
use crate::model::{
    announce::{Written, announce, needs_rows},
    change::Op,
    junction::{lock_owners_of, values_of},
    webhook_model::{WebhookModel, needs_old_row},
};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
type Column<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Column;

/// Rows to insert. SeaORM makes the statement of them, when it is asked for or executed.
#[derive(Debug)]
pub(super) struct Insertion<A: ActiveModelTrait> {
    rows: Vec<A>,
    /// Whether the rows came from `insert_many`, which aligns their columns.
    is_many: bool,
    on_conflict: Option<OnConflict>,
    /// The statement that the application asked for and may have changed, so that it may differ from the rows.
    own: Option<InsertStatement>,
    /// The statement that the application looked at.
    shown: OnceLock<InsertStatement>,
}

impl<A: ActiveModelTrait> Insertion<A> {
    pub(super) fn one(row: A) -> Self {
        Self::of(vec![row], false)
    }

    pub(super) fn many(rows: impl IntoIterator<Item = A>) -> Self {
        Self::of(rows.into_iter().collect(), true)
    }

    fn of(rows: Vec<A>, is_many: bool) -> Self {
        Self { rows, is_many, on_conflict: None, own: None, shown: OnceLock::new() }
    }

    /// An insertion of which only the statement is known.
    pub(super) fn of_statement(statement: InsertStatement) -> Self {
        Self { own: Some(statement), ..Self::of(Vec::new(), false) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.own.is_none()
    }

    /// The rows, for hooks to change. `None` if the application may have changed the statement instead.
    pub(super) fn rows_mut(&mut self) -> Option<&mut Vec<A>> {
        self.shown = OnceLock::new();
        self.own.is_none().then_some(&mut self.rows)
    }

    pub(super) fn on_conflict(&mut self, on_conflict: OnConflict) {
        if let Some(statement) = &mut self.own {
            statement.on_conflict(on_conflict.clone());
        }
        self.shown = OnceLock::new();
        self.on_conflict = Some(on_conflict);
    }

    /// Does nothing on a conflict of these columns. The primary key is what MySQL sets to itself instead.
    pub(super) fn do_nothing_on(&mut self, columns: impl IntoIterator<Item = Column<A>>) {
        let keys = <A::Entity as EntityTrait>::PrimaryKey::iter();
        self.on_conflict(OnConflict::columns(columns).do_nothing_on(keys).to_owned());
    }

    /// Does nothing on a conflict of the primary key.
    pub(super) fn do_nothing_on_primary_key(&mut self) {
        self.do_nothing_on(<A::Entity as EntityTrait>::PrimaryKey::iter().map(PrimaryKeyToColumn::into_column));
    }

    pub(super) fn statement(&self) -> &InsertStatement {
        let made = || statement(self.rows.clone(), self.is_many, self.on_conflict.clone());
        self.own.as_ref().unwrap_or_else(|| self.shown.get_or_init(made))
    }

    /// The statement for the application to change.
    pub(super) fn statement_mut(&mut self) -> &mut InsertStatement {
        self.own.get_or_insert_with(|| statement(self.rows.clone(), self.is_many, self.on_conflict.clone()))
    }

    pub(super) fn into_statement(self) -> InsertStatement {
        self.own.unwrap_or_else(|| statement(self.rows, self.is_many, self.on_conflict))
    }

    /// SeaORM's builder with this statement.
    pub(super) fn into_sea_orm(self) -> Insert<A> {
        // SeaORM takes from the last row the key that MySQL doesn't tell.
        let mut insert = Insert::one(self.rows.last().cloned().unwrap_or_else(<A as ActiveModelTrait>::default));
        *QueryTrait::query(&mut insert) = self.into_statement();
        insert
    }

    /// Whether the statement may update rows that exist.
    fn may_update(&self) -> bool {
        self.own.is_some() || self.on_conflict.as_ref().is_some_and(updates)
    }
}

impl<A> Insertion<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    /// Whether a row that this statement writes may be announced.
    pub(super) fn is_announced(&self) -> bool {
        needs_rows::<A::Entity>(Op::Create) || (self.may_update() && needs_rows::<A::Entity>(Op::Change))
    }

    /// Executes the statement, writes the events, and returns the database's answer.
    pub(super) async fn execute<C: ConnectionTrait>(self, db: &C) -> Result<Answer<A>, DbErr> {
        let (answer, written) = self.run(db).await?;
        announce::<A::Entity, C>(&written, db).await?;
        Ok(answer)
    }

    /// As [`execute`](Self::execute), but returns the rows that it wrote.
    pub(super) async fn execute_for_rows<C: ConnectionTrait>(self, db: &C) -> Result<Vec<Row<A>>, DbErr> {
        let (_, written) = self.run(db).await?;
        announce::<A::Entity, C>(&written, db).await?;
        Ok(written.into_iter().map(|row| row.new).collect())
    }

    /// Executes the statement, and returns the database's answer and the rows that it wrote.
    pub(super) async fn run<C: ConnectionTrait>(self, db: &C) -> Result<(Answer<A>, Vec<Written<Row<A>>>), DbErr> {
        if A::Entity::JUNCTION {
            lock_owners_of::<A::Entity, C>(|| self.rows.iter().map(values_of).collect(), db).await?;
        }
        if !db.support_returning() {
            if self.own.is_some() {
                return Err(changed_statement::<A::Entity>());
            }
            return insert_each(self.rows, self.is_many, self.on_conflict, db).await;
        }
        let backend = db.get_database_backend();
        let may_update = self.may_update();
        let mut statement = self.into_statement();
        let (rows, written) = if may_update {
            statement
                .returning(Query::returning().exprs(all_columns::<A::Entity>(backend).chain(was_created(backend))));
            let needs_old = needs_old_row::<A::Entity>() || backend != DbBackend::Postgres;
            let found = rehearsed::<A::Entity, _, C>(&statement, before::<A::Entity>, needs_old, db).await?;
            (found.rows, found.written)
        } else {
            statement.returning(Query::returning().exprs(all_columns::<A::Entity>(backend)));
            let rows = db.query_all(&statement).await?;
            let inserted = rows.iter().map(|row| Ok(Written::created(Row::<A>::from_query_result(row, "")?)));
            let inserted = inserted.collect::<Result<_, DbErr>>()?;
            (rows, inserted)
        };
        Ok((Answer::Rows { backend, rows }, written))
    }
}

fn statement<A: ActiveModelTrait>(mut rows: Vec<A>, is_many: bool, on_conflict: Option<OnConflict>) -> InsertStatement {
    let mut statement = match rows.pop() {
        Some(row) if !is_many => Insert::one(row).into_query(),
        last => InsertMany::many(rows.into_iter().chain(last)).into_query(),
    };
    if let Some(on_conflict) = on_conflict {
        statement.on_conflict(on_conflict);
    }
    statement
}

/// The columns of a RETURNING, as SeaORM selects them.
pub(super) fn all_columns<E: EntityTrait>(backend: DbBackend) -> impl Iterator<Item = Expr> {
    E::Column::iter().map(move |column| column.select_as(column.into_returning_expr(backend)))
}

/// On PostgreSQL, an expression behind the columns that is true for a row that the statement inserted: ON CONFLICT
/// locks a row before it updates it, which sets `xmax`.
fn was_created(backend: DbBackend) -> Option<Expr> {
    (backend == DbBackend::Postgres).then(|| Expr::cust("(xmax = 0)"))
}

fn before<E: EntityTrait>(row: &QueryResult, backend: DbBackend) -> Result<Before, DbErr> {
    if backend != DbBackend::Postgres {
        return Ok(Before::Unknown);
    }
    let is_new: bool = row.try_get_by_index(E::Column::iter().count())?;
    Ok(if is_new { Before::None } else { Before::Some })
}

/// Whether a conflict updates the row that is there. Only the SQL tells.
fn updates(on_conflict: &OnConflict) -> bool {
    let mut statement = InsertStatement::new();
    statement.into_table("t").or_default_values().on_conflict(on_conflict.clone());
    statement.to_string(sea_orm::sea_query::SqliteQueryBuilder).contains(" DO UPDATE ")
}

/// The refusal of a statement whose rows can't be known, on a database that doesn't return them.
pub(super) fn changed_statement<E: EntityTrait>() -> DbErr {
    DbErr::Custom(format!(
        "thorn: a statement on `{}` was changed through `query()` or made without its rows, and this database has no \
         RETURNING, so thorn can't tell which rows it writes. Use the builder's methods, or wrap the call in \
         `thorn::without_events`.",
        E::default().table_name()
    ))
}

#[cfg(test)]
mod tests {
    use super::{OnConflict, updates};

    #[test]
    fn only_an_update_on_conflict_updates() {
        assert!(updates(OnConflict::column("a").update_column("b")));
        assert!(updates(OnConflict::new().value("b", 1)));
        assert!(!updates(OnConflict::column("a").do_nothing()));
        assert!(!updates(OnConflict::column("a").do_nothing_on(["id"])));
    }
}
