//! Tests of what is set for a whole process run in one of their own: the other tests build a `Thorn`
//! each, and the last one built decides.

use std::process::Command;

const ALONE: &str = "THORN_TEST_ALONE";

/// Whether this process has no other test to run. If it has, the test is run in one that doesn't, which
/// must succeed.
pub(crate) fn is_alone(test: &str) -> bool {
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let test = test.split_once("::").unwrap().1;
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--exact", test, "--nocapture"]).env(ALONE, "1").output().unwrap();
    let (said, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    told.lines().filter_map(|line| line.strip_prefix("skipped: ")).for_each(thorn_test_support::skipped);
    assert!(said.contains("1 passed"), "{test}: {said}\n{told}");
    false
}

/// Gives the test that it stands in a process of its own.
macro_rules! alone {
    ($test:ident) => {
        if !crate::alone::is_alone(concat!(module_path!(), "::", stringify!($test))) {
            return;
        }
    };
}
pub(crate) use alone;
