//! The house's rules: no room imports upwards, and comments name their subject.
//!
//! `lib.rs` of a crate declares its rooms in order, storey by storey. That is the only list of them.

mod fixtures;
mod prose;
mod resolve;
mod rules;
mod source;

use std::{collections::BTreeMap, path::Path};

use resolve::{Crate, Module};

use crate::conformance::{root, rust_files};

/// Crates whose rooms stand in an order.
const IN_ORDER: [&str; 2] = ["thorn-core/src", "thorn-axum/src"];

const ALL: [&str; 4] = ["thorn-core/src", "thorn-axum/src", "thorn-macros/src", "src"];

/// Comment lines of the whole repository that may begin a sentence without its subject.
const MOST: usize = 30;

/// Texts of files by their paths.
type Files = BTreeMap<String, String>;

fn repository() -> Files {
    let folders = ["src", "thorn-core", "thorn-axum", "thorn-macros", "tests", "examples", "benches"];
    let files = folders.iter().flat_map(|folder| rust_files(&root().join(folder)));
    let files = files.filter(|file| !file.iter().any(|name| name == "target"));
    let named = |file: &Path| file.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
    files.map(|file| (named(&file), std::fs::read_to_string(&file).unwrap())).collect()
}

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

#[test]
fn no_room_imports_upwards_and_no_files_in_a_circle() {
    let files = repository();
    let wrong: Vec<_> = ALL.iter().flat_map(|folder| broken_imports(&files, folder)).collect();
    assert!(wrong.is_empty(), "{} places break the rules:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn comments_name_their_subject() {
    let headless: Vec<_> = repository().iter().flat_map(|(path, text)| prose::headless(path, text)).collect();
    assert!(
        headless.len() <= MOST,
        "{} comment lines begin a sentence with Who, Whoever, Whose, What or Of; at most {MOST} may:\n{}",
        headless.len(),
        headless.join("\n")
    );
}
