//! `docs/operating.md` and `worker --help` know every setting, and no other.

use std::{collections::BTreeSet, process::Command};

use crate::conformance::root;

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// Every `THORN_…` in a text.
fn variables(text: &str) -> BTreeSet<String> {
    let end = |rest: &str| rest.find(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
    let starts = text.match_indices("THORN_").map(|(start, _)| &text[start..]);
    starts.map(|rest| rest[..end(rest).unwrap_or(rest.len())].to_owned()).filter(|name| name != "THORN_").collect()
}

/// The first table below a heading.
fn table<'a>(text: &'a str, heading: &str) -> Vec<&'a str> {
    let below = text.split_once(heading).unwrap().1;
    below.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|')).collect()
}

fn read_by_the_code() -> BTreeSet<String> {
    let source = read("thorn-core/src/config/env.rs");
    variables(source.split("#[cfg(test)]").next().unwrap())
}

#[test]
fn the_table_of_settings_has_every_variable_and_every_field() {
    let guide = read("docs/operating.md");
    let rows = table(&guide, "## Settings").join("\n");
    assert_eq!(variables(&rows), read_by_the_code());

    let source = read("thorn-core/src/config.rs");
    let config = source.split_once("pub struct Config {").unwrap().1.split_once("\n}").unwrap().0;
    for field in config.lines().filter_map(|line| line.trim().strip_prefix("pub ")?.split_once(':')) {
        assert!(rows.contains(&format!("`{}`", field.0)) || rows.contains(&format!("`{}.", field.0)), "{}", field.0);
    }
}

#[test]
fn the_worker_s_help_has_every_variable() {
    let help = Command::new(env!("CARGO_BIN_EXE_worker")).arg("--help").output().unwrap();
    assert!(help.status.success());
    assert_eq!(variables(&String::from_utf8(help.stdout).unwrap()), read_by_the_code());
}
