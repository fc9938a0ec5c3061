//! A condition that no index serves.

use sea_orm::{
    Condition,
    sea_query::{CaseStatement, Expr, ExprTrait as _},
};

/// The condition in a form that no index serves, for a statement that names its rows by their ids and checks them again.
///
/// While its statistics are old, PostgreSQL believes that a partial index is nearly empty. It would rather read all of that
/// index than look the ids up: a claim of 1,000 of 100,000 waiting events read them all.
pub(crate) fn recheck(condition: Condition) -> Expr {
    Expr::expr(CaseStatement::new().case(condition, 1).finally(0)).eq(1)
}
