//! The results of an INSERT, as SeaORM's own code makes them.
//!
//! SeaORM's result types have no public constructor, and their rules differ between databases. So thorn runs the
//! statement itself, and then has SeaORM's builder run on a connection that only repeats the answer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sea_orm::{
    ActiveModelTrait, ConnectionTrait, DbBackend, DbErr, EntityTrait, ExecResult, Insert, InsertResult,
    IntoActiveModel, PrimaryKeyTrait, QueryResult, Statement,
};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
type Key<A> = <<<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey as PrimaryKeyTrait>::ValueType;

/// The answer of the database to an INSERT.
pub(super) enum Answer<A: ActiveModelTrait> {
    /// The rows with all their columns.
    Rows { backend: DbBackend, rows: Vec<QueryResult> },
    /// SeaORM's result for the last row and the number of affected rows, on a database without RETURNING.
    Counted { last: Result<InsertResult<A>, DbErr>, affected: u64 },
}

impl<A: ActiveModelTrait> Answer<A> {
    pub(super) async fn last_insert_id(self) -> Result<InsertResult<A>, DbErr> {
        match self {
            Self::Rows { backend, rows } => any_insert::<A>().exec(&Repeating::rows(backend, rows)).await,
            Self::Counted { last, .. } => last,
        }
    }

    pub(super) fn affected(&self) -> u64 {
        match self {
            Self::Rows { rows, .. } => rows.len() as u64,
            Self::Counted { affected, .. } => *affected,
        }
    }

    /// The keys of the rows. Only a database with RETURNING gets here, because SeaORM refuses the call on others.
    pub(super) async fn keys(self) -> Result<Vec<Key<A>>, DbErr>
    where
        Row<A>: IntoActiveModel<A>,
    {
        let Self::Rows { backend, rows } = self else { return Ok(Vec::new()) };
        any_insert::<A>().exec_with_returning_keys(&Repeating::rows(backend, rows)).await
    }

    /// The row. A database without RETURNING is asked for it.
    pub(super) async fn row<C: ConnectionTrait>(self, db: &C) -> Result<Row<A>, DbErr>
    where
        Row<A>: IntoActiveModel<A>,
    {
        match self {
            Self::Rows { backend, rows } => {
                any_insert::<A>().exec_with_returning(&Repeating::rows(backend, rows)).await
            }
            Self::Counted { last, .. } => {
                let row = A::Entity::find_by_id(last?.last_insert_id).one(db).await?;
                row.ok_or_else(|| DbErr::RecordNotFound("Failed to find inserted item".to_owned()))
            }
        }
    }
}

/// SeaORM's result for this answer to the INSERT of a row, on a database without RETURNING.
pub(super) async fn result_of<A: ActiveModelTrait>(
    row: A,
    backend: DbBackend,
    answer: ExecResult,
) -> Result<InsertResult<A>, DbErr> {
    Insert::one(row).exec(&Repeating::result(backend, answer)).await
}

/// Some statement; which one doesn't matter to a connection that only repeats.
fn any_insert<A: ActiveModelTrait>() -> Insert<A> {
    Insert::one(<A as ActiveModelTrait>::default())
}

/// A connection that answers with what another one has answered.
struct Repeating {
    backend: DbBackend,
    returning: bool,
    rows: Mutex<Vec<QueryResult>>,
    result: Mutex<Option<ExecResult>>,
}

impl Repeating {
    fn rows(backend: DbBackend, rows: Vec<QueryResult>) -> Self {
        Self { backend, returning: true, rows: Mutex::new(rows), result: Mutex::default() }
    }

    fn result(backend: DbBackend, result: ExecResult) -> Self {
        Self { backend, returning: false, rows: Mutex::default(), result: Mutex::new(Some(result)) }
    }
}

fn locked<T>(answer: &Mutex<T>) -> MutexGuard<'_, T> {
    answer.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl ConnectionTrait for Repeating {
    fn get_database_backend(&self) -> DbBackend {
        self.backend
    }

    async fn execute_raw(&self, _statement: Statement) -> Result<ExecResult, DbErr> {
        locked(&self.result).take().ok_or(DbErr::RecordNotInserted)
    }

    async fn execute_unprepared(&self, _sql: &str) -> Result<ExecResult, DbErr> {
        locked(&self.result).take().ok_or(DbErr::RecordNotInserted)
    }

    async fn query_one_raw(&self, _statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        Ok(std::mem::take(&mut *locked(&self.rows)).into_iter().next())
    }

    async fn query_all_raw(&self, _statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        Ok(std::mem::take(&mut *locked(&self.rows)))
    }

    fn support_returning(&self) -> bool {
        self.returning
    }
}
