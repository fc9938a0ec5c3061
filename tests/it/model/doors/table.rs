//! The table of `docs/doors.md`.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use sea_orm::DatabaseConnection;
use serde_json::Value;

use super::{entities::Ran, is_mysql, open::Door};
use crate::conformance::root;

const BEGIN: &str = "<!-- doors: begin -->\n";
const END: &str = "<!-- doors: end -->\n";

/// A line of the table, as a database fills it in.
#[derive(Debug, PartialEq)]
pub(super) struct Announced {
    /// Door and condition.
    head: String,
    events: String,
    hooks: String,
}

impl Announced {
    pub(super) fn of(door: &Door, events: &[(String, Value)], hooks: &Ran, result: &str) -> Self {
        let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
        for (name, data) in events {
            // An event has the row as it was committed.
            assert!(data["slug"].is_string() && data["title"].is_string(), "{name}: {data}");
            *counted.entry(name.strip_prefix("page.").unwrap_or(name)).or_default() += 1;
        }
        let counted =
            counted.iter().map(|(name, n)| if *n == 1 { format!("`{name}`") } else { format!("{n} × `{name}`") });
        let mut events = counted.collect::<Vec<_>>().join(", ");
        if events.is_empty() {
            events = match result {
                refused if refused.contains("BackendNotSupported") => "SeaORM refuses it".to_owned(),
                _ => "–".to_owned(),
            };
        }
        let when = if door.when.is_empty() { String::new() } else { format!(", {}", door.when) };
        let hooks = hooks.iter().map(|hook| format!("`{hook}`")).collect::<Vec<_>>().join(", ");
        Self {
            head: format!("`{}`{when}", door.code),
            events,
            hooks: if hooks.is_empty() { "–".into() } else { hooks },
        }
    }
}

fn file() -> PathBuf {
    root().join("docs/doors.md")
}

/// The cells of the lines in the file.
fn cells(text: &str) -> Vec<Vec<String>> {
    let lines = text.lines().skip(2);
    lines.map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect()).collect()
}

/// Compares the table with this database's column of the file, or writes the column.
pub(super) fn compare(announced: &[Announced], db: &DatabaseConnection) {
    let page = std::fs::read_to_string(file()).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (table, after) = rest.split_once(END).unwrap();
    let written = cells(table);
    let other =
        |row: usize, column: usize| written.get(row).and_then(|row| row.get(column)).map_or("?", String::as_str);
    let mut new = String::from("| statement | SQLite, PostgreSQL | MariaDB | own hooks |\n|---|---|---|---|\n");
    for (row, line) in announced.iter().enumerate() {
        let (most, mysql) =
            if is_mysql(db) { (other(row, 1), line.events.as_str()) } else { (line.events.as_str(), other(row, 2)) };
        writeln!(new, "| {} | {most} | {mysql} | {} |", line.head, line.hooks).unwrap();
    }
    if std::env::var_os("THORN_REWRITE_DOORS").is_some() {
        std::fs::write(file(), format!("{before}{BEGIN}{new}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(new, table, "`THORN_REWRITE_DOORS=1` writes what this database says to docs/doors.md");
}
