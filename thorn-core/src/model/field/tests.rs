//! Appendix A of the conformance table (column *port*), and the plain operators.

use sea_orm::prelude::{Decimal, Json};
use serde_json::json;

use super::{Field, compare::Null};

/// `NULL` and `-` (no row before) in the table's column of old values.
const NULL: Option<&i32> = None;

fn int<'a>(new: Option<&'a i32>, old: Option<&'a i32>) -> Field<'a, i32> {
    Field::new(old, new)
}

fn text(new: Option<&'static str>, test: impl Fn(Field<'_, String>) -> bool, old: Option<&'static str>) -> bool {
    let (new, old) = (new.map(str::to_owned), old.map(str::to_owned));
    test(Field::new(old.as_ref(), new.as_ref()))
}

#[derive(Debug, PartialEq)]
enum State {
    Draft,
    Published,
}

#[test]
fn thorn_031_eq_and_ne_are_value_equality_and_null_is_well_defined() {
    assert!(int(Some(&1), NULL).eq(1) && !int(Some(&2), NULL).eq(1) && !int(NULL, NULL).eq(1));
    assert!(int(NULL, NULL).ne(30) && int(Some(&1), NULL).ne(30) && !int(Some(&30), NULL).ne(30));
    assert!(int(NULL, NULL).eq(Null) && int(Some(&0), NULL).ne(Null));
    assert!(Field::new(None, Some(&State::Draft)).eq(State::Draft));
    assert!(Field::new(None, Some(&State::Draft)).ne(&State::Published));
    assert!(text(Some("x"), |f| f.eq("x") && f.eq("x".to_owned()) && f.ne("y"), None));
    assert!(Field::new(None, Some(&1.0)).eq(1) && Field::new(None, Some(&Decimal::ONE)).eq(1));
}

#[test]
fn thorn_032_eq_true_and_false_ask_for_truth() {
    for (truthy, field) in [(true, int(Some(&5), NULL)), (false, int(Some(&0), NULL)), (false, int(NULL, NULL))] {
        assert_eq!(field.eq(true), truthy, "{field:?}");
        assert_eq!(field.ne(false), truthy, "{field:?}");
        assert_eq!(field.eq(false), !truthy, "{field:?}");
        assert_eq!(field.ne(true), !truthy, "{field:?}");
    }
    assert!(text(Some("x"), |f| f.eq(true), None) && text(Some(""), |f| f.eq(false), None));
    assert!(Field::new(None, Some(&vec![1])).eq(true) && Field::new(None, Some(&Vec::<i32>::new())).eq(false));
    assert!(Field::<bool>::new(None, None).eq(false) && !Field::<bool>::new(None, None).eq(true));
    assert!(Field::new(None, Some(&true)).eq(true) && Field::new(None, Some(&false)).eq(false));
    for (truthy, json) in [(false, json!(null)), (false, json!({})), (false, json!(0)), (true, json!([0]))] {
        assert_eq!(Field::new(None, Some(&json)).eq(true), truthy, "{json}");
    }
}

#[test]
fn thorn_033_orderings_are_false_for_null_and_the_incomparable() {
    let field = int(Some(&20), NULL);
    assert!(field.gt(19) && field.gte(20) && field.lt(21) && field.lte(20));
    assert!(!field.gt(20) && !field.gte(21) && !field.lt(20) && !field.lte(19));
    let null = int(NULL, NULL);
    assert!(!null.gt(1) && !null.gte(1) && !null.lt(1) && !null.lte(1));
    let nan = Field::new(None, Some(&f64::NAN));
    assert!(!nan.gt(1.0) && !nan.lte(1.0) && !nan.lt(1));
    assert!(text(Some("b"), |f| f.gt("a") && f.lt("c".to_owned()), None));
}

#[test]
fn thorn_034_null_is_no_member() {
    assert!(int(Some(&1), NULL).is_in([1, 2]) && !int(Some(&3), NULL).is_in([1, 2]) && !int(NULL, NULL).is_in([1]));
    assert!(int(NULL, NULL).not_in([1]) && int(Some(&3), NULL).not_in(vec![1, 2]) && !int(Some(&1), NULL).not_in([1]));
    assert!(text(Some("a"), |f| f.is_in(["a", "b"]), None));
    assert!(!Field::<bool>::new(None, None).is_in([false]));
}

#[test]
fn thorn_035_contains_is_a_substring_an_element_or_a_key() {
    assert!(text(Some("axb"), |f| f.contains("x") && !f.contains("y"), None));
    assert!(!text(None, |f| f.contains("x"), None));
    assert!(Field::new(None, Some(&vec![1, 2])).contains(2) && !Field::new(None, Some(&vec![1, 2])).contains(3));
    for (found, json) in [(true, json!({"x": 1})), (true, json!(["x"])), (true, json!("axb")), (false, json!(7))] {
        assert_eq!(Field::new(None, Some(&json)).contains("x"), found, "{json}");
    }
}

#[test]
fn thorn_036_starts_and_ends_are_case_sensitive_and_false_for_what_is_no_string() {
    assert!(text(Some("ab"), |f| f.starts_with("a") && f.ends_with("b"), None));
    assert!(!text(Some("ab"), |f| f.starts_with("A") || f.ends_with("B"), None));
    assert!(!text(None, |f| f.starts_with("") || f.ends_with(""), None));
    assert!(!Field::<Json>::new(None, Some(&json!(1))).starts_with("1"));
}

#[test]
fn thorn_037_is_null_is_about_null_only() {
    assert!(int(NULL, NULL).is_null() && !int(Some(&0), NULL).is_null());
    assert!(int(Some(&0), NULL).is_not_null() && !int(NULL, NULL).is_not_null());
}

#[test]
fn thorn_038_is_true_and_is_false_test_truth() {
    assert!(int(Some(&1), NULL).is_true() && int(Some(&0), NULL).is_false() && int(NULL, NULL).is_false());
    assert!(int(Some(&1), Some(&0)).now_is_true() && !int(Some(&1), Some(&2)).now_is_true());
    assert!(int(NULL, Some(&2)).now_is_false() && !int(NULL, NULL).now_is_false());
}

#[test]
fn thorn_040_now_eq() {
    for old in [Some(&0), NULL] {
        assert!(int(Some(&1), old).now_eq(1), "{old:?}");
    }
    assert!(!int(Some(&1), Some(&1)).now_eq(1));
    assert!(int(NULL, Some(&1)).now_eq(Null) && int(NULL, Some(&1)).now_is_null());
    assert!(!int(NULL, NULL).now_eq(Null));
}

#[test]
fn thorn_041_now_eq_of_a_bool_is_about_truth() {
    assert!(text(Some("x"), |f| f.now_eq(true), Some("")));
    assert!(!text(Some("x"), |f| f.now_eq(true), Some("y")));
    assert!(Field::new(Some(&true), None).now_eq(false));
    assert!(!Field::new(Some(&false), None).now_eq(false));
}

#[test]
fn thorn_042_now_ne_fires_on_the_change_away() {
    assert!(int(Some(&1), Some(&2)).now_ne(2));
    for old in [Some(&0), Some(&1), NULL] {
        assert!(!int(Some(&1), old).now_ne(2), "{old:?}");
    }
}

#[test]
fn thorn_043_now_gt_and_now_lt_fire_on_crossing() {
    for (new, old, fires) in [(22, Some(&10), true), (22, Some(&20), true), (22, Some(&22), false), (22, NULL, true)] {
        assert_eq!(int(Some(&new), old).now_gt(20), fires, "{new} {old:?}");
    }
    assert!(int(Some(&10), Some(&20)).now_lt(20) && !int(Some(&10), Some(&19)).now_lt(20));
}

#[test]
fn thorn_044_now_gte_and_now_lte_do_not_repeat() {
    for (new, old) in [(20, 20), (22, 20), (22, 22)] {
        assert!(!int(Some(&new), Some(&old)).now_gte(20), "{new} {old}");
    }
    assert!(int(Some(&20), Some(&19)).now_gte(20));
    assert!(int(Some(&20), Some(&22)).now_lte(20) && !int(Some(&10), Some(&20)).now_lte(20));
}

#[test]
fn thorn_045_now_in_is_entry_and_now_not_in_exit() {
    for old in [Some("b"), None] {
        assert!(text(Some("a"), |f| f.now_in(["a"]), old), "{old:?}");
    }
    assert!(!text(Some("a"), |f| f.now_in(["a"]), Some("a")));
    assert!(text(Some("b"), |f| f.now_not_in(["a"]), Some("a")));
    for old in [Some("c"), None] {
        assert!(!text(Some("b"), |f| f.now_not_in(["a"]), old), "{old:?}");
    }
}

#[test]
fn thorn_046_now_is_null_and_now_is_not_null() {
    assert!(int(NULL, Some(&1)).now_is_null() && !int(NULL, NULL).now_is_null());
    assert!(int(Some(&1), NULL).now_is_not_null() && !int(Some(&1), Some(&7)).now_is_not_null());
}

#[test]
fn thorn_047_now_contains_starts_with_ends_with_become_true() {
    assert!(text(Some("axb"), |f| f.now_contains("x"), Some("ab")));
    assert!(!text(Some("axb"), |f| f.now_contains("x"), Some("x")));
    assert!(text(Some("ab"), |f| f.now_starts_with("a") && f.now_ends_with("b"), Some("x")));
    assert!(!text(Some("ab"), |f| f.now_starts_with("a") || f.now_ends_with("b"), Some("acb")));
}

#[test]
fn thorn_048_without_an_old_value_orderings_and_strings_fire() {
    assert!(int(Some(&22), NULL).now_gt(20) && int(Some(&22), NULL).now_gte(22) && int(Some(&1), NULL).now_lt(2));
    assert!(text(Some("axb"), |f| f.now_contains("x") && f.now_starts_with("a") && f.now_ends_with("b"), None));
}

#[test]
fn changed_compares_with_the_version_before() {
    assert!(int(Some(&1), Some(&2)).changed() && !int(Some(&1), Some(&1)).changed());
    assert!(int(Some(&1), NULL).changed() && int(NULL, Some(&1)).changed() && !int(NULL, NULL).changed());
}
