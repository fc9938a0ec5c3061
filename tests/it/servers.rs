//! Runs this binary once more for each database server there is.

use std::{
    path::Path,
    process::{Command, Output},
    sync::{Mutex, PoisonError},
};

use thorn_test_support::skipped;

/// Modules that know no database, or bring their own. All others run on each server.
const OTHERS: [&str; 29] = [
    "advisories::",
    "backlog::million::",
    "blog::",
    "conformance::",
    "databases::encrypted::",
    "docs::",
    "engine::browser::",
    "engine::consumer::",
    "engine::image::",
    "engine::openapi::",
    "engine::pages::",
    "engine::proxied::",
    "engine::stalled::",
    "engine::stream_clients::",
    "fairness::table::",
    "faults::",
    "house::",
    "hub::programs::",
    "operating::",
    "pooled::",
    "program::",
    "python::",
    "queue::encrypted::",
    "queue::joining::",
    "queue::latency::",
    "queue::places::",
    "queue::sharing::",
    "servers::",
    "ui::",
];

/// A test is skipped on a server only for what a database can't do, and its reason names that database.
const DATABASES: [&str; 3] = ["SQLite", "PostgreSQL", "MySQL"];

/// They wait more than they compute.
const THREADS: &str = "--test-threads=5";

#[test]
fn the_tests_of_databases_run_on_postgresql() {
    run("postgres", "THORN_TEST_POSTGRES_URL", cfg!(feature = "postgres"));
}

#[test]
fn the_tests_of_databases_run_on_mysql_or_mariadb() {
    run("mysql", "THORN_TEST_MYSQL_URL", cfg!(feature = "mysql"));
}

/// One run at a time: two would make each other's tests late.
static RUNNING: Mutex<()> = Mutex::new(());

fn run(database: &str, variable: &str, enabled: bool) {
    if std::env::var(variable).is_err() {
        return skipped(&format!("{variable} isn't set, so nothing was tested on {database}"));
    }
    assert!(enabled, "{variable} is set, but the feature `{database}` is off; test with --all-features");
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let binary = std::env::current_exe().unwrap();
    let tests = of_databases(&listed(&binary));
    let output = execute(&binary, database, &tests, THREADS);
    let told = judged(&output, &tests).unwrap_or_else(|Wrong { failed, told }| {
        assert!((1..=MOST_AGAIN).contains(&failed.len()), "on {database}: {told}");
        eprintln!("on {database}, tests that failed beside others run again alone: {told}");
        let again = execute(&binary, database, &failed, "--test-threads=1");
        judged(&again, &failed).unwrap_or_else(|wrong| panic!("on {database}, alone: {}", wrong.told))
    });
    eprintln!("{} tests passed on {database}; {} of them had nothing to do there", tests.len(), told.len());
}

/// So many tests may have failed because the machine was too busy for their deadlines. They run once more.
const MOST_AGAIN: usize = 3;

fn execute(binary: &Path, database: &str, tests: &[String], threads: &str) -> Output {
    let mut command = Command::new(binary);
    command.arg("--exact").args(tests).arg(threads).env("THORN_TEST_DATABASE", database).output().unwrap()
}

/// Names of all tests of this binary.
fn listed(binary: &Path) -> Vec<String> {
    let output = Command::new(binary).args(["--list", "--format", "terse"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

/// The tests that run on each server.
fn of_databases(all: &[String]) -> Vec<String> {
    for module in OTHERS {
        assert!(all.iter().any(|test| test.starts_with(module)), "there is no module {module} to leave out");
    }
    all.iter().filter(|test| !OTHERS.iter().any(|module| test.starts_with(module))).cloned().collect()
}

/// The tests of a run that failed, and the run's output.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    failed: Vec<String>,
    told: String,
}

/// Every one of these tests has passed; gives the reasons of those that were skipped.
fn judged(output: &Output, tests: &[String]) -> Result<Vec<String>, Wrong> {
    let (text, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let is_ok = |test: &&String| text.contains(&format!("test {test} ... ok"));
    let failed: Vec<_> = tests.iter().filter(|test| !is_ok(test)).cloned().collect();
    if !output.status.success() || !failed.is_empty() {
        // The names come first, and what the tests said comes before the logs: whoever shows a part of this shows its beginning.
        let said = text.find("\nfailures:\n").map_or(&*text, |start| &text[start..]);
        let count = format!("{} of {} tests failed: {failed:?} ({})", failed.len(), tests.len(), output.status);
        return Err(Wrong { failed, told: format!("{count}\n{said}\n{told}") });
    }
    let reasons: Vec<_> = told.lines().filter_map(|line| Some(line.split_once("skipped: ")?.1.to_owned())).collect();
    match reasons.iter().find(|reason| !DATABASES.iter().any(|database| reason.contains(database))) {
        Some(reason) => {
            let told = format!("a test was skipped for another reason than the database: {reason}");
            Err(Wrong { failed: Vec::new(), told })
        }
        None => Ok(reasons),
    }
}

#[cfg(unix)]
#[test]
fn a_test_that_is_missing_or_skipped_without_naming_a_database_is_noticed() {
    use std::os::unix::process::ExitStatusExt as _;

    let tests = ["a::b".to_owned(), "a::c".to_owned()];
    let judge = |code: i32, stdout: &str, stderr: &str| {
        let status = std::process::ExitStatus::from_raw(code << 8);
        judged(&Output { status, stdout: stdout.into(), stderr: stderr.into() }, &tests)
    };
    let all = "test a::b ... ok\ntest a::c ... ok\n";
    assert_eq!(judge(0, all, "skipped: SQLite has no users\n"), Ok(vec!["SQLite has no users".to_owned()]));
    judge(0, all, "skipped: python isn't there\n").unwrap_err();
    let missing = judge(0, "test a::b ... ok\n", "").unwrap_err();
    assert_eq!(missing.failed, ["a::c"]);
    assert!(missing.told.starts_with(r#"1 of 2 tests failed: ["a::c"]"#), "{}", missing.told);
    judge(101, all, "").unwrap_err();
}
