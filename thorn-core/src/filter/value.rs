//! How values of JSON compare, for columns that hold JSON and for filters as data.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// Null as [`Field`](crate::model::Field) sees it.
pub(crate) fn some(value: &Value) -> Option<&Value> {
    (!value.is_null()).then_some(value)
}

/// False for null, `false`, zero and what is empty.
pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(it) => *it,
        Value::Number(it) => it.as_f64() != Some(0.0),
        Value::String(it) => !it.is_empty(),
        Value::Array(it) => !it.is_empty(),
        Value::Object(it) => !it.is_empty(),
    }
}

/// Whether a value that may be null equals this one. A `bool` asks for its truth, and a number takes
/// `true` for one and `false` for zero.
pub(crate) fn equals(operand: &Value, value: Option<&Value>) -> bool {
    let value = value.and_then(some);
    match (operand, value) {
        (Value::Null, value) => value.is_none(),
        (Value::Bool(operand), value) => value.is_some_and(is_truthy) == *operand,
        (_, None) => false,
        (Value::Number(operand), Some(Value::Bool(value))) => operand.as_f64() == Some(f64::from(u8::from(*value))),
        (operand, Some(value)) => is_same(operand, value),
    }
}

/// Whether two values are the same; numbers are what they amount to, so 1 is 1.0.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => order_numbers(one, other) == Some(Ordering::Equal),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_there = |(key, one)| other.get(key).is_some_and(|other| is_same(one, other));
            one.len() == other.len() && one.iter().all(is_there)
        }
        _ => one == other,
    }
}

/// How a value compares to this one; `None` unless both are numbers or both are strings.
pub(crate) fn order(value: &Value, operand: &Value) -> Option<Ordering> {
    match (value, operand) {
        (Value::Number(value), Value::Number(operand)) => order_numbers(value, operand),
        (Value::Bool(value), Value::Number(operand)) => order_numbers(&Number::from(u8::from(*value)), operand),
        (Value::String(value), Value::String(operand)) => Some(value.cmp(operand)),
        _ => None,
    }
}

/// Exact, although a float can't hold every integer.
fn order_numbers(one: &Number, other: &Number) -> Option<Ordering> {
    match (whole(one), whole(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        (Some(one), None) => order_mixed(one, other.as_f64()?),
        (None, Some(other)) => order_mixed(other, one.as_f64()?).map(Ordering::reverse),
        (None, None) => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

#[expect(clippy::cast_possible_truncation, reason = "beyond the integers the cast keeps to the nearest")]
fn order_mixed(whole: i128, float: f64) -> Option<Ordering> {
    let order = whole.cmp(&(float.trunc() as i128));
    if order.is_eq() { 0.0.partial_cmp(&float.fract()) } else { Some(order) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thorn_031_numbers_are_what_they_amount_to() {
        for (one, other, expected) in [
            (json!(1), json!(1.0), Ordering::Equal),
            (json!(-1), json!(u64::MAX), Ordering::Less),
            (json!(2), json!(2.5), Ordering::Less),
            (json!(-2), json!(-2.5), Ordering::Greater),
            (json!(9_007_199_254_740_993_i64), json!(9_007_199_254_740_992.0), Ordering::Greater),
            (json!(u64::MAX), json!(1e300), Ordering::Less),
            (json!(i64::MIN), json!(-1e300), Ordering::Greater),
            (json!(0), json!(-0.0), Ordering::Equal),
        ] {
            assert_eq!(order(&one, &other), Some(expected), "{one} {other}");
            assert_eq!(order(&other, &one), Some(expected.reverse()), "{other} {one}");
            assert_eq!(is_same(&one, &other), expected.is_eq());
        }
        assert!(is_same(&json!([1, { "a": 2.0 }]), &json!([1.0, { "a": 2 }])));
        assert!(!is_same(&json!({ "a": 1 }), &json!({ "b": 1 })) && !is_same(&json!([1]), &json!([1, 1])));
    }

    #[test]
    fn thorn_031_one_equals_true_and_no_string() {
        for (value, expected) in
            [(json!(1), true), (json!(1.0), true), (json!(true), true), (json!("1"), false), (json!(null), false)]
        {
            assert_eq!(equals(&json!(1), Some(&value)), expected, "{value}");
        }
        assert!(equals(&json!(0), Some(&json!(false))) && !equals(&json!(2), Some(&json!(true))));
    }
}
