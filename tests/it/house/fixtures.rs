//! Small trees that keep or break each rule.

use super::{Files, broken_imports, prose};

/// The core with these files, and the rooms `low`, `middle` and `high` in that order.
fn core(files: &[(&str, &str)]) -> Files {
    let lib = "//! | `low`, `middle` | words |\n//! | `high` | machines |\n\
               mod low;\nmod middle;\npub mod high;\n#[cfg(feature = \"testing\")]\npub mod testing;\n\
               pub use high::{High, Deep as Deeper};\n";
    let mut tree: Files =
        ["low", "middle", "high", "testing"].map(|room| (format!("thorn-core/src/{room}.rs"), String::new())).into();
    tree.insert("thorn-core/src/lib.rs".into(), lib.into());
    tree.extend(files.iter().map(|(path, text)| (format!("thorn-core/src/{path}"), (*text).to_owned())));
    tree
}

fn broken(files: &[(&str, &str)]) -> Vec<String> {
    broken_imports(&core(files), "thorn-core/src")
}

#[test]
fn what_points_down_is_right() {
    let files = [
        ("middle.rs", "use crate::low::Low;\npub(in crate::high) fn open(low: &Low) {}"),
        ("high.rs", "mod part;\npub use part::High;\nuse crate::{low, middle::{self, open}};\npub struct Deep;"),
        // A file and the modules inside it are one.
        ("high/part.rs", "use super::Deep;\npub struct High(Deep);"),
        ("testing.rs", "use crate::{High, Deeper};"),
    ];
    assert_eq!(broken(&files), [""; 0]);
}

#[test]
fn a_room_that_imports_upwards_is_told_with_its_file_its_line_and_the_rule() {
    let rule = "and a room imports only rooms before it in thorn-core/src/lib.rs";
    for (text, line, path) in [
        ("//\nuse crate::high::High;", 2, "crate::high::High"),
        ("use crate::{\n    low::Low,\n    high::{self, High as Other},\n};", 3, "crate::high"),
        ("fn f() {\n    let x = [crate::high::open::<u8>()];\n}", 2, "crate::high::open"),
        ("use super::high::High;", 1, "super::high::High"),
        // By a name that `lib.rs` gives it.
        ("\nuse crate::High;", 2, "crate::High"),
        ("use crate::Deeper;", 1, "crate::Deeper"),
        ("mod inner {\n    use super::super::high::High;\n}", 2, "super::super::high::High"),
        ("const QUOTE: char = '\"';\nuse crate::high::High;", 2, "crate::high::High"),
    ] {
        let expected = format!("thorn-core/src/middle.rs:{line}: `middle` imports `high` ({path}), {rule}");
        assert!(broken(&[("middle.rs", text)]).contains(&expected), "{text}: {:?}", broken(&[("middle.rs", text)]));
    }
    let of_a_child = broken(&[("middle.rs", "mod a;"), ("middle/a.rs", "use super::super::high::High;")]);
    assert!(of_a_child[0].starts_with("thorn-core/src/middle/a.rs:1: `middle` imports `high`"), "{of_a_child:?}");
}

#[test]
fn tests_comments_and_strings_may_say_anything() {
    let middle = r###"
        //! crate::high::High
        /* use crate::high::High; */
        const TEXT: &str = r#"use crate::high::"High";"#;
        macro_rules! high { () => { $crate::high::High } }
        #[cfg(test)]
        use crate::high::High;
        #[cfg(test)]
        mod fixture;
        #[cfg(all(test, feature = "sqlite"))]
        mod tests {
            use crate::high::High;
        }
    "###;
    let high = "use crate::high::High;";
    assert_eq!(broken(&[("middle.rs", middle), ("middle/tests.rs", high), ("middle/fixture.rs", high)]), [""; 0]);
    // Code that isn't only for tests is read.
    assert_eq!(broken(&[("middle.rs", "#[cfg(not(test))]\nuse crate::high::High;")]).len(), 1);
    assert_eq!(broken(&[("middle.rs", "#[cfg(test)]\nuse crate::low::Low;\nuse crate::high::High;")]).len(), 1);
}

#[test]
fn two_rooms_that_import_each_other_are_told_once() {
    let wrong = broken(&[("low.rs", "use crate::middle::M;"), ("middle.rs", "\nuse crate::low::L;")]);
    let pair = "thorn-core/src/low.rs:1 and thorn-core/src/middle.rs:2: `low` and `middle` import each other";
    assert_eq!(wrong.iter().filter(|one| *one == pair).count(), 1, "{wrong:?}");
}

#[test]
fn files_of_a_room_that_import_each_other_in_a_circle_are_told_with_each_step() {
    let room = ("low.rs", "mod a;\nmod b;\nmod c;\npub use a::A;\npub use b::{B, self as bees};\nuse c::C;");
    let circle =
        [room, ("low/a.rs", "use super::B;"), ("low/b.rs", "use super::c::C;"), ("low/c.rs", "use crate::low::A;")];
    let steps = ["a.rs:1 imports thorn-core/src/low/b.rs", "b.rs:1 imports thorn-core/src/low/c.rs"];
    let wrong = broken(&circle);
    assert!(wrong.len() == 1 && steps.iter().all(|step| wrong[0].contains(step)), "{wrong:?}");
    let inline = [room, ("low/a.rs", "use super::bees;"), ("low/b.rs", "fn f() { super::a::f() }"), ("low/c.rs", "")];
    assert_eq!(broken(&inline).len(), 1, "{:?}", broken(&inline));

    let straight =
        [room, ("low/a.rs", "use super::B;"), ("low/b.rs", "use super::c::C;"), ("low/c.rs", "use std::fmt;")];
    assert_eq!(broken(&straight), [""; 0]);
}

#[test]
fn a_list_of_rooms_that_the_declarations_disagree_with_is_told() {
    let mut files = core(&[]);
    let lib = files.get_mut("thorn-core/src/lib.rs").unwrap();
    *lib = lib.replace("mod low;\nmod middle;", "mod middle;\nmod low;");
    let wrong = broken_imports(&files, "thorn-core/src");
    assert!(wrong.len() == 1 && wrong[0].starts_with("thorn-core/src/lib.rs: its tables list"), "{wrong:?}");
}

#[test]
fn sentences_without_their_subject_are_counted() {
    let text = "//! Who is late waits.\n    // It waits. Whose turn it is\n/// - Of these, one.\n//! What is this?\n\
                // They know what it is, and of whom.\n// Whatever.\nlet text = \"// Of strings\";\n/// Whoever asks.\n";
    let lines: Vec<_> = prose::headless("a.rs", text).iter().map(|line| line[..6].to_owned()).collect();
    assert_eq!(lines, ["a.rs:1", "a.rs:2", "a.rs:3", "a.rs:8"]);
}
