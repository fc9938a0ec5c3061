//! A column's value as receivers see it in JSON.
//!
//! SeaORM's own converter doesn't fit: it panics on bytes that aren't UTF-8, puts SQL quotes around dates, and
//! turns decimals into floats. Nothing here falls back to it.
//!
//! A value has the same text on every database. `docs/guide/models.md` lists the form of each type, and
//! `tests/it/model/types.rs` checks each row of that table.

mod decimal;

use std::{borrow::Cow, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeZone, Timelike, Utc};
use sea_orm::{
    ColumnTrait, ColumnType, Value,
    prelude::{Json, TimeDate, TimeDateTimeWithTimeZone, TimeTime},
    sea_query::{OptionEnum, ValueTuple},
};
use serde::{Serialize, Serializer};

/// A column's value in terms of JSON.
///
/// Dates and times are ISO 8601 (in UTC if they have a zone, no fraction if it is zero), bytes are base64,
/// decimals and UUIDs are strings, an array holds its elements, and JSON is embedded.
#[derive(Debug)]
pub(crate) enum ColumnJson<'a> {
    Null,
    Bool(bool),
    Signed(i64),
    Unsigned(u64),
    Single(f32),
    Double(f64),
    Text(Cow<'a, str>),
    Array(Vec<Self>),
    Json(Cow<'a, Json>),
}

/// A primary key as receivers and callbacks see it: a composite key is an array.
pub(super) fn key_json(key: &ValueTuple) -> Json {
    match key {
        ValueTuple::One(value) => ColumnJson::from(value).into_json(),
        key => key.clone().into_iter().map(|value| ColumnJson::from(&value).into_json()).collect(),
    }
}

impl<'a> ColumnJson<'a> {
    /// The value of this column. A decimal gets the digits of the scale that the column declares, which SQLite
    /// doesn't store.
    pub(super) fn of<C: ColumnTrait>(column: C, value: &'a Value) -> Self {
        Self::of_value(value, &|| scale(column.def().get_column_type()))
    }

    /// A decimal in the digits of a column that declares this scale.
    pub(crate) fn of_decimal(number: &str, scale: Option<u32>) -> Self {
        Self::text(decimal::text(number, scale.and_then(|scale| usize::try_from(scale).ok())))
    }

    /// The value as JSON.
    pub(super) fn into_json(self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(it) => it.into(),
            Self::Signed(it) => it.into(),
            Self::Unsigned(it) => it.into(),
            // By its shortest text: 0.1, not 0.10000000149011612.
            Self::Single(it) => it.to_string().parse::<f64>().map_or(Json::Null, Json::from),
            Self::Double(it) => it.into(),
            Self::Text(it) => it.into_owned().into(),
            Self::Array(it) => it.into_iter().map(Self::into_json).collect(),
            Self::Json(it) => it.into_owned(),
        }
    }

    /// The value as it stands in the name of an event: text without quotes, other values as in JSON.
    pub(super) fn into_text(self) -> Cow<'a, str> {
        Cow::Owned(match self {
            Self::Text(it) => return it,
            Self::Null => return Cow::Borrowed("null"),
            Self::Bool(it) => it.to_string(),
            Self::Signed(it) => it.to_string(),
            Self::Unsigned(it) => it.to_string(),
            Self::Single(it) => it.to_string(),
            Self::Double(it) => it.to_string(),
            array @ Self::Array(_) => array.into_json().to_string(),
            Self::Json(it) => it.to_string(),
        })
    }

    /// `scale` is called for decimals only.
    fn of_value(value: &'a Value, scale: &dyn Fn() -> Option<usize>) -> Self {
        match value {
            Value::Bool(Some(it)) => Self::Bool(*it),
            Value::TinyInt(Some(it)) => Self::Signed((*it).into()),
            Value::SmallInt(Some(it)) => Self::Signed((*it).into()),
            Value::Int(Some(it)) => Self::Signed((*it).into()),
            Value::BigInt(Some(it)) => Self::Signed(*it),
            Value::TinyUnsigned(Some(it)) => Self::Unsigned((*it).into()),
            Value::SmallUnsigned(Some(it)) => Self::Unsigned((*it).into()),
            Value::Unsigned(Some(it)) => Self::Unsigned((*it).into()),
            Value::BigUnsigned(Some(it)) => Self::Unsigned(*it),
            Value::Float(Some(it)) => Self::Single(*it),
            Value::Double(Some(it)) => Self::Double(*it),
            Value::String(Some(it)) => Self::Text(Cow::Borrowed(it)),
            Value::Enum(OptionEnum::Some(it)) => Self::Text(Cow::Borrowed(&it.value)),
            Value::Char(Some(it)) => Self::text(it.to_string()),
            Value::Bytes(Some(it)) => Self::text(STANDARD.encode(it)),
            Value::Json(Some(it)) => Self::Json(Cow::Borrowed(it)),
            Value::Uuid(Some(it)) => Self::text(it.to_string()),
            Value::Decimal(Some(it)) => Self::text(decimal::text(&it.to_string(), scale())),
            Value::Array(_, Some(it)) => Self::Array(it.iter().map(|it| Self::of_value(it, scale)).collect()),
            Value::ChronoDate(Some(it)) => Self::text(it.to_string()),
            Value::ChronoTime(Some(it)) => Self::text(time(*it)),
            Value::ChronoDateTime(Some(it)) => Self::text(naive(*it)),
            Value::ChronoDateTimeUtc(Some(it)) => Self::text(zoned(it)),
            Value::ChronoDateTimeLocal(Some(it)) => Self::text(zoned(it)),
            Value::ChronoDateTimeWithTimeZone(Some(it)) => Self::text(zoned(it)),
            Value::TimeDate(Some(it)) => Self::some(date_of(*it).map(|it| it.to_string())),
            Value::TimeTime(Some(it)) => Self::some(time_of(*it).map(time)),
            Value::TimeDateTime(Some(it)) => Self::some(naive_of(it.date(), it.time()).map(naive)),
            Value::TimeDateTimeWithTimeZone(Some(it)) => Self::some(zoned_of(*it)),
            Value::Bool(None)
            | Value::TinyInt(None)
            | Value::SmallInt(None)
            | Value::Int(None)
            | Value::BigInt(None)
            | Value::TinyUnsigned(None)
            | Value::SmallUnsigned(None)
            | Value::Unsigned(None)
            | Value::BigUnsigned(None)
            | Value::Float(None)
            | Value::Double(None)
            | Value::String(None)
            | Value::Enum(OptionEnum::None(_))
            | Value::Char(None)
            | Value::Bytes(None)
            | Value::Json(None)
            | Value::Uuid(None)
            | Value::Decimal(None)
            | Value::Array(_, None)
            | Value::ChronoDate(None)
            | Value::ChronoTime(None)
            | Value::ChronoDateTime(None)
            | Value::ChronoDateTimeUtc(None)
            | Value::ChronoDateTimeLocal(None)
            | Value::ChronoDateTimeWithTimeZone(None)
            | Value::TimeDate(None)
            | Value::TimeTime(None)
            | Value::TimeDateTime(None)
            | Value::TimeDateTimeWithTimeZone(None) => Self::Null,
            // The application may have enabled more types in SeaORM.
            #[allow(unreachable_patterns)]
            other => Self::of_another_type(other, scale),
        }
    }

    /// The value of a type that exists only with a feature of SeaORM that the application enabled, such as
    /// `with-bigdecimal`. Thorn can't name its variant, so it reads what serde says: the name of the variant
    /// and its value.
    fn of_another_type(value: &Value, scale: &dyn Fn() -> Option<usize>) -> Self {
        // A text in between keeps the shortest form of single floats.
        let tagged = serde_json::to_string(value).and_then(|text| serde_json::from_str(&text));
        let Ok(Json::Object(tagged)) = tagged else { return Self::Null };
        match tagged.into_iter().next() {
            None | Some((_, Json::Null)) => Self::Null,
            Some((variant, Json::String(it))) if variant == "BigDecimal" => Self::text(decimal::text(&it, scale())),
            Some((_, it)) => Self::Json(Cow::Owned(it)),
        }
    }
}

impl Serialize for ColumnJson<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(it) => serializer.serialize_bool(*it),
            Self::Signed(it) => serializer.serialize_i64(*it),
            Self::Unsigned(it) => serializer.serialize_u64(*it),
            Self::Single(it) => serializer.serialize_f32(*it),
            Self::Double(it) => serializer.serialize_f64(*it),
            Self::Text(it) => serializer.serialize_str(it),
            Self::Array(it) => serializer.collect_seq(it),
            Self::Json(it) => it.serialize(serializer),
        }
    }
}

impl<'a> From<&'a Value> for ColumnJson<'a> {
    fn from(value: &'a Value) -> Self {
        Self::of_value(value, &|| None)
    }
}

impl ColumnJson<'_> {
    const fn text(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }

    fn some(text: Option<String>) -> Self {
        text.map_or(Self::Null, Self::text)
    }
}

/// The digits after the point that a column of decimals, or of arrays of decimals, declares.
fn scale(column: &ColumnType) -> Option<usize> {
    match column {
        ColumnType::Decimal(Some((_, scale))) | ColumnType::Money(Some((_, scale))) => usize::try_from(*scale).ok(),
        ColumnType::Array(element) => scale(element),
        _ => None,
    }
}

/// How to write the fraction of a second: not at all if it is zero, otherwise in microseconds, or in
/// nanoseconds if microseconds would lose digits.
fn fraction(time: &impl Timelike) -> (SecondsFormat, &'static str) {
    match time.nanosecond() {
        0 => (SecondsFormat::Secs, ""),
        nanos if nanos % 1000 == 0 => (SecondsFormat::Micros, "%.6f"),
        _ => (SecondsFormat::Nanos, "%.9f"),
    }
}

fn time(it: NaiveTime) -> String {
    it.format(&format!("%H:%M:%S{}", fraction(&it).1)).to_string()
}

fn naive(it: NaiveDateTime) -> String {
    it.format(&format!("%Y-%m-%dT%H:%M:%S{}", fraction(&it).1)).to_string()
}

/// In UTC, because PostgreSQL and MySQL don't keep the offset that was written.
fn zoned<Z: TimeZone<Offset: fmt::Display>>(it: &chrono::DateTime<Z>) -> String {
    it.with_timezone(&Utc).to_rfc3339_opts(fraction(it).0, true)
}

fn date_of(it: TimeDate) -> Option<NaiveDate> {
    NaiveDate::from_yo_opt(it.year(), it.ordinal().into())
}

fn time_of(it: TimeTime) -> Option<NaiveTime> {
    let (hour, minute, second, nano) = it.as_hms_nano();
    NaiveTime::from_hms_nano_opt(hour.into(), minute.into(), second.into(), nano)
}

fn naive_of(date: TimeDate, time: TimeTime) -> Option<NaiveDateTime> {
    Some(NaiveDateTime::new(date_of(date)?, time_of(time)?))
}

fn zoned_of(it: TimeDateTimeWithTimeZone) -> Option<String> {
    let offset = chrono::FixedOffset::east_opt(it.offset().whole_seconds())?;
    let local = naive_of(it.date(), it.time())?;
    local.and_local_timezone(offset).single().map(|it| zoned(&it))
}

#[cfg(test)]
mod tests;
