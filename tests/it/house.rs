//! The house's rules: no room imports upwards, and comments name their subject.
//!
//! `lib.rs` of a crate declares its rooms in order, storey by storey. That is the only list of them.

mod fixtures;
mod prose;
mod resolve;
mod rules;
mod source;

use std::collections::BTreeMap;

use resolve::{Crate, Module};

/// Crates whose rooms stand in an order.
const IN_ORDER: [&str; 2] = ["thorn-core/src", "thorn-axum/src"];

/// Texts of files by their paths.
type Files = BTreeMap<String, String>;

fn broken_imports(files: &Files, folder: &str) -> Vec<String> {
    let krate = Crate::read(folder, files);
    let mut wrong = rules::no_two_import_each_other(&krate);
    wrong.extend(rules::no_circle_of_files(&krate));
    if IN_ORDER.contains(&folder) {
        wrong.extend(rules::nothing_points_up(&krate));
    }
    if folder == IN_ORDER[0] {
        wrong.extend(rules::tables_fit(&krate, &files[krate.path_of(&Module::new())]));
    }
    wrong
}
