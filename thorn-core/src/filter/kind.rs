//! Types that JSON has only as text.

use std::cmp::Ordering;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use sea_orm::{ColumnType, prelude::Decimal};
use serde_json::Value;

use super::value::{self, non_null};

/// How a value is compared that JSON shows as text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As JSON has it: text as text.
    #[default]
    Untyped,
    /// As a decimal number: `"10.50"` is greater than `"9"` and equals `10.5`.
    Decimal,
    /// As a date, a time of day or a moment (RFC 3339): `"2024-01-01T01:00:00+01:00"` equals `"2024-01-01T00:00:00Z"`.
    Time,
}

/// A point on a time line.
enum Moment {
    /// In UTC. A time without an offset counts as UTC, and a date as its midnight.
    Instant(NaiveDateTime),
    OfDay(NaiveTime),
}

impl Kind {
    pub(crate) const fn of_column(column: &ColumnType) -> Self {
        match column {
            ColumnType::Decimal(_) | ColumnType::Money(_) => Self::Decimal,
            ColumnType::Date
            | ColumnType::Time
            | ColumnType::DateTime
            | ColumnType::Timestamp
            | ColumnType::TimestampWithTimeZone => Self::Time,
            _ => Self::Untyped,
        }
    }

    /// Orders `value` relative to `operand`. If one of them isn't of this kind, both are compared as JSON has them.
    pub(super) fn order(self, value: &Value, operand: &Value) -> Option<Ordering> {
        self.typed_order(value, operand).or_else(|| value::order(value, operand))
    }

    /// Whether `value` equals `operand`; a `value` of `None` is null.
    pub(super) fn equals(self, operand: &Value, value: Option<&Value>) -> bool {
        let value = value.and_then(non_null);
        match (operand, value) {
            (Value::Bool(operand), Some(value)) => self.is_truthy(value) == *operand,
            (operand, Some(it)) => {
                self.typed_order(it, operand).map_or_else(|| value::equals(operand, value), Ordering::is_eq)
            }
            (operand, None) => value::equals(operand, None),
        }
    }

    /// As for JSON, but a decimal zero is false.
    pub(super) fn is_truthy(self, value: &Value) -> bool {
        match self {
            Self::Decimal => decimal(value).map_or_else(|| value::is_truthy(value), |decimal| !decimal.is_zero()),
            Self::Untyped | Self::Time => value::is_truthy(value),
        }
    }

    fn typed_order(self, value: &Value, operand: &Value) -> Option<Ordering> {
        match self {
            Self::Untyped => None,
            Self::Decimal => Some(decimal(value)?.cmp(&decimal(operand)?)),
            Self::Time => match (moment(value.as_str()?)?, moment(operand.as_str()?)?) {
                (Moment::Instant(one), Moment::Instant(other)) => Some(one.cmp(&other)),
                (Moment::OfDay(one), Moment::OfDay(other)) => Some(one.cmp(&other)),
                _ => None,
            },
        }
    }
}

/// A decimal, unless it has more digits than the type holds.
fn decimal(value: &Value) -> Option<Decimal> {
    let parse = |text: &str| Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).ok();
    match value {
        Value::String(text) => parse(text),
        Value::Number(number) => parse(&number.to_string()),
        _ => None,
    }
}

fn moment(text: &str) -> Option<Moment> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(Moment::Instant(moment.naive_utc()));
    }
    let naive = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];
    if let Some(moment) = naive.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok()) {
        return Some(Moment::Instant(moment));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Some(Moment::Instant(day.and_time(NaiveTime::MIN)));
    }
    text.parse().ok().map(Moment::OfDay)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn decimals_compare_by_value_and_text_without_a_type_as_text() {
        for (one, other, expected) in [
            (json!("10.50"), json!("9"), Ordering::Greater),
            (json!("10.50"), json!("10.5"), Ordering::Equal),
            (json!("10.50"), json!(10.5), Ordering::Equal),
            (json!("-2"), json!(-1), Ordering::Less),
            (json!("0.1"), json!("0.10000000000000000001"), Ordering::Less),
            (json!(7), json!("7.0"), Ordering::Equal),
        ] {
            assert_eq!(Kind::Decimal.order(&one, &other), Some(expected), "{one} {other}");
            assert_eq!(Kind::Decimal.equals(&other, Some(&one)), expected.is_eq(), "{one} {other}");
        }
        assert_eq!(Kind::Untyped.order(&json!("10.50"), &json!("9")), Some(Ordering::Less));
        assert_eq!(Kind::Decimal.order(&json!("1"), &json!("many")), Some(Ordering::Less), "no decimals: text");
        assert!(!Kind::Decimal.is_truthy(&json!("0.00")) && Kind::Decimal.is_truthy(&json!("0.01")));
        assert!(Kind::Decimal.equals(&json!(false), Some(&json!("0.00"))));
        assert!(Kind::Decimal.equals(&json!(null), None) && !Kind::Decimal.equals(&json!("1"), None));
    }

    #[test]
    fn times_compare_by_value() {
        for (one, other, expected) in [
            ("2024-01-01T01:00:00+01:00", "2024-01-01T00:00:00Z", Ordering::Equal),
            ("2024-01-01T01:00:00+02:00", "2024-01-01T00:00:00Z", Ordering::Less),
            ("2024-01-01T00:00:00.5Z", "2024-01-01T00:00:00.25Z", Ordering::Greater),
            ("2024-01-01T00:00:00", "2024-01-01 00:00:00.000", Ordering::Equal),
            ("2024-01-02", "2024-01-01T23:00:00Z", Ordering::Greater),
            ("09:30:00", "10:00:00", Ordering::Less),
        ] {
            assert_eq!(Kind::Time.order(&json!(one), &json!(other)), Some(expected), "{one} {other}");
        }
        assert_eq!(Kind::Time.order(&json!("09:30:00"), &json!("soon")), Some(Ordering::Less), "no times: text");
    }
}
