//! Reading, writing and combining filters. The answers that filters give are tested in `agree`.

mod agree;

use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop, prop_assert_eq, prop_oneof, proptest};
use serde_json::{Value, json};

use super::{Q, test::MAX_OPERAND_DEPTH};

fn read(json: &Value) -> Q {
    Q::from_json(json).unwrap()
}

fn problems(json: &Value) -> Vec<String> {
    Q::from_json(json).unwrap_err().problems
}

#[test]
fn thorn_021_several_operators_and_several_paths_must_all_hold() {
    let q = read(&json!({ "views": { "gt": 10, "lte": 20 }, "state": "PUBLISHED" }));
    for (views, state, expected) in [(15, "PUBLISHED", true), (25, "PUBLISHED", false), (15, "DRAFT", false)] {
        assert_eq!(q.matches(&json!({ "views": views, "state": state }), None), expected, "{views} {state}");
    }
    assert!(read(&json!({})).matches(&json!({ "state": "x" }), None));
}

#[test]
fn an_operand_may_nest_only_as_deep_as_its_stored_text_can_be_read() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    let filter = |depth| format!(r#"{{"a": {{"eq": {}}}, "or": [{{"b": 1}}, {{"c": 1}}]}}"#, nested(depth));
    let read = |depth: usize| serde_json::from_str(&filter(depth)).map(|json: Value| Q::from_json(&json));
    // Every accepted filter must be readable from its text. Otherwise it could never match again.
    for depth in (0..126).rev() {
        let stored = read(depth).unwrap().map(|q| q.to_string().parse::<Q>() == Ok(q));
        assert_eq!(stored.is_ok(), depth <= MAX_OPERAND_DEPTH, "{depth}: {stored:?}");
        assert!(stored.unwrap_or(true), "{depth}");
    }
}

#[test]
fn thorn_029_051_a_path_leads_into_objects_and_is_null_if_an_object_on_it_is_null() {
    let q = Q::field("author.name").eq("alice");
    assert!(q.matches(&json!({ "author": { "name": "alice" } }), None));
    for other in [
        json!({ "author": { "name": "bob" } }),
        json!({ "author": null }),
        json!({ "author": "alice" }),
        json!({ "author": [{ "name": "alice" }] }),
        json!({ "author.name": "alice" }),
        json!({}),
        json!(null),
    ] {
        assert!(!q.matches(&other, None), "{other}");
    }
    for null in [json!({ "author": null }), json!({}), json!({ "author": { "name": null } }), json!([1])] {
        assert!(Q::field("author.name").is_null().matches(&null, None), "{null}");
        assert!(Q::field("author.name").ne("alice").matches(&null, None), "{null}");
    }
}

#[test]
fn thorn_030_every_problem_is_reported_with_path_operator_and_what_is_allowed() {
    let wrong = json!({
        "a": { "equals": 1 }, "b.": { "eq": 1 }, "c": { "gt": null }, "d": { "startswith": 1 }, "e": { "in": "abc" },
        "f": { "in": [1, null] }, "g": {}, "h": [1], "i": { "contains": null }, "j": { "is": 1 }, "k": { "now": 1 },
        "l": { "changed": false }, "m": { "is_null": false }, "": 1, "n": { "gt": true },
    });
    let problems = problems(&wrong).join("\n");
    for expected in [
        "`a`: unknown operator `equals`; use eq, ne, gt, gte, lt, lte, in, not_in, contains, startswith, endswith, \
         is_null, is_not_null, is_true, is_false (each also with the prefix now_), or changed",
        "`b.` is not a path",
        "`c`: `gt` takes a number or a string",
        "`d`: `startswith` takes a string",
        "`e`: `in` takes a list without null",
        "`f`: `in` takes a list",
        "`g` has no operator; use eq",
        "`h`: a bare list is ambiguous",
        "`i`: `contains` takes a substring",
        "`j`: `is` takes only null",
        "`k`: unknown operator `now`",
        "`l`: `changed` takes only true",
        "`m`: `is_null` takes only true",
        "`` is not a path",
        "`n`: `gt` takes a number",
    ] {
        assert!(problems.contains(expected), "{expected}\n{problems}");
    }
    for wrong in
        [json!(1), json!([]), json!({ "and": [] }), json!({ "or": {} }), json!({ "not": 1 }), json!({ "and": [1] })]
    {
        assert!(Q::from_json(&wrong).is_err(), "{wrong}");
    }
    assert!("{".parse::<Q>().unwrap_err().to_string().contains("not valid JSON"));
    assert!(Q::field("a").gt(true).check().is_err() && Q::field("").eq(1).check().is_err());
    assert!(Q::field("a").gt(1).check().is_ok());
}

#[test]
fn thorn_034_a_string_is_not_a_list() {
    assert!(problems(&json!({ "state": { "not_in": "DRAFT" } }))[0].contains("`not_in` takes a list"));
}

#[test]
fn thorn_046_is_takes_null_only() {
    assert_eq!(read(&json!({ "a": { "is": null } })), Q::field("a").is_null());
    assert_eq!(read(&json!({ "a": { "now_is_not": null } })), Q::field("a").now_is_not_null());
    assert!(problems(&json!({ "a": { "now_is_not": 7 } }))[0].contains("`now_is_not` takes only null"));
}

#[test]
fn thorn_049_and_or_not_nest_and_have_the_precedence_of_rust() {
    let [a, b, c] = ["a", "b", "c"].map(|name| Q::field(name).is_true());
    let q = a | b & !c;
    for (n, expected) in [true, true, true, true, false, false, true, false].into_iter().enumerate() {
        let value = json!({ "a": n & 4 == 0, "b": n & 2 != 0, "c": n & 1 != 0 });
        assert_eq!(q.matches(&value, None), expected, "{value}");
    }
    assert_eq!(
        q.to_json(),
        json!({ "or": [{ "a": { "is_true": true } }, { "and": [{ "b": { "is_true": true } }, { "not": { "c": { "is_true": true } } }] }] })
    );
    assert!(Q::default().matches(&json!(null), None) && !(!Q::default()).matches(&json!(null), None));
    assert!(!read(&json!({ "not": {} })).matches(&json!({}), None));
    assert!((Q::field("a").eq(1) | Q::default()).is_empty());
}

#[test]
fn thorn_050_a_filter_is_read_from_text_and_written_in_canonical_form() {
    for (text, canonical) in [
        (r#"{"b": 1, "a": {"lt": 2, "gt": 1}}"#, r#"{"a":{"gt":1,"lt":2},"b":{"eq":1}}"#),
        (r#"{"and": [{"b": 1}, {"a": null}, {"b": {"eq": 1}}]}"#, r#"{"a":{"eq":null},"b":{"eq":1}}"#),
        (r#"{"and": [{"a": {"ne": 2}}, {"a": {"ne": 1}}]}"#, r#"{"and":[{"a":{"ne":1}},{"a":{"ne":2}}]}"#),
        (r#"{"not": {"not": {"a": {"true": true}}}}"#, r#"{"a":{"is_true":true}}"#),
        (r#"{"or": [{"a": {"now_is_in": [1]}}]}"#, r#"{"a":{"now_in":[1]}}"#),
        (r#"{"$.and": 1, "$.a": 2, "$.$.b": 3}"#, r#"{"$.$.b":{"eq":3},"$.and":{"eq":1},"a":{"eq":2}}"#),
        (r#"{"a": {"eq": {"y": 1, "x": {"b": 1, "a": 2}}}}"#, r#"{"a":{"eq":{"x":{"a":2,"b":1},"y":1}}}"#),
        ("{}", "{}"),
    ] {
        let q: Q = text.parse().unwrap();
        assert_eq!(q.to_string(), canonical);
        assert_eq!(canonical.parse::<Q>().unwrap(), q);
        assert_eq!(serde_json::from_str::<Q>(&serde_json::to_string(&q).unwrap()).unwrap(), q);
    }
    assert!(read(&json!({ "$.and": 1 })).matches(&json!({ "and": 1 }), None));
    assert!(serde_json::from_str::<Q>(r#"{"a": {"b": 1}}"#).unwrap_err().to_string().contains("unknown operator `b`"));
}

#[test]
fn filters_at_the_limits_are_read_and_larger_ones_are_refused() {
    let nested =
        |depth: usize| (0..depth).fold(json!({ "a": 1 }), |inner, _| json!({ "not": { "or": [inner, { "b": 1 }] } }));
    assert!(Q::from_json(&nested(8)).is_ok());
    assert!(problems(&nested(9))[0].contains("deeper than 16"), "{:?}", problems(&nested(9)));
    let wide = |n: usize| json!({ "or": (0..n).map(|n| json!({ "a": n })).collect::<Vec<_>>() });
    assert!(Q::from_json(&wide(100)).is_ok());
    assert!(problems(&wide(101))[0].contains("101 tests; at most 100"));
    assert!(Q::from_json(&json!({ "a".repeat(190): 1 })).is_ok());
    assert!(problems(&json!({ "a".repeat(191): 1 }))[0].contains("longer than 190"));
    assert!(Q::from_json(&json!({ "a": "x".repeat(16_000) })).is_ok());
    assert!(problems(&json!({ "a": "x".repeat(17_000) }))[0].contains("at most 16384"));
    assert!(
        problems(&json!((0..5000).map(|n| (format!("a{n}"), json!({}))).collect::<serde_json::Map<_, _>>())).len()
            <= 42
    );
}

#[test]
fn thorn_028_transitions_are_found_anywhere_in_the_tree() {
    let plain = Q::field("a").eq(1) | !Q::field("b").is_null();
    assert!(!plain.reads_old());
    assert!((plain.clone() & !Q::field("c").now_eq(1)).reads_old());
    assert!((plain | Q::field("c").changed()).reads_old());
}

#[test]
fn changed_compares_with_the_previous_version() {
    let q = Q::field("a").changed();
    for (new, old, expected) in [
        (json!({ "a": 1 }), Some(json!({ "a": 1 })), false),
        (json!({ "a": 1 }), Some(json!({ "a": 2 })), true),
        (json!({ "a": 1 }), Some(json!({ "a": true })), true),
        (json!({ "a": 1 }), None, true),
        (json!({ "a": null }), None, false),
        (json!({}), Some(json!({ "a": 1 })), true),
    ] {
        assert_eq!(q.matches(&new, old.as_ref()), expected, "{new} {old:?}");
    }
}

fn filter() -> BoxedStrategy<Q> {
    let name = prop::sample::select(vec!["a", "b.c", "and", "not", "$.or"]);
    let value = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9..9_i64).prop_map(Value::from),
        "[a-c]{0,2}".prop_map(Value::from),
        Just(json!({ "y": [1, null], "x": 0.5 })),
    ];
    let test = (name, value, 0..7).prop_map(|(name, value, operator)| match operator {
        0 => Q::field(name).eq(value),
        1 => Q::field(name).now_ne(value),
        2 => Q::field(name).gt(3),
        3 => Q::field(name).not_in(["a", "b"]),
        4 => Q::field(name).starts_with("a"),
        5 => Q::field(name).is_null(),
        _ => Q::field(name).changed(),
    });
    test.prop_recursive(3, 20, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(one, other)| one & other),
            (inner.clone(), inner.clone()).prop_map(|(one, other)| one | other),
            inner.prop_map(|one| !one),
        ]
    })
    .boxed()
}

proptest! {
    #[test]
    fn every_filter_round_trips_through_its_text(q in filter()) {
        prop_assert_eq!(&q.to_string().parse::<Q>().unwrap(), &q);
        prop_assert_eq!(q.to_string().parse::<Q>().unwrap().to_string(), q.to_string());
    }

    #[test]
    fn thorn_049_combined_filters_answer_as_combined_booleans(one in filter(), other in filter(), a in -2..5_i64) {
        let (new, old) = (json!({ "a": a, "and": "a" }), json!({ "a": 3, "b": { "c": 3 } }));
        let holds = |q: &Q| q.matches(&new, Some(&old));
        let (first, second) = (holds(&one), holds(&other));
        prop_assert_eq!(holds(&(one.clone() & other.clone())), first && second);
        prop_assert_eq!(holds(&(one.clone() | other)), first || second);
        prop_assert_eq!(holds(&!one), !first);
    }
}

#[test]
fn an_integer_beyond_64_bits_is_refused_instead_of_rounded() {
    for number in ["18446744073709551616", "-9223372036854775809", "123456789012345678901234567890", "1e300"] {
        for filter in [
            format!(r#"{{"views": {number}}}"#),
            format!(r#"{{"views": {{"gt": {number}}}}}"#),
            format!(r#"{{"views": {{"in": [1, {number}]}}}}"#),
            format!(r#"{{"views": {{"eq": {{"a": [{number}]}}}}}}"#),
        ] {
            let problem = filter.parse::<Q>().unwrap_err().to_string();
            assert!(problem.contains("beyond 64 bits") && problem.contains("`views`"), "{filter}: {problem}");
            assert!(Q::of_stored(&filter).is_ok(), "release 0.1 may have stored {filter}");
        }
    }
    for number in ["18446744073709551615", "-9223372036854775808", "1.5", "1e15"] {
        assert!(format!(r#"{{"views": {{"gt": {number}}}}}"#).parse::<Q>().is_ok(), "{number}");
    }
}
