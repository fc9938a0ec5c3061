//! Tests that can't run here say so.

use std::io::Write as _;

/// Prints `skipped: ` and the reason, even though the test passes.
///
/// # Examples
///
/// ```
/// # fn a_test() {
/// if thorn_test_support::is_mysql() {
///     return thorn_test_support::skipped("MySQL has no queue in the database");
/// }
/// # }
/// ```
pub fn skipped(reason: &str) {
    // `eprintln!` would be captured.
    let _ = writeln!(std::io::stderr(), "skipped: {reason}");
}

/// Skips a test that needs a program or a right this machine doesn't have.
///
/// # Panics
///
/// With `CI=true`, where nothing may be missing.
pub fn missing(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "missing on CI: {what}");
    skipped(what);
}

/// Whether `THORN_TEST_FULL=1` asks for what takes long. Otherwise the test is reported as skipped.
#[must_use]
pub fn full(what: &str) -> bool {
    let wanted = std::env::var("THORN_TEST_FULL").is_ok_and(|value| value == "1");
    if !wanted {
        skipped(&format!("{what}: it runs with THORN_TEST_FULL=1"));
    }
    wanted
}
