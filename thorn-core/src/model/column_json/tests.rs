use sea_orm::prelude::{ChronoDateTime, ChronoDateTimeUtc, ChronoDateTimeWithTimeZone, Decimal, Uuid};
use serde_json::json;

use super::{ColumnJson, NaiveDate, NaiveTime, TimeDateTimeWithTimeZone, Value};

fn json(value: impl Into<Value>) -> String {
    serde_json::to_string(&ColumnJson::from(&value.into())).unwrap()
}

#[test]
fn thorn_176_date_times_are_iso_with_z_and_keep_their_fraction() {
    for (text, expected) in [
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05.000006Z", "2020-01-02T03:04:05.000006Z"),
        ("2020-01-02T03:04:05.5+02:00", "2020-01-02T01:04:05.500000Z"),
        ("2020-01-02T03:04:05.123456789Z", "2020-01-02T03:04:05.123456789Z"),
    ] {
        let zoned: ChronoDateTimeWithTimeZone = text.parse().unwrap();
        assert_eq!(json(zoned), format!("{expected:?}"));
    }
    let utc: ChronoDateTimeUtc = "2020-01-02T03:04:05+00:00".parse().unwrap();
    assert_eq!(json(utc), r#""2020-01-02T03:04:05Z""#);
    let naive: ChronoDateTime = "2020-01-02T03:04:05.000100".parse().unwrap();
    assert_eq!(json(naive), r#""2020-01-02T03:04:05.000100""#);
    let epoch = TimeDateTimeWithTimeZone::UNIX_EPOCH;
    assert_eq!(json(epoch), r#""1970-01-01T00:00:00Z""#);
    assert_eq!(json(epoch.date()), r#""1970-01-01""#);
    assert_eq!(json(epoch.time()), r#""00:00:00""#);
}

#[test]
fn thorn_177_a_date_is_a_date_and_a_time_is_iso() {
    assert_eq!(json(NaiveDate::from_ymd_opt(2020, 1, 2).unwrap()), r#""2020-01-02""#);
    assert_eq!(json(NaiveTime::from_hms_opt(3, 4, 5).unwrap()), r#""03:04:05""#);
}

#[test]
fn thorn_178_decimals_and_uuids_are_strings() {
    assert_eq!(json("1.50".parse::<Decimal>().unwrap()), r#""1.5""#, "SQLite doesn't keep the zero");
    assert_eq!(json(Uuid::nil()), r#""00000000-0000-0000-0000-000000000000""#);
}

#[test]
fn bytes_that_are_no_text_are_base64() {
    assert_eq!(json(vec![0xff_u8, 0xfe]), r#""//4=""#);
}

#[test]
fn the_elements_of_an_array_are_what_they_are_alone() {
    assert_eq!(json(vec![vec![0xff_u8, 0xfe]]), r#"["//4="]"#);
    assert_eq!(json(vec![NaiveDate::from_ymd_opt(2024, 1, 2).unwrap()]), r#"["2024-01-02"]"#);
    assert_eq!(json(vec!["1.50".parse::<Decimal>().unwrap()]), r#"["1.5"]"#);
    assert_eq!(json(vec![0.1_f32]), "[0.1]");
    assert_eq!(json(vec!["a".to_owned()]), r#"["a"]"#);
    assert_eq!(json(None::<Vec<i32>>), "null");
}

#[test]
fn a_single_float_has_its_shortest_text_in_keys_too() {
    assert_eq!(super::key_json(&super::ValueTuple::One(0.1_f32.into())).to_string(), "0.1");
}

#[test]
fn scalars_nulls_and_json_are_what_they_are_in_json() {
    assert_eq!(json(true), "true");
    assert_eq!(json(-7_i64), "-7");
    assert_eq!(json(u64::MAX), u64::MAX.to_string());
    assert_eq!(json("é\"").as_str(), r#""é\"""#);
    assert_eq!(json(None::<String>), "null");
    assert_eq!(json(None::<ChronoDateTime>), "null");
    assert_eq!(json(json!({"a": [1]})), r#"{"a":[1]}"#);
}
