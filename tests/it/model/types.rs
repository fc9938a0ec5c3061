//! Each type of column as receivers see it, on every database: the table in `docs/guide/models.md`.

use std::collections::BTreeMap;

use sea_orm::{
    DbBackend, Set,
    prelude::{BigDecimal, ChronoDateTimeUtc, Decimal, IpNetwork, PgVector, TimeDateTimeWithTimeZone, Uuid},
};
use serde_json::Value as Json;
use thorn::model::Columns;
use thorn_test_support::skipped;

use crate::{app::TestApp, conformance::root};

/// Types that every database stores.
mod common {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(9))")]
    pub enum Named {
        #[sea_orm(string_value = "published")]
        Published,
    }

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "i32", db_type = "Integer")]
    pub enum Numbered {
        #[sea_orm(num_value = 2)]
        Published,
    }

    #[thorn::webhook_model(on_create = "type.{scaled}.created", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "common_type")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub flag: bool,
        pub small: i16,
        pub int: i32,
        pub big: i64,
        pub single: f32,
        pub double: f64,
        pub text: String,
        pub named: Named,
        pub numbered: Numbered,
        pub bytes: Vec<u8>,
        #[sea_orm(column_type = "Decimal(Some((16, 2)))")]
        pub scaled: Decimal,
        #[sea_orm(column_type = "Decimal(Some((30, 2)))")]
        pub large: BigDecimal,
        pub uuid: Uuid,
        pub json: Json,
        pub date: Date,
        pub time: Time,
        pub naive: DateTime,
        pub utc: DateTimeUtc,
        pub zoned: DateTimeWithTimeZone,
        pub local: ChronoDateTimeLocal,
        pub time_date: TimeDate,
        pub time_time: TimeTime,
        pub time_naive: TimeDateTime,
        pub time_zoned: TimeDateTimeWithTimeZone,
        pub nothing: Option<Decimal>,
    }
}

/// Unsigned integers and those of one byte, which PostgreSQL doesn't have.
mod unsigned {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "unsigned.created", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "unsigned_type")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub tiny_signed: i8,
        pub tiny: u8,
        pub small: u16,
        pub int: u32,
    }
}

/// SeaORM reads this type on MySQL only.
mod huge {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "huge.created", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "huge_type")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub big: u64,
    }
}

/// A decimal without a scale: MySQL would round it to an integer.
mod unscaled {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "unscaled.created", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "unscaled_type")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub plain: Decimal,
    }
}

/// Types that only PostgreSQL has.
mod postgres {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "postgres.created", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "postgres_type")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub network: IpNetwork,
        #[sea_orm(column_type = "Array(RcOrArc::new(ColumnType::VarBinary(StringLen::None)))")]
        pub all_bytes: Vec<Vec<u8>>,
        pub dates: Vec<Date>,
        pub times: Vec<DateTimeUtc>,
        #[sea_orm(column_type = "Array(RcOrArc::new(ColumnType::Decimal(Some((16, 2)))))")]
        pub scaled: Vec<Decimal>,
        pub decimals: Vec<Decimal>,
        pub singles: Vec<f32>,
        pub texts: Vec<String>,
        pub uuids: Vec<Uuid>,
        pub ints: Vec<i64>,
        pub none: Option<Vec<i32>>,
    }
}

/// A type of an extension of PostgreSQL, which the tests don't install.
mod vector {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "vector_type")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub vector: PgVector,
        pub none: Option<PgVector>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// The rows of the table: what they describe, and the example of its JSON.
fn documented() -> BTreeMap<String, Json> {
    let page = std::fs::read_to_string(root().join("docs/guide/models.md")).unwrap();
    let (_, table) = page.split_once("### Types\n").unwrap();
    let rows = table.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
    let rows = rows.take_while(|line| line.starts_with('|')).map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let example = cells[2].trim_matches('`');
        (cells[0].to_owned(), serde_json::from_str(example).unwrap_or_else(|_| panic!("{example} is no JSON")))
    });
    rows.collect()
}

/// Checks the members of `data` against the rows that describe them.
fn check(data: &Json, members: &[(&str, &str)]) {
    let documented = documented();
    for (member, row) in members {
        let expected = documented.get(*row).unwrap_or_else(|| panic!("no row for {row}"));
        assert_eq!(&data[*member], expected, "{member}: {row}");
    }
    let named: Vec<_> = members.iter().map(|(member, _)| *member).chain(["id"]).collect();
    assert!(data.as_object().unwrap().keys().all(|key| named.contains(&&**key)), "{data}");
}

const COMMON: [(&str, &str); 25] = [
    ("flag", "`bool`"),
    ("small", "`i16`, `i32`, `i64`"),
    ("int", "`i16`, `i32`, `i64`"),
    ("big", "`i16`, `i32`, `i64`"),
    ("single", "`f32`, `f64`"),
    ("double", "`f32`, `f64`"),
    ("text", "`String`"),
    ("named", "an enum of strings"),
    ("numbered", "an enum of integers"),
    ("bytes", "`Vec<u8>`"),
    ("scaled", "`Decimal`, `BigDecimal` with a declared scale"),
    ("large", "`Decimal`, `BigDecimal` with a declared scale"),
    ("uuid", "`Uuid`"),
    ("json", "`Json`"),
    ("date", "`Date`, `TimeDate`"),
    ("time", "`Time`, `TimeTime`"),
    ("naive", "`DateTime`, `TimeDateTime`"),
    ("utc", "`DateTimeUtc` and others with a zone"),
    ("zoned", "`DateTimeUtc` and others with a zone"),
    ("local", "`DateTimeUtc` and others with a zone"),
    ("time_date", "`Date`, `TimeDate`"),
    ("time_time", "`Time`, `TimeTime`"),
    ("time_naive", "`DateTime`, `TimeDateTime`"),
    ("time_zoned", "`DateTimeUtc` and others with a zone"),
    ("nothing", "`None`"),
];

const UNSIGNED: [(&str, &str); 4] = [
    ("tiny_signed", "`i8`, `u8`, `u16`, `u32`"),
    ("tiny", "`i8`, `u8`, `u16`, `u32`"),
    ("small", "`i8`, `u8`, `u16`, `u32`"),
    ("int", "`i8`, `u8`, `u16`, `u32`"),
];

const HUGE: [(&str, &str); 1] = [("big", "`u64`")];

const UNSCALED: [(&str, &str); 1] = [("plain", "`Decimal`, `BigDecimal` without one")];

const POSTGRES: [(&str, &str); 11] = [
    ("network", "`IpNetwork`"),
    ("all_bytes", "`Vec<Vec<u8>>`"),
    ("dates", "`Vec<Date>`"),
    ("times", "`Vec<DateTimeUtc>`"),
    ("scaled", "`Vec<Decimal>` with a declared scale"),
    ("decimals", "`Vec<Decimal>` without one"),
    ("singles", "`Vec<f32>`"),
    ("texts", "`Vec<String>`"),
    ("uuids", "`Vec<Uuid>`"),
    ("ints", "`Vec` of integers"),
    ("none", "`None`"),
];

const VECTOR: [(&str, &str); 2] = [("vector", "`PgVector`"), ("none", "`None`")];

#[test]
fn every_row_of_the_table_has_a_column_that_is_tested() {
    let tested = COMMON.iter().chain(&UNSIGNED).chain(&HUGE).chain(&UNSCALED).chain(&POSTGRES).chain(&VECTOR);
    let tested: Vec<_> = tested.map(|(_, row)| *row).collect();
    let untested: Vec<_> = documented().into_keys().filter(|row| !tested.contains(&&**row)).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[tokio::test]
async fn a_value_has_the_same_json_on_every_database() {
    let test = TestApp::new().await.table(common::Entity).await;
    let utc: ChronoDateTimeUtc = "2024-01-02T03:04:05Z".parse().unwrap();
    let zoned = TimeDateTimeWithTimeZone::from_unix_timestamp(utc.timestamp()).unwrap();
    let row = common::ActiveModel {
        flag: Set(true),
        small: Set(-7),
        int: Set(-7),
        big: Set(-7),
        single: Set(0.1),
        double: Set(0.1),
        text: Set("é".to_owned()),
        named: Set(common::Named::Published),
        numbered: Set(common::Numbered::Published),
        bytes: Set(vec![0xff, 0xfe]),
        scaled: Set("1.50".parse::<Decimal>().unwrap()),
        large: Set("1.5".parse::<BigDecimal>().unwrap()),
        uuid: Set(Uuid::from_u128(1)),
        json: Set(serde_json::json!({ "a": [1, null] })),
        date: Set(utc.date_naive()),
        time: Set(utc.time()),
        naive: Set(utc.naive_utc()),
        utc: Set(utc),
        zoned: Set("2024-01-02T05:04:05+02:00".parse().unwrap()),
        local: Set(utc.into()),
        time_date: Set(zoned.date()),
        time_time: Set(zoned.time()),
        time_naive: Set(sea_orm::prelude::TimeDateTime::new(zoned.date(), zoned.time())),
        time_zoned: Set(zoned),
        nothing: Set(None),
        ..Default::default()
    };
    row.insert(test.db()).await.unwrap();
    let event = test.written().await.remove(0);
    check(&event.body["data"], &COMMON);
    assert_eq!(event.name, "type.1%2E50.created", "the same text in a name");
}

#[tokio::test]
async fn unsigned_integers_and_those_of_one_byte_are_numbers() {
    let test = TestApp::new().await;
    if test.db().get_database_backend() == DbBackend::Postgres {
        return skipped("PostgreSQL has no unsigned integers and none of one byte");
    }
    let test = test.table(unsigned::Entity).await;
    let row =
        unsigned::ActiveModel { tiny_signed: Set(7), tiny: Set(7), small: Set(7), int: Set(7), ..Default::default() };
    row.insert(test.db()).await.unwrap();
    check(&test.written().await[0].body["data"], &UNSIGNED);
    if test.db().get_database_backend() == DbBackend::MySql {
        let test = test.table(huge::Entity).await;
        huge::ActiveModel { big: Set(u64::MAX), ..Default::default() }.insert(test.db()).await.unwrap();
        check(&test.written().await[1].body["data"], &HUGE);
    }
}

#[tokio::test]
async fn a_decimal_without_a_scale_ends_without_zeros() {
    let test = TestApp::new().await;
    if test.db().get_database_backend() == DbBackend::MySql {
        return skipped("MySQL rounds a decimal without a scale to an integer");
    }
    let test = test.table(unscaled::Entity).await;
    let row = unscaled::ActiveModel { plain: Set("1.50".parse::<Decimal>().unwrap()), ..Default::default() };
    row.insert(test.db()).await.unwrap();
    check(&test.written().await[0].body["data"], &UNSCALED);
}

#[tokio::test]
async fn each_element_of_an_array_is_what_it_is_alone() {
    let test = TestApp::new().await;
    if test.db().get_database_backend() != DbBackend::Postgres {
        return skipped("SQLite and MySQL have no arrays");
    }
    let test = test.table(postgres::Entity).await;
    let decimals = || vec!["1.50".parse::<Decimal>().unwrap()];
    let row = postgres::ActiveModel {
        network: Set("10.0.0.0/8".parse::<IpNetwork>().unwrap()),
        all_bytes: Set(vec![vec![0xff, 0xfe]]),
        dates: Set(vec!["2024-01-02".parse().unwrap()]),
        times: Set(vec!["2024-01-02T03:04:05Z".parse().unwrap()]),
        scaled: Set(decimals()),
        decimals: Set(decimals()),
        singles: Set(vec![0.1]),
        texts: Set(vec!["é".to_owned()]),
        uuids: Set(vec![Uuid::from_u128(1)]),
        ints: Set(vec![-7]),
        none: Set(None),
        ..Default::default()
    };
    let row = row.insert(test.db()).await.unwrap();
    check(&test.written().await[0].body["data"], &POSTGRES);
    assert_eq!(row.all_bytes, [[0xff, 0xfe]]);
}

#[test]
fn types_that_the_application_switched_on_lose_nothing() {
    let row = vector::Model { id: 1, vector: PgVector::from(vec![0.1]), none: None };
    check(&serde_json::to_value(Columns::all(&row)).unwrap(), &VECTOR);
}
