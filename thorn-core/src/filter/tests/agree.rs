//! A filter gives the same answers as `Field`. Both are compared with appendix A of the conformance list
//! (column *port*), and with each other over random values.

use proptest::prelude::{BoxedStrategy, Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::Q;
use crate::model::{Contains, EqualTo, Field, Null, OrderedWith, Text, Truthy};

/// Calls the method of the named operator, or of its transition. `None` if no operator has that name.
macro_rules! call {
    ($field:expr, $operator:expr, $operand:tt: $($name:literal $method:ident $transition:ident),*) => {
        match $operator.strip_prefix("now_") {
            $(None if $operator == $name => Some(call!(@ $field, $method, $operand)),)*
            $(Some($name) => Some(call!(@ $field, $transition, $operand)),)*
            _ => None,
        }
    };
    (@ $field:expr, $method:ident, ($($operand:expr)?)) => { $field.$method($($operand)?) };
}

fn equality<T, V: EqualTo<T>>(field: Field<'_, T>, operator: &str, operand: V) -> Option<bool> {
    call!(field, operator, (operand): "eq" eq now_eq, "ne" ne now_ne)
}

fn ordering<T, V: OrderedWith<T>>(field: Field<'_, T>, operator: &str, operand: V) -> Option<bool> {
    call!(field, operator, (operand): "gt" gt now_gt, "gte" gte now_gte, "lt" lt now_lt, "lte" lte now_lte)
}

fn membership<T, V: EqualTo<T>>(field: Field<'_, T>, operator: &str, operand: &[V]) -> Option<bool> {
    call!(field, operator, (operand): "in" is_in now_in, "not_in" not_in now_not_in)
}

fn containment<T: Contains<N>, N>(field: Field<'_, T>, operator: &str, operand: N) -> Option<bool> {
    call!(field, operator, (operand): "contains" contains now_contains)
}

fn affix<T: Text>(field: Field<'_, T>, operator: &str, operand: &str) -> Option<bool> {
    call!(field, operator, (operand): "startswith" starts_with now_starts_with, "endswith" ends_with now_ends_with)
}

fn without_operand<T: Truthy + PartialEq>(field: Field<'_, T>, operator: &str) -> Option<bool> {
    if operator == "changed" {
        return Some(field.changed());
    }
    call!(field, operator, (): "is_null" is_null now_is_null, "is_not_null" is_not_null now_is_not_null,
        "is_true" is_true now_is_true, "is_false" is_false now_is_false)
}

fn all<T: DeserializeOwned>(values: &Value) -> Option<Vec<T>> {
    serde_json::from_value(values.clone()).ok()
}

/// The answer of an integer column. `None` if `Field` has no such operator for this operand.
fn integer(field: Field<'_, i64>, operator: &str, operand: &Value) -> Option<bool> {
    match operand {
        Value::Null => equality(field, operator, Null),
        Value::Bool(it) => without_operand(field, operator).or_else(|| equality(field, operator, *it)),
        Value::Number(it) => {
            let it = it.as_i64()?;
            equality(field, operator, it).or_else(|| ordering(field, operator, it))
        }
        list => membership(field, operator, &all::<i64>(list)?),
    }
}

fn float(field: Field<'_, f64>, operator: &str, operand: &Value) -> Option<bool> {
    match operand {
        Value::Null => equality(field, operator, Null),
        Value::Bool(it) => without_operand(field, operator).or_else(|| equality(field, operator, *it)),
        Value::Number(it) => match it.as_i64().map(i32::try_from) {
            Some(it) => {
                let it = it.ok()?;
                equality(field, operator, it).or_else(|| ordering(field, operator, it))
            }
            None => {
                let it = it.as_f64()?;
                equality(field, operator, it).or_else(|| ordering(field, operator, it))
            }
        },
        list => match all::<i32>(list) {
            Some(list) => membership(field, operator, &list),
            None => membership(field, operator, &all::<f64>(list)?),
        },
    }
}

fn string(field: Field<'_, String>, operator: &str, operand: &Value) -> Option<bool> {
    match operand {
        Value::Null => equality(field, operator, Null),
        Value::Bool(it) => without_operand(field, operator).or_else(|| equality(field, operator, *it)),
        Value::String(it) => {
            let it = it.as_str();
            let compared = equality(field, operator, it).or_else(|| ordering(field, operator, it));
            compared.or_else(|| containment(field, operator, it)).or_else(|| affix(field, operator, it))
        }
        list => membership(field, operator, &all::<String>(list)?.iter().map(String::as_str).collect::<Vec<_>>()),
    }
}

fn boolean(field: Field<'_, bool>, operator: &str, operand: &Value) -> Option<bool> {
    match operand {
        Value::Null => equality(field, operator, Null),
        Value::Bool(it) => without_operand(field, operator).or_else(|| equality(field, operator, *it)),
        list => membership(field, operator, &all::<bool>(list)?),
    }
}

fn list(field: Field<'_, Vec<i64>>, operator: &str, operand: &Value) -> Option<bool> {
    match operand {
        Value::Null => equality(field, operator, Null),
        Value::Bool(it) => {
            let answer = without_operand(field, operator).or_else(|| equality(field, operator, *it));
            answer.or_else(|| containment(field, operator, *it))
        }
        Value::Number(it) => containment(field, operator, it.as_i64()?),
        list => equality(field, operator, all::<i64>(list)?),
    }
}

fn object(field: Field<'_, Value>, operator: &str, operand: &Value) -> Option<bool> {
    match operand {
        Value::Bool(it) => without_operand(field, operator).or_else(|| equality(field, operator, *it)),
        Value::String(it) => {
            let answer = equality(field, operator, it.as_str()).or_else(|| containment(field, operator, it.as_str()));
            answer.or_else(|| affix(field, operator, it))
        }
        other => equality(field, operator, other.clone()),
    }
}

/// The answer of the first column type that holds these values and has this operator.
fn field_answer(operator: &str, operand: &Value, new: &Value, old: Option<&Value>) -> Option<bool> {
    fn ask<T: DeserializeOwned>(
        answer: fn(Field<'_, T>, &str, &Value) -> Option<bool>,
        (operator, operand, new, old): (&str, &Value, &Value, Option<&Value>),
    ) -> Option<bool> {
        let read = |value: &Value| serde_json::from_value::<Option<T>>(value.clone()).ok();
        let (new, old) = (read(new)?, old.map_or(Some(None), read)?);
        answer(Field::new(old.as_ref(), new.as_ref()), operator, operand)
    }
    let question = (operator, operand, new, old);
    let first = [ask(integer, question), ask(string, question), ask(boolean, question), ask(float, question)];
    let first = first.into_iter().flatten().next();
    first.or_else(|| ask(list, question)).or_else(|| ask(object, question))
}

fn q_answer(operator: &str, operand: &Value, new: &Value, old: Option<&Value>) -> Option<bool> {
    let q = Q::from_json(&json!({ "x": { operator: operand } })).ok()?;
    Some(q.matches(&json!({ "x": new }), old.map(|old| json!({ "x": old })).as_ref()))
}

/// Operator, operand, new value, old values and the expected answer.
type Line = (&'static str, Value, Value, Vec<Option<Value>>, bool);

/// Appendix A. An old value of `None` means that there is no previous version.
fn appendix() -> Vec<Line> {
    let some = |values: Value| -> Vec<Option<Value>> { values.as_array().unwrap().iter().cloned().map(Some).collect() };
    let or_none = |values: Value| -> Vec<Option<Value>> { some(values).into_iter().chain([None]).collect() };
    vec![
        ("now_eq", json!(1), json!(1), or_none(json!([0, null])), true),
        ("now_eq", json!(1), json!(1), some(json!([1])), false),
        ("now_eq", json!(null), json!(null), some(json!([1])), true),
        ("now_eq", json!(null), json!(null), or_none(json!([null])), false),
        ("now_eq", json!(true), json!("x"), some(json!([""])), true),
        ("now_eq", json!(false), json!(null), some(json!([true])), true),
        ("now_ne", json!(2), json!(1), some(json!([2])), true),
        ("now_ne", json!(2), json!(1), or_none(json!([0, 1, null])), false),
        ("now_gt", json!(20), json!(22), or_none(json!([10, 20, null])), true),
        ("now_gt", json!(20), json!(22), some(json!([22])), false),
        ("now_gte", json!(20), json!(20), some(json!([20])), false),
        ("now_gte", json!(20), json!(22), some(json!([20, 22])), false),
        ("now_lt", json!(20), json!(10), some(json!([20])), true),
        ("now_lte", json!(20), json!(20), some(json!([22])), true),
        ("now_lte", json!(20), json!(10), some(json!([20])), false),
        ("now_in", json!(["a"]), json!("a"), or_none(json!(["b", null])), true),
        ("now_not_in", json!(["a"]), json!("b"), some(json!(["a"])), true),
        ("now_not_in", json!(["a"]), json!("b"), or_none(json!(["c", null])), false),
        ("now_is_null", json!(true), json!(null), some(json!([1])), true),
        ("now_is_null", json!(true), json!(null), vec![None], false),
        ("now_is_not_null", json!(true), json!(1), or_none(json!([null])), true),
        ("now_contains", json!("x"), json!("axb"), or_none(json!(["ab", null])), true),
        ("now_startswith", json!("a"), json!("ab"), or_none(json!([null])), true),
        ("now_endswith", json!("b"), json!("ab"), or_none(json!([null])), true),
        // Operators that look at the new value only.
        ("eq", json!(1), json!(1), vec![None], true),
        ("eq", json!(1), json!(null), vec![None], false),
        ("eq", json!(1), json!(1.0), vec![None], true),
        ("ne", json!(1), json!(null), vec![None], true),
        ("gt", json!(1), json!(null), vec![None], false),
        ("gte", json!(1), json!(null), vec![None], false),
        ("lt", json!(1), json!(null), vec![None], false),
        ("lte", json!(1), json!(null), vec![None], false),
        ("in", json!(["a", "b"]), json!(null), vec![None], false),
        ("not_in", json!(["a", "b"]), json!(null), vec![None], true),
        ("contains", json!("a"), json!(null), vec![None], false),
        ("startswith", json!("a"), json!(null), vec![None], false),
        ("endswith", json!("a"), json!(null), vec![None], false),
        ("is_null", json!(true), json!(0), vec![None], false),
        // Truthiness.
        ("eq", json!(true), json!([1]), vec![None], true),
        ("eq", json!(false), json!(""), vec![None], true),
        ("ne", json!(false), json!(0), vec![None], false),
        ("is_true", json!(true), json!({}), vec![None], false),
        ("is_false", json!(true), json!(null), vec![None], true),
    ]
}

#[test]
fn thorn_031_to_048_columns_and_filters_answer_as_appendix_a_says() {
    for (operator, operand, new, olds, expected) in appendix() {
        for old in &olds {
            let case = format!("{operator}={operand} new {new} old {old:?}");
            assert_eq!(field_answer(operator, &operand, &new, old.as_ref()), Some(expected), "Field: {case}");
            assert_eq!(q_answer(operator, &operand, &new, old.as_ref()), Some(expected), "Q: {case}");
        }
    }
}

/// A strategy for each type of column; the values it generates are all of that type.
fn column() -> BoxedStrategy<BoxedStrategy<Value>> {
    let floats = prop::sample::select(vec![-2.5, -1.0, -0.0, 0.0, 0.5, 1.0, 2.0, 1e15]);
    prop_oneof![
        Just(prop_oneof![-2..3_i64, any::<i64>()].prop_map(Value::from).boxed()),
        Just(floats.prop_map(Value::from).boxed()),
        Just("[abA]{0,3}".prop_map(Value::from).boxed()),
        Just(any::<bool>().prop_map(Value::from).boxed()),
        Just(prop::collection::vec(0..3_i64, 0..3).prop_map(Value::from).boxed()),
        Just(
            prop::sample::select(vec![json!({}), json!({ "a": 1 }), json!({ "a": 1.0 }), json!({ "b": null })]).boxed()
        ),
    ]
    .boxed()
}

const OPERATORS: [&str; 16] = [
    "eq",
    "ne",
    "gt",
    "gte",
    "lt",
    "lte",
    "in",
    "not_in",
    "contains",
    "startswith",
    "endswith",
    "is_null",
    "is_not_null",
    "is_true",
    "is_false",
    "changed",
];

#[derive(Clone, Debug)]
struct Question {
    operator: String,
    operand: Value,
    new: Value,
    old: Option<Value>,
}

fn question() -> impl Strategy<Value = Question> {
    let operator = (prop::sample::select(OPERATORS.to_vec()), any::<bool>());
    (operator, column()).prop_flat_map(|((name, now), value)| {
        let operator = if now && name != "changed" { format!("now_{name}") } else { name.to_owned() };
        let nullable = prop_oneof![4 => value.clone(), 1 => Just(Value::Null)];
        let element = prop_oneof![(0..3_i64).prop_map(Value::from), "[ab]".prop_map(Value::from)];
        let operand = match name {
            "in" | "not_in" => prop::collection::vec(value, 0..3).prop_map(Value::from).boxed(),
            "contains" => prop_oneof![element, any::<bool>().prop_map(Value::from)].boxed(),
            "startswith" | "endswith" => "[ab]{0,2}".prop_map(Value::from).boxed(),
            "eq" | "ne" => {
                prop_oneof![4 => value, 1 => any::<bool>().prop_map(Value::from), 1 => Just(Value::Null)].boxed()
            }
            "gt" | "gte" | "lt" | "lte" => prop_oneof![value, (-2..3_i64).prop_map(Value::from)].boxed(),
            _ => Just(Value::Bool(true)).boxed(),
        };
        (operand, nullable.clone(), prop::option::of(nullable)).prop_map(move |(operand, new, old)| Question {
            operator: operator.clone(),
            operand,
            new,
            old,
        })
    })
}

#[test]
fn columns_and_filters_give_the_same_answers() {
    use std::{cell::RefCell, collections::BTreeSet};

    let compared = RefCell::new(BTreeSet::new());
    proptest!(ProptestConfig::with_cases(10_000), |(Question { operator, operand, new, old } in question())| {
        let answers = (field_answer(&operator, &operand, &new, old.as_ref()), q_answer(&operator, &operand, &new, old.as_ref()));
        if let (Some(field), Some(q)) = answers {
            assert_eq!(q, field, "{operator}={operand} new {new} old {old:?}");
            compared.borrow_mut().insert((operator, field));
        }
    });
    let compared = compared.into_inner();
    // Control: all 31 operators were compared, and nearly all of them gave both answers.
    let operators: BTreeSet<_> = compared.iter().map(|(operator, _)| operator).collect();
    assert_eq!(operators.len(), 31, "{operators:?}");
    assert!(compared.len() >= 60, "{compared:?}");
}
