//! Runs this binary once more for each database server there is.

use std::{
    process::Command,
    sync::{Mutex, PoisonError},
};

/// What runs there is all but this, of which some knows no database, and some has its own already.
const NOT_ABOUT_THE_DATABASE: [&str; 14] = [
    "backlog::million::",
    "blog::",
    "conformance::",
    "faults::",
    "operating::",
    "program::",
    "python::",
    "queue::encrypted::",
    "queue::joining::",
    "queue::latency::",
    "queue::places::",
    "receiver::",
    "servers::",
    "ui::",
];

/// Plans of SQLite's; `databases::plans` has those of every database.
const SQLITE_S_PLANS: &str = "each_dispatcher_s_backlog_has_its_index";

/// They wait more than they compute.
const THREADS: &str = "--test-threads=3";

#[test]
fn the_tests_of_databases_run_on_postgresql() {
    run("postgres", "THORN_TEST_POSTGRES_URL", cfg!(feature = "postgres"), &[SQLITE_S_PLANS], 222);
}

#[test]
fn the_tests_of_databases_run_on_mysql_or_mariadb() {
    let but = [
        SQLITE_S_PLANS,
        // A trigger there can't make an UPDATE leave a row alone.
        "if_a_worker_has_one_of_them_the_others_go_by_the_queue_at_once",
        // It can store no number that is none.
        "a_row_that_no_event_can_tell_of_is_not_saved",
        // They look at tasks in a table, and there the queue is in memory.
        "queue::",
        "thorn_123_134_chunks_have_their_size",
        "thorn_125_139_140_who_cannot_be_reached",
        "thorn_145_a_subscription_s_headers_go_along",
        "thorn_008_097_101_138_an_event_s_own_subscribers",
        "without_signature_only_what_is_unsigned",
        "what_a_filter_was_at_the_fan_out",
    ];
    run("mysql", "THORN_TEST_MYSQL_URL", cfg!(feature = "mysql"), &but, 207);
}

/// One run at a time: two would make each other's tests late.
static RUNNING: Mutex<()> = Mutex::new(());

/// `at_least` is a few fewer than there are: a filter that finds nothing would otherwise pass.
fn run(database: &str, variable: &str, enabled: bool, but: &[&str], at_least: usize) {
    if std::env::var(variable).is_err() {
        eprintln!("SKIPPED: {variable} isn't set, so nothing was tested on {database}");
        return;
    }
    assert!(enabled, "{variable} is set, but the feature `{database}` is off; test with --all-features");
    let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(NOT_ABOUT_THE_DATABASE.iter().chain(but).flat_map(|name| ["--skip", name]))
        .arg(THREADS)
        .env("THORN_TEST_DATABASE", database)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = text.split("test result: ").last().and_then(|result| result.split(' ').nth(1));
    let passed = passed.and_then(|number| number.parse().ok()).unwrap_or(0);
    assert!(output.status.success(), "on {database}:\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(passed >= at_least, "only {passed} tests ran on {database}:\n{text}");
    eprintln!("{passed} tests passed on {database}");
}
