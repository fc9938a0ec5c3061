//! Adds sums to the rows of `thorn_tally`.

use sea_orm::{DbBackend, Statement};

use super::{
    bucket::Bucket,
    columns::{self, COLUMNS, COUNTERS, KEY},
    sums::Sums,
};
use crate::db::statement;

/// The rows of the longest statement. The others have smaller powers of two, so that a connection prepares few.
pub(super) const LONGEST: usize = 256;

/// How many rows the next statement takes, of this many.
pub(super) fn rows_of_next(rows: usize) -> usize {
    if rows == 0 { 0 } else { 1 << rows.min(LONGEST).ilog2() }
}

/// The statement that adds the sums. The rows must be sorted: two workers that lock the same rows in different orders
/// would wait for each other for ever.
pub(super) fn upsert(backend: DbBackend, rows: &[(Bucket, Sums)]) -> Statement {
    debug_assert!(rows.is_sorted_by_key(|(bucket, _)| *bucket), "the rows aren't sorted");
    statement(backend, &sql(backend, rows.len()), rows.iter().flat_map(columns::values))
}

fn sql(backend: DbBackend, rows: usize) -> String {
    let row = format!("({})", ["?"; COLUMNS].join(", "));
    let old = |column: &str| format!("thorn_tally.{column}");
    let new = |column: &str| match backend {
        DbBackend::MySql => format!("VALUES({column})"),
        _ => format!("excluded.{column}"),
    };
    let added = COUNTERS.iter().map(|column| format!("{column} = {} + {}", old(column), new(column)));
    let is_later = |column: &str| {
        let (old, new) = (old(column), new(column));
        format!("{new} IS NOT NULL AND ({old} IS NULL OR {new} >= {old})")
    };
    // MySQL sets one column after the other, and `failed_at` decides about the others, so it comes last.
    let last = columns::LAST.iter().map(|column| {
        let decides = if *column == "delivered_at" { "delivered_at" } else { "failed_at" };
        format!("{column} = CASE WHEN {} THEN {} ELSE {} END", is_later(decides), new(column), old(column))
    });
    let set = added.chain(last).collect::<Vec<_>>().join(", ");
    let conflict = match backend {
        DbBackend::MySql => "ON DUPLICATE KEY UPDATE".to_owned(),
        _ => format!("ON CONFLICT ({}) DO UPDATE SET", KEY.join(", ")),
    };
    format!("INSERT INTO thorn_tally ({}) VALUES {} {conflict} {set}", columns::all(), vec![row; rows].join(", "))
}
