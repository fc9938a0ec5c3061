//! Errors of the macros: one fixture per mistake.
//!
//! `TRYBUILD=overwrite cargo test --test it ui` writes what they say now.

#[test]
fn mistakes_are_explained() {
    let cases = trybuild::TestCases::new();
    for folder in ["attribute", "event", "filter", "link", "model"] {
        cases.compile_fail(format!("tests/ui/{folder}/*.rs"));
    }
}
