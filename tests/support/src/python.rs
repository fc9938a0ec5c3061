//! Programs in Python.

use std::process::Command;

use crate::skip::missing;

/// The interpreter, if it has this module. On a CI server it must.
///
/// `THORN_TEST_PYTHON` names another interpreter than `python3`.
pub fn python(module: &str) -> Option<String> {
    let python = std::env::var("THORN_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let tried = Command::new(&python).args(["-c", &format!("import {module}")]).output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return Some(python);
    }
    missing(&format!("a program in Python judges thorn, but `{python}` has no module `{module}`"));
    None
}
