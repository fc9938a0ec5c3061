//! Comparison of JSON values, for JSON columns and for filters.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// The value, or `None` if it is null, as [`Field`](crate::model::Field) represents null.
pub(crate) fn non_null(value: &Value) -> Option<&Value> {
    (!value.is_null()).then_some(value)
}

/// False for null, `false`, zero, and empty strings, lists and objects; true for everything else.
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

/// Whether `value` equals `operand`; a `value` of `None` is null.
///
/// A Boolean operand compares with the truthiness of the value. A numeric operand treats `true` as 1 and
/// `false` as 0.
pub(crate) fn equals(operand: &Value, value: Option<&Value>) -> bool {
    let value = value.and_then(non_null);
    match (operand, value) {
        (Value::Null, value) => value.is_none(),
        (Value::Bool(operand), value) => value.is_some_and(is_truthy) == *operand,
        (_, None) => false,
        (Value::Number(operand), Some(Value::Bool(value))) => operand.as_f64() == Some(f64::from(u8::from(*value))),
        (operand, Some(value)) => is_same(operand, value),
    }
}

/// Whether two values are equal. Numbers compare by their value, so 1 equals 1.0.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => order_numbers(one, other) == Some(Ordering::Equal),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has_equal = |(key, one)| other.get(key).is_some_and(|other| is_same(one, other));
            one.len() == other.len() && one.iter().all(has_equal)
        }
        _ => one == other,
    }
}

/// Orders `value` relative to `operand`. Returns `None` unless both are numbers or both are strings; a
/// Boolean `value` counts as 0 or 1.
pub(crate) fn order(value: &Value, operand: &Value) -> Option<Ordering> {
    match (value, operand) {
        (Value::Number(value), Value::Number(operand)) => order_numbers(value, operand),
        (Value::Bool(value), Value::Number(operand)) => order_numbers(&Number::from(u8::from(*value)), operand),
        (Value::String(value), Value::String(operand)) => Some(value.cmp(operand)),
        _ => None,
    }
}

/// Compares without rounding: integers aren't converted to floats, which can't hold all of them.
fn order_numbers(one: &Number, other: &Number) -> Option<Ordering> {
    match (as_integer(one), as_integer(other)) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        (Some(one), None) => order_mixed(one, other.as_f64()?),
        (None, Some(other)) => order_mixed(other, one.as_f64()?).map(Ordering::reverse),
        (None, None) => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

fn as_integer(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float beyond the range of i128 becomes the nearest i128, which orders correctly"
)]
fn order_mixed(integer: i128, float: f64) -> Option<Ordering> {
    let order = integer.cmp(&(float.trunc() as i128));
    if order.is_eq() { 0.0.partial_cmp(&float.fract()) } else { Some(order) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn thorn_031_numbers_compare_by_value() {
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
    fn thorn_031_one_equals_true_but_not_the_string_1() {
        for (value, expected) in
            [(json!(1), true), (json!(1.0), true), (json!(true), true), (json!("1"), false), (json!(null), false)]
        {
            assert_eq!(equals(&json!(1), Some(&value)), expected, "{value}");
        }
        assert!(equals(&json!(0), Some(&json!(false))) && !equals(&json!(2), Some(&json!(true))));
    }
}
