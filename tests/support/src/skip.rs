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
