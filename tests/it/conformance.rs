//! `docs/conformance.md` says what is done and by which tests; this holds it to the sources.
//!
//! `THORN_BLESS=1 cargo test --test it conformance` writes the names of the tests into it. A test belongs to
//! the items its name begins with: `thorn_042_…`, `thorn_087_088_…`, `thorn_091_to_094_…`,
//! `hookah_h09_…`, `django_webhooks_d06_…`, `hooks_k13_…`. Tests and fixtures of other names that cover
//! an item are written into its last column by hand, and stay.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

const TABLE: &str = "docs/conformance.md";

/// How names of tests begin, the letter before the numbers there, and the items there are.
const KINDS: [(&str, &str, u32); 4] =
    [("thorn_", "", 189), ("hookah_", "H", 19), ("django_webhooks_", "D", 15), ("hooks_", "K", 16)];

#[test]
fn every_item_is_in_the_table_and_every_test_is_where_it_belongs() {
    let tests = tests();
    let table = std::fs::read_to_string(root().join(TABLE)).unwrap();
    let blessed: String =
        table.lines().map(|line| Row::parse(line).map_or(line.into(), |row| row.bless(&tests)) + "\n").collect();
    if std::env::var_os("THORN_BLESS").is_some() && blessed != table {
        std::fs::write(root().join(TABLE), &blessed).unwrap();
    }
    let table = if std::env::var_os("THORN_BLESS").is_some() { &blessed } else { &table };

    let rows: Vec<Row> = table.lines().filter_map(Row::parse).collect();
    let mut wrong: Vec<String> = rows.iter().filter_map(|row| row.wrong(&tests)).collect();
    let numbers: Vec<&str> = rows.iter().map(|row| row.number).collect();
    let expected = KINDS.iter().flat_map(|(_, letter, most)| (1..=*most).map(move |n| format!("{letter}{n}")));
    for item in expected {
        match numbers.iter().filter(|number| **number == item).count() {
            1 => {}
            0 => wrong.push(format!("{item} is missing")),
            _ => wrong.push(format!("{item} is there more than once")),
        }
    }
    for (test, items) in &tests {
        wrong.extend(
            items.iter().filter(|item| !numbers.contains(&item.as_str())).map(|item| format!("{test}: no item {item}")),
        );
    }
    assert!(
        wrong.is_empty(),
        "{TABLE}; `THORN_BLESS=1 cargo test --test it conformance` mends names:\n{}",
        wrong.join("\n")
    );
}

/// A row `| number | behaviour | status | tests, reason or theme |`.
struct Row<'a> {
    number: &'a str,
    behaviour: &'a str,
    status: &'a str,
    last: &'a str,
}

impl<'a> Row<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let cells: Vec<&str> = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ").collect();
        let [number, behaviour, status, last] = cells[..] else { return None };
        number.ends_with(|c: char| c.is_ascii_digit()).then_some(Self { number, behaviour, status, last })
    }

    /// The names in the last column.
    fn listed(&self) -> BTreeSet<&'a str> {
        self.last.split('`').skip(1).step_by(2).collect()
    }

    fn own<'t>(&self, tests: &'t Tests) -> impl Iterator<Item = &'t str> {
        tests.iter().filter(|(_, items)| items.iter().any(|item| item == self.number)).map(|(name, _)| name.as_str())
    }

    /// The row with today's tests. A row without tests stays as it is, for a person to decide.
    fn bless(&self, tests: &Tests) -> String {
        let mut names: BTreeSet<&str> = self.own(tests).collect();
        let Self { number, behaviour, .. } = self;
        let (status, last) = if names.is_empty() && self.status != "done" {
            (self.status, self.last.to_owned())
        } else {
            names.extend(self.listed().into_iter().filter(|name| is_there(name, tests)));
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            (if self.status == "later" { "done" } else { self.status }, names.join(" "))
        };
        format!("| {number} | {behaviour} | {status} | {last} |")
    }

    fn wrong(&self, tests: &Tests) -> Option<String> {
        let (number, listed) = (self.number, self.listed());
        let own: Vec<&str> = self.own(tests).collect();
        match self.status {
            "done" if listed.is_empty() => Some(format!("{number} is done without a test")),
            "done" => {
                let gone = listed.iter().filter(|name| !is_there(name, tests)).map(|name| format!("`{name}` is gone"));
                let unlisted =
                    own.iter().filter(|name| !listed.contains(*name)).map(|name| format!("`{name}` isn't listed"));
                let all: Vec<String> = gone.chain(unlisted).collect();
                (!all.is_empty()).then(|| format!("{number}: {}", all.join(", ")))
            }
            "later" | "n/a" if !own.is_empty() => Some(format!("{number} is {} and has tests: {own:?}", self.status)),
            // The stand-alone server and its pages come after all of Thorn and django-webhooks.
            "later" if !number.starts_with(['H', 'K']) => Some(format!("{number} is still to be done")),
            "later" | "n/a" if self.last.is_empty() => Some(format!("{number} says no reason")),
            "later" | "n/a" => None,
            other => Some(format!("{number}: `{other}` is no status")),
        }
    }
}

/// Every test with the items its name stands for.
type Tests = BTreeMap<String, Vec<String>>;

fn tests() -> Tests {
    let mut tests = Tests::new();
    for folder in ["src", "tests/it", "thorn-core/src", "thorn-axum/src", "thorn-macros/src"] {
        for file in rust_files(&root().join(folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            let mut marked = false;
            for line in text.lines().map(str::trim_start) {
                marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
                let declared = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ");
                if let Some((name, _)) = declared.and_then(|rest| rest.split_once('('))
                    && std::mem::take(&mut marked)
                {
                    tests.insert(name.to_owned(), items(name));
                }
            }
        }
    }
    tests
}

/// `thorn_091_to_094_x` is about 91 to 94, `thorn_056_and_057_x` and `thorn_087_088_x` about both.
fn items(test: &str) -> Vec<String> {
    let Some((rest, letter)) = KINDS.iter().find_map(|(prefix, letter, _)| Some((test.strip_prefix(prefix)?, letter)))
    else {
        return Vec::new();
    };
    let number = |word: &str| {
        let digits = word.strip_prefix(&letter.to_lowercase())?;
        let right_length = digits.len() == if letter.is_empty() { 3 } else { 2 };
        digits.parse::<u32>().ok().filter(|_| right_length)
    };
    let words: Vec<&str> = rest.split('_').collect();
    let mut numbers: Vec<u32> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let next = words.get(at + 1).and_then(|word| number(word));
        match (words[at], number(words[at]), next, numbers.last().copied()) {
            (_, Some(n), ..) => numbers.push(n),
            ("to", _, Some(to), Some(from)) => numbers.extend(from + 1..to),
            ("and", _, Some(_), Some(_)) => {}
            _ => break,
        }
        at += 1;
    }
    numbers.iter().map(|n| format!("{letter}{n}")).collect()
}

/// A test, or a fixture of one.
fn is_there(name: &str, tests: &Tests) -> bool {
    tests.contains_key(name) || (name.starts_with("tests/") && root().join(name).is_file())
}

pub(crate) fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.extension() {
            _ if path.is_dir() => rust_files(&path),
            Some(extension) if extension == "rs" => vec![path],
            _ => Vec::new(),
        })
        .collect()
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn a_name_stands_for_its_items() {
    for (test, expected) in [
        ("thorn_042_now_ne", vec!["42"]),
        ("thorn_087_088_any_letter_case", vec!["87", "88"]),
        ("thorn_091_to_094_the_table", vec!["91", "92", "93", "94"]),
        ("thorn_056_and_057_absent", vec!["56", "57"]),
        ("hookah_h09_h10_subscribe", vec!["H9", "H10"]),
        ("hooks_k13_edited", vec!["K13"]),
        ("hooks_are_fine", vec![]),
        ("a_test", vec![]),
    ] {
        assert_eq!(items(test), expected, "{test}");
    }
}
