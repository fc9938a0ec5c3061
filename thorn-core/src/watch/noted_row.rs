//! A row as a note has it, with the values that a hook would have sent.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono::{DateTime, NaiveDateTime, NaiveTime};
use sea_orm::{DbBackend, Value};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::value::RawValue;

use crate::{
    model::ColumnJson,
    row_change::{ColumnKind, WatchedTable},
};

/// The values of a row by column, in the JSON that events have.
#[derive(Debug)]
pub(super) struct NotedRow<'a> {
    table: &'a WatchedTable,
    values: HashMap<String, Box<RawValue>>,
}

impl<'a> NotedRow<'a> {
    /// Reads the JSON of a note.
    ///
    /// # Errors
    ///
    /// If it isn't an object.
    pub(super) fn read(json: &str, table: &'a WatchedTable, backend: DbBackend) -> serde_json::Result<Self> {
        let mut values: HashMap<String, Box<RawValue>> = serde_json::from_str(json)?;
        for column in &table.columns {
            if let Some(value) = values.get_mut(&column.name)
                && let Some(json) = as_hooks_write(column.kind, value.get(), backend)
            {
                *value = RawValue::from_string(json)?;
            }
        }
        Ok(Self { table, values })
    }

    /// Whether all values are the same. The table may have columns that the model doesn't know.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.table.columns.iter().all(|column| self.json(&column.name) == other.json(&column.name))
    }

    /// A value as JSON. A missing column is null.
    pub(super) fn json(&self, column: &str) -> &str {
        self.values.get(column).map_or("null", |value| value.get())
    }

    /// A value as it stands in the name of an event: text without quotes, other values as in JSON.
    pub(super) fn text(&self, column: &str) -> String {
        let json = self.json(column);
        serde_json::from_str(json).unwrap_or_else(|_| json.to_owned())
    }

    /// The primary key as events have it: a composite key is an array.
    pub(super) fn key(&self) -> serde_json::Value {
        let value = |column: &str| serde_json::from_str(self.json(column)).unwrap_or_default();
        let mut key: Vec<serde_json::Value> = self.table.key_columns().map(|column| value(&column.name)).collect();
        if key.len() == 1 { key.remove(0) } else { key.into() }
    }

    /// These columns under their JSON keys.
    pub(super) fn only<'b>(&'b self, columns: &'b [String]) -> Chosen<'b> {
        Chosen { row: self, columns }
    }
}

/// Some columns of a row, as the data of an event.
#[derive(Debug)]
pub(super) struct Chosen<'a> {
    row: &'a NotedRow<'a>,
    columns: &'a [String],
}

impl Serialize for Chosen<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for name in self.columns {
            if let Some(column) = self.row.table.columns.iter().find(|column| column.name == *name) {
                map.serialize_entry(&column.json_key, &self.row.values.get(name))?;
            }
        }
        map.end()
    }
}

/// The value in the form that a hook writes, or `None` if it has this form already.
fn as_hooks_write(kind: ColumnKind, json: &str, backend: DbBackend) -> Option<String> {
    let text = || serde_json::from_str::<String>(json).ok();
    let value = match kind {
        ColumnKind::Bool => match json {
            "0" => Value::Bool(Some(false)),
            "1" => Value::Bool(Some(true)),
            _ => return None,
        },
        ColumnKind::Decimal { scale } => {
            // MySQL's note has it as a string.
            let number = json.trim_matches('"');
            if !number.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '-' | '.')) {
                return None;
            }
            return serde_json::to_string(&ColumnJson::of_decimal(number, scale)).ok();
        }
        ColumnKind::Bytes => {
            let text = text()?;
            let bytes = bytes_of(text.strip_prefix("\\x").unwrap_or(&text))?;
            return serde_json::to_string(&STANDARD.encode(bytes)).ok();
        }
        // Without a type for JSON, the note has the text of the column.
        ColumnKind::Json if backend == DbBackend::Sqlite => {
            let text = text()?;
            return serde_json::from_str::<&RawValue>(&text).is_ok().then_some(text);
        }
        ColumnKind::Time => Value::ChronoTime(Some(NaiveTime::parse_from_str(&text()?, "%H:%M:%S%.f").ok()?)),
        ColumnKind::DateTime | ColumnKind::Timestamp => Value::ChronoDateTime(Some(naive(&text()?)?)),
        ColumnKind::TimestampWithTimeZone => {
            let text = text()?;
            let moment = DateTime::parse_from_rfc3339(&text.replacen(' ', "T", 1)).map(|moment| moment.to_utc());
            let moment = moment.ok().or_else(|| naive(&text).map(|naive| naive.and_utc()))?;
            Value::ChronoDateTimeUtc(Some(moment))
        }
        _ => return None,
    };
    serde_json::to_string(&ColumnJson::from(&value)).ok()
}

fn naive(text: &str) -> Option<NaiveDateTime> {
    let forms = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"];
    forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
}

fn bytes_of(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = hex.chars().map(|c| c.to_digit(16).and_then(|digit| digit.try_into().ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_each_database_become_those_that_a_hook_sends() {
        use ColumnKind::{Bool, Bytes, DateTime, Decimal, Json, Plain, Time, TimestampWithTimeZone, Uuid};
        let (sqlite, postgres, mysql) = (DbBackend::Sqlite, DbBackend::Postgres, DbBackend::MySql);
        for (kind, backend, noted, sent) in [
            (Bool, sqlite, "1", "true"),
            (Bool, postgres, "true", "true"),
            (Bool, mysql, "null", "null"),
            (Decimal { scale: Some(2) }, postgres, "12.50", "\"12.50\""),
            (Decimal { scale: Some(2) }, mysql, "\"12.50\"", "\"12.50\""),
            (Decimal { scale: None }, mysql, "\"12.50\"", "\"12.5\""),
            (Bytes, postgres, r#""\\x00ff""#, "\"AP8=\""),
            (Bytes, sqlite, "\"00ff\"", "\"AP8=\""),
            (Json, postgres, "\"5\"", "\"5\""),
            (Json, sqlite, r#""{\"a\": [1]}""#, r#"{"a": [1]}"#),
            (Json, mysql, "\"5\"", "\"5\""),
            (Time, mysql, "\"10:00:00.000000\"", "\"10:00:00\""),
            (DateTime, postgres, "\"2026-01-02T03:04:05.5\"", "\"2026-01-02T03:04:05.500000\""),
            (DateTime, mysql, "\"2026-01-02 03:04:05.000000\"", "\"2026-01-02T03:04:05\""),
            (TimestampWithTimeZone, postgres, "\"2026-01-02T05:04:05+02:00\"", "\"2026-01-02T03:04:05Z\""),
            (TimestampWithTimeZone, mysql, "\"2026-01-02 03:04:05.000000\"", "\"2026-01-02T03:04:05Z\""),
            (TimestampWithTimeZone, sqlite, "\"2026-01-02 03:04:05+00:00\"", "\"2026-01-02T03:04:05Z\""),
            (TimestampWithTimeZone, sqlite, "\"yesterday\"", "\"yesterday\""),
            (Uuid, postgres, "\"67e55044-10b1-426f-9247-bb680e5fe0c8\"", "\"67e55044-10b1-426f-9247-bb680e5fe0c8\""),
            (Plain, sqlite, "9007199254740993", "9007199254740993"),
        ] {
            let written = as_hooks_write(kind, noted, backend);
            assert_eq!(written.as_deref().unwrap_or(noted), sent, "{kind:?} {backend:?}");
        }
    }
}
