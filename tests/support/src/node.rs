//! Programs in Node.js.

use std::process::Command;

use crate::skip::missing;

/// Node.js, if it has this package. On a CI server it must.
///
/// `THORN_TEST_NODE_MODULES` is the folder with the packages of npm.
pub fn node(package: &str) -> Option<Command> {
    let modules = std::env::var("THORN_TEST_NODE_MODULES").unwrap_or_default();
    let node = || {
        let mut node = Command::new("node");
        node.env("NODE_PATH", &modules);
        node
    };
    let tried = node().args(["-e", &format!("require('{package}')")]).output();
    if tried.is_ok_and(|tried| tried.status.success()) {
        return Some(node());
    }
    missing(&format!(
        "a program in Node.js judges thorn, but `node` has no package `{package}`: `npm install {package}`, with \
         THORN_TEST_NODE_MODULES=…/node_modules"
    ));
    None
}
