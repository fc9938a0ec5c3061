//! The condition that a column holds one of several values.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DbBackend, Value,
    sea_query::{Expr, ExprTrait as _, Func, IntoColumnRef as _},
};

/// Holds for rows in which this column is one of these values.
///
/// PostgreSQL gets all values as one parameter, `id = ANY($1)`. So the text is the same for any number of values, and few
/// statements have to be prepared.
pub(crate) fn one_of<V>(
    db: &impl ConnectionTrait,
    column: impl ColumnTrait,
    values: impl IntoIterator<Item = V>,
) -> Expr
where
    V: Into<Value> + Into<Expr>,
    Vec<V>: Into<Value>,
{
    if db.get_database_backend() != DbBackend::Postgres {
        return column.is_in(values);
    }
    let values: Vec<V> = values.into_iter().collect();
    Expr::col(column.as_column_ref().into_column_ref()).eq(Func::cust("ANY").arg(Expr::value(values)))
}
