//! Runs this binary once more for each database server there is.

use std::process::Command;

/// What runs there: all that needs a database, and no queue in it.
const TESTS: [&str; 5] = ["model::", "hooks_api::", "databases::", "--skip", "gets_deliveries_of_it_alone"];

/// A few fewer than there are: a filter that finds nothing would otherwise pass.
const AT_LEAST: usize = 130;

#[test]
fn the_tests_of_databases_run_on_postgresql() {
    run("postgres", "THORN_TEST_POSTGRES_URL", cfg!(feature = "postgres"), &[]);
}

#[test]
fn the_tests_of_databases_run_on_mysql_or_mariadb() {
    // Links that several transactions change at once may be told of twice there; see docs/operating.md.
    let but = ["--skip", "so_they_are_after_concurrent_calls"];
    run("mysql", "THORN_TEST_MYSQL_URL", cfg!(feature = "mysql"), &but);
}

fn run(database: &str, variable: &str, enabled: bool, but: &[&str]) {
    if std::env::var(variable).is_err() {
        eprintln!("SKIPPED: {variable} isn't set, so nothing was tested on {database}");
        return;
    }
    assert!(enabled, "{variable} is set, but the feature `{database}` is off; test with --all-features");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(TESTS)
        .args(but)
        .env("THORN_TEST_DATABASE", database)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let passed = text.split("test result: ").nth(1).and_then(|result| result.split(' ').nth(1));
    let passed = passed.and_then(|number| number.parse().ok()).unwrap_or(0);
    assert!(output.status.success(), "on {database}:\n{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(passed >= AT_LEAST, "only {passed} tests ran on {database}:\n{text}");
    eprintln!("{passed} tests passed on {database}");
}
