//! INSERTs on a database without RETURNING such as MySQL: one statement for each row.
//!
//! There, an INSERT neither returns its row nor says whether it inserted it: sqlx counts a row that a conflict leaves
//! as it is like an inserted one. A conflict therefore sets a variable of the session to the key of the row that it
//! found. If the variable is set, the statement is taken back, the row is read as it was, and the statement runs
//! again. The database keeps the lock that the first run took, so nobody changes the row in between.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DbErr, EntityName, EntityTrait, ExecResult, IdenStatic, Insert,
    InsertResult, IntoSimpleExpr, Iterable, PrimaryKeyToColumn, PrimaryKeyTrait, QueryFilter, QueryTrait, Statement,
    sea_query::{Condition, Expr, ExprTrait, FromValueTuple, InsertStatement, IntoValueTuple, OnConflict},
};

use super::answer::{Answer, result_of};
use crate::{
    db::Concrete,
    model::{announce::Written, junction::with_keys, row_lock},
};

type Row<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::Model;
type PrimaryKey<A> = <<A as ActiveModelTrait>::Entity as EntityTrait>::PrimaryKey;

/// Inserts the rows one by one.
pub(super) async fn insert_each<A, C>(
    rows: Vec<A>,
    is_many: bool,
    on_conflict: Option<OnConflict>,
    db: &C,
) -> Result<(Answer<A>, Vec<Written<Row<A>>>), DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let statements =
        if is_many { aligned(&rows) } else { rows.iter().map(|row| Insert::one(row.clone()).into_query()).collect() };
    let mut last = Err(DbErr::RecordNotInserted);
    let (mut affected, mut written) = (0, Vec::with_capacity(rows.len()));
    for (row, mut statement) in rows.into_iter().zip(statements) {
        if let Some(on_conflict) = &on_conflict {
            statement.on_conflict(on_conflict.clone());
        }
        let inserted = insert(row, db.get_database_backend().build(&statement), db).await?;
        affected += inserted.affected;
        written.extend(inserted.written);
        // MySQL returns the first of many generated keys. SeaORM returns the last of the keys that the rows brought.
        if last.is_err() || !PrimaryKey::<A>::auto_increment() {
            last = inserted.result;
        }
    }
    Ok((Answer::Counted { last, affected }, written))
}

/// The outcome for one row.
struct Inserted<A: ActiveModelTrait> {
    result: Result<InsertResult<A>, DbErr>,
    affected: u64,
    /// `None` if a conflict left the row as it was.
    written: Option<Written<Row<A>>>,
}

async fn insert<A, C>(row: A, statement: Statement, db: &C) -> Result<Inserted<A>, DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let conflict = OnDuplicateKey::of::<A>(&statement).filter(|_| Concrete::of(db).is_transaction());
    let Some(conflict) = conflict else {
        let answer = db.execute_raw(statement).await?;
        return created(row, answer, db).await;
    };
    reset::<A, C>(db).await?;
    db.execute_unprepared("SAVEPOINT thorn_rehearsal").await?;
    let mut answer = db.execute_raw(conflict.marked.clone()).await?;
    if found::<A, C>(OLD, db).await?.is_none() {
        return created(row, answer, db).await;
    }
    let written = if conflict.does_nothing {
        None
    } else {
        db.execute_unprepared("ROLLBACK TO SAVEPOINT thorn_rehearsal").await?;
        let old = found::<A, C>(OLD, db).await?;
        answer = db.execute_raw(conflict.marked).await?;
        found::<A, C>(NEW, db).await?.map(|new| Written::changed(old, new))
    };
    let affected = answer.rows_affected();
    Ok(Inserted { result: result_of(row, db.get_database_backend(), answer).await, affected, written })
}

/// Finds the row that a statement inserted, as SeaORM does: by its own key, or by the key that was generated.
async fn created<A, C>(row: A, answer: ExecResult, db: &C) -> Result<Inserted<A>, DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let affected = answer.rows_affected();
    let mut result = result_of(row, db.get_database_backend(), answer).await?;
    let key = result.last_insert_id.into_value_tuple();
    result.last_insert_id = FromValueTuple::from_value_tuple(key.clone());
    let inserted = A::Entity::find().filter(with_keys::<A::Entity>(&[key])).one(db).await?;
    let inserted = inserted.ok_or_else(|| DbErr::RecordNotFound("Failed to find inserted item".to_owned()))?;
    Ok(Inserted { result: Ok(result), affected, written: Some(Written::created(inserted)) })
}

/// Names of the session's variables for the key that the row of a conflict had, and has.
const OLD: &str = "@thorn_old";
const NEW: &str = "@thorn_new";

/// An INSERT with an `ON DUPLICATE KEY UPDATE` that also sets the variables.
struct OnDuplicateKey {
    marked: Statement,
    /// Whether the clause only sets the primary key to itself, which is how SeaORM does nothing.
    does_nothing: bool,
}

impl OnDuplicateKey {
    fn of<A: ActiveModelTrait>(statement: &Statement) -> Option<Self> {
        const CLAUSE: &str = " ON DUPLICATE KEY UPDATE ";
        let (insert, updates) = statement.sql.rsplit_once(CLAUSE)?;
        let keys: Vec<_> = key_columns::<A>().map(|key| format!("`{key}`")).collect();
        let does_nothing = updates == keys.iter().map(|key| format!("{key} = {key}")).collect::<Vec<_>>().join(", ");
        let set = |variable: &str| {
            let set = keys.iter().enumerate().map(|(at, key)| format!("{key} = ({variable}_{at} := {key})"));
            set.collect::<Vec<_>>().join(", ")
        };
        let sql = format!("{insert}{CLAUSE}{}, {updates}, {}", set(OLD), set(NEW));
        Some(Self { marked: Statement { sql, ..statement.clone() }, does_nothing })
    }
}

fn key_columns<A: ActiveModelTrait>() -> impl Iterator<Item = &'static str> {
    PrimaryKey::<A>::iter().map(|key| key.as_str())
}

async fn reset<A: ActiveModelTrait, C: ConnectionTrait>(db: &C) -> Result<(), DbErr> {
    let all = key_columns::<A>().enumerate().flat_map(|(at, _)| [OLD, NEW].map(|name| format!("{name}_{at} = NULL")));
    db.execute_unprepared(&format!("SET {}", all.collect::<Vec<_>>().join(", "))).await?;
    Ok(())
}

/// Reads and locks the row whose key is in the variables.
async fn found<A, C>(variable: &str, db: &C) -> Result<Option<Row<A>>, DbErr>
where
    A: ActiveModelTrait,
    C: ConnectionTrait,
{
    let this = PrimaryKey::<A>::iter().enumerate().fold(Condition::all(), |all, (at, key)| {
        all.add(key.into_column().into_simple_expr().eq(Expr::cust(format!("{variable}_{at}"))))
    });
    Ok(row_lock::read_all(A::Entity::find().filter(this), db).await?.pop())
}

/// One statement for each row of an `insert_many`. As in SeaORM's single statement, each names the columns that any
/// of the rows sets.
fn aligned<A: ActiveModelTrait>(rows: &[A]) -> Vec<InsertStatement> {
    let columns = <A::Entity as EntityTrait>::Column::iter();
    let used = columns.filter_map(|column| {
        let null = rows.iter().find_map(|row| row.get(column).into_value())?.as_null();
        Some((column, null))
    });
    let used: Vec<_> = used.collect();
    let statement = |row: &A| {
        let mut statement = InsertStatement::new();
        statement.into_table(A::Entity::default().table_ref()).columns(used.iter().map(|(column, _)| *column));
        statement.values_panic(used.iter().map(|(column, null)| match row.get(*column).into_value() {
            Some(value) => column.save_as(Expr::val(value)),
            None => Expr::val(null.clone()),
        }));
        statement
    };
    rows.iter().map(statement).collect()
}
