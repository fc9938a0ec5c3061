//! `docs/settings.md` and `worker --help` name every setting and no other; the log lines it quotes exist.

use std::{cell::RefCell, collections::BTreeSet, process::Command, time::Duration};

use crate::conformance::{root, rust_files};

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

/// The variables that the code reads: `from_lookup` asks for each of them.
fn read_by_the_code() -> BTreeSet<String> {
    let asked = RefCell::new(BTreeSet::new());
    let get = |name: &str| {
        asked.borrow_mut().insert(name.to_owned());
        None
    };
    thorn::Config::from_lookup(&get).unwrap();
    asked.into_inner()
}

/// `THORN_BLESS=1` writes the table of the code into the document.
#[test]
fn the_document_has_the_table_of_settings() {
    let path = root().join("docs/settings.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (found, wanted) = (table(&document, "## All settings").join("\n"), thorn::Config::settings_table());
    if std::env::var_os("THORN_BLESS").is_some() {
        std::fs::write(&path, document.replace(&found, wanted.trim_end())).unwrap();
        return;
    }
    assert!(found == wanted.trim_end(), "docs/settings.md differs; THORN_BLESS=1 rewrites its table:\n{wanted}");
    assert_eq!(variables(&wanted), read_by_the_code());
}

#[test]
fn the_worker_s_help_has_every_variable() {
    let help = Command::new(env!("CARGO_BIN_EXE_worker")).arg("--help").output().unwrap();
    assert!(help.status.success());
    assert_eq!(variables(&String::from_utf8(help.stdout).unwrap()), read_by_the_code());
}

#[test]
fn every_log_line_the_reference_quotes_is_in_the_sources() {
    let sources: String = ["thorn-core/src", "thorn-axum/src"]
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)))
        .map(|file| std::fs::read_to_string(file).unwrap())
        .collect();
    let reference = read("docs/settings.md");
    let rows = &table(&reference, "## Log lines")[2..];
    let quoted = rows.iter().flat_map(|row| row.split(" | ").nth(1).unwrap().split('`').skip(1).step_by(2));
    let missing: Vec<_> = quoted.filter(|line| !sources.contains(&format!("\"{line}"))).collect();
    assert!(missing.is_empty(), "docs/settings.md quotes log lines that nothing writes: {missing:#?}");
}

/// Each setting of Thorn 1.5.
const OF_THORN: [&str; 15] = [
    "THORN_ALLOW_REDIRECTS",
    "THORN_CHUNKSIZE",
    "THORN_CODECS",
    "THORN_DISPATCHER",
    "THORN_DRF_PERMISSION_CLASSES",
    "THORN_EVENT_CHOICES",
    "THORN_EVENT_TIMEOUT",
    "THORN_HMAC_SIGNER",
    "THORN_RECIPIENT_VALIDATORS",
    "THORN_RETRY",
    "THORN_RETRY_DELAY",
    "THORN_RETRY_MAX",
    "THORN_SIGNAL_HONORS_TRANSACTION",
    "THORN_SUBSCRIBERS",
    "THORN_SUBSCRIBER_MODEL",
];

#[test]
fn thorn_171_every_setting_of_thorn_has_its_counterpart() {
    let guide = read("docs/coming-from-thorn.md");
    let rows = table(&guide, "## Settings");
    let column = |n: usize| rows[2..].iter().map(move |row| row.split(" | ").nth(n).unwrap()).collect::<Vec<_>>();
    assert_eq!(variables(&column(0).join("\n")), OF_THORN.map(str::to_owned).into());
    let here = variables(&column(1).join("\n"));
    assert!(here.is_subset(&read_by_the_code()), "{here:?}");

    // Settings of a deployment of Python Thorn keep their meaning.
    let set = [
        ("THORN_CHUNKSIZE", "10"),
        ("THORN_DISPATCHER", "inline"),
        ("THORN_EVENT_CHOICES", "a.b,c.d"),
        ("THORN_EVENT_TIMEOUT", "3.0"),
        ("THORN_HMAC_SIGNER", "compat"),
        ("THORN_RETRY", "true"),
        ("THORN_RETRY_MAX", "10"),
        ("THORN_RETRY_DELAY", "60.0"),
    ];
    let get = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    let config = thorn::Config::from_lookup(&get).unwrap();
    assert_eq!((config.chunk, config.timeout), (10, Duration::from_secs(3)));
    assert_eq!(config.event_choices.unwrap(), ["a.b", "c.d"]);
    assert_eq!(config.hmac_signer, thorn::signing::Signer::Compat);
    assert_eq!((config.retry.max_attempts, config.retry.first), (11, Duration::from_secs(60)));

    let defaults = thorn::Config::default();
    assert_eq!((defaults.chunk, defaults.timeout), (100, Duration::from_secs(15)));
    assert_eq!((defaults.retry.max_attempts, defaults.retry.first), (11, Duration::from_secs(5)));
    assert_eq!(defaults.hmac_signer, thorn::signing::Signer::Hmac);
    assert!(defaults.validators.is_none(), "the defaults of `Validator`");
    assert!(defaults.event_choices.is_none());
}
