//! Columns.

use sea_orm::{ConnectionTrait, DbBackend, Schema};
use serde_json::json;

use super::{lives, only_on};
use crate::app::TestApp;

/// Names that differ from the field, and a field that is no column.
mod named {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", when = r#type.changed()),
        on_delete = "row.removed"
    )]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "named", rename_all = "camelCase")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub first_name: String,
        #[sea_orm(column_name = "last", enum_name = "Surname")]
        pub last_name: String,
        pub r#type: Option<String>,
        #[sea_orm(ignore)]
        pub scratch: Vec<u8>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn names_are_those_of_the_fields_and_ignored_ones_stay_out() {
    lives!(named, { first_name: "a".to_owned(), last_name: "b".to_owned(), r#type: None } =>
        { "id": 1, "first_name": "a", "last_name": "b", "type": null },
        { r#type: Some("c".to_owned()) } => { "id": 1, "first_name": "a", "last_name": "b", "type": "c" });
}

/// With serde's names, which `json_key` follows.
mod serialized {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    #[sea_orm(table_name = "serialized")]
    #[serde(rename_all = "camelCase")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub full_name: String,
    }
}

#[tokio::test]
async fn names_follow_serde_if_the_model_does() {
    lives!(serialized, { full_name: "a".to_owned() } => { "id": 1, "fullName": "a" },
        { full_name: "b".to_owned() } => { "id": 1, "fullName": "b" });
}

/// Enums that are stored as text, as a number and as a character.
mod enums {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(1))")]
    pub enum Size {
        #[sea_orm(string_value = "B")]
        Big,
        #[sea_orm(string_value = "S")]
        Small,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "i32", db_type = "Integer")]
    pub enum Colour {
        #[sea_orm(num_value = 0)]
        Black,
        #[sea_orm(num_value = -7)]
        White,
    }

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", when = colour.now_eq(Colour::White) && size.changed()),
        on_delete = "row.removed"
    )]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "enums")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub size: Option<Size>,
        pub colour: Colour,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn enums_are_told_as_they_are_stored() {
    use enums::{Colour, Size};
    lives!(enums, { size: Some(Size::Big), colour: Colour::Black } => { "id": 1, "size": "B", "colour": 0 },
        { size: None, colour: Colour::White } => { "id": 1, "size": null, "colour": (-7) });
}

/// A type of the database's own.
mod native {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "Enum", db_type = "Enum", enum_name = "mood")]
    pub enum Mood {
        #[sea_orm(string_value = "happy")]
        Happy,
        #[sea_orm(string_value = "sad")]
        Sad,
    }

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", when = mood.now_eq(Mood::Sad)),
        on_delete = "row.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "native")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub mood: Mood,
    }
}

#[tokio::test]
async fn an_enum_type_of_the_database() {
    use native::Mood;
    let test = TestApp::new().await;
    let backend = test.db().get_database_backend();
    for create in Schema::new(backend).create_enum_from_entity(native::Entity) {
        test.db().execute(&create).await.unwrap();
    }
    let test = test.table(native::Entity).await;
    lives!(native on test, { mood: Mood::Happy } => { "id": 1, "mood": "happy" },
        { mood: Mood::Sad } => { "id": 1, "mood": "sad" });
}

/// JSON as it comes, and types of the application that are stored as JSON.
mod json_columns {
    use sea_orm::{FromJsonQueryResult, entity::prelude::*};

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
    pub struct Settings {
        pub theme: String,
    }

    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, FromJsonQueryResult)]
    pub struct Words(pub Vec<String>);

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", only_if_changed),
        on_delete = "row.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "json_columns")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub anything: Json,
        #[sea_orm(column_type = "JsonBinary")]
        pub settings: Settings,
        pub words: Option<Words>,
    }
}

#[tokio::test]
async fn json_is_embedded() {
    use json_columns::{Settings, Words};
    let dark = || Settings { theme: "dark".to_owned() };
    lives!(json_columns, { anything: json!([1, { "a": null }]), settings: dark(), words: None } =>
        { "id": 1, "anything": [1, { "a": null }], "settings": { "theme": "dark" }, "words": null },
        { words: Some(Words(vec!["a".to_owned()])) } =>
        { "id": 1, "anything": [1, { "a": null }], "settings": { "theme": "dark" }, "words": ["a"] });
}

mod arrays {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", when = numbers.contains(3)),
        on_delete = "row.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "arrays")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub numbers: Vec<i32>,
        pub words: Option<Vec<String>>,
        pub ids: Vec<Uuid>,
    }
}

#[tokio::test]
async fn arrays_of_postgresql_are_arrays() {
    let test = TestApp::new().await;
    if !only_on(&test, DbBackend::Postgres, "arrays") {
        return;
    }
    let test = test.table(arrays::Entity).await;
    let id = sea_orm::prelude::Uuid::nil();
    lives!(arrays on test, { numbers: vec![1, 2], words: None, ids: vec![id] } =>
        { "id": 1, "numbers": [1, 2], "words": null, "ids": [(id.to_string())] },
        { numbers: vec![3], words: Some(vec!["a".to_owned()]) } =>
        { "id": 1, "numbers": [3], "words": ["a"], "ids": [(id.to_string())] });
}

/// A type that only the database knows, read and written with a cast.
mod cast {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", only_if_changed),
        on_delete = "row.removed"
    )]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "cast_column")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_type = r#"custom("bit(8)")"#, select_as = "bigint", save_as = "bit(8)")]
        pub bits: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn a_column_that_is_cast_on_reading_and_writing() {
    let test = TestApp::new().await;
    if !only_on(&test, DbBackend::Postgres, "bit strings that need a cast") {
        return;
    }
    let test = test.table(cast::Entity).await;
    lives!(cast on test, { bits: 5 } => { "id": 1, "bits": 5 }, { bits: 6 } => { "id": 1, "bits": 6 });
}

/// A type of the application's own, by hand and with `DeriveValueType`.
mod own_type {
    use sea_orm::{ColIdx, QueryResult, TryGetError, TryGetable, entity::prelude::*, sea_query};

    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Celsius(pub i32);

    impl From<Celsius> for Value {
        fn from(it: Celsius) -> Self {
            format!("{}°", it.0).into()
        }
    }

    impl sea_query::ValueType for Celsius {
        fn try_from(value: Value) -> Result<Self, sea_query::ValueTypeErr> {
            let text = <String as sea_query::ValueType>::try_from(value)?;
            text.trim_end_matches('°').parse().map(Self).map_err(|_| sea_query::ValueTypeErr)
        }

        fn type_name() -> String {
            "Celsius".to_owned()
        }

        fn array_type() -> sea_query::ArrayType {
            sea_query::ArrayType::String
        }

        fn column_type() -> ColumnType {
            ColumnType::String(StringLen::N(10))
        }
    }

    impl TryGetable for Celsius {
        fn try_get_by<I: ColIdx>(row: &QueryResult, at: I) -> Result<Self, TryGetError> {
            let text = String::try_get_by(row, at)?;
            <Self as sea_query::ValueType>::try_from(text.into())
                .map_err(|_| TryGetError::DbErr(DbErr::Type("no temperature".to_owned())))
        }
    }

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "own_type")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub outside: Celsius,
    }
}

#[tokio::test]
async fn a_type_of_the_application_is_told_as_it_is_stored() {
    use own_type::Celsius;
    lives!(own_type, { outside: Celsius(7) } => { "id": 1, "outside": "7°" },
        { outside: Celsius(-3) } => { "id": 1, "outside": "-3°" });
}

/// Numbers, long text, bytes and a decimal.
mod plain {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "plain", comment = "columns of the usual types")]
    pub struct Model {
        #[sea_orm(primary_key, comment = "the key")]
        pub id: i32,
        #[sea_orm(column_type = "Text", nullable)]
        pub body: Option<String>,
        #[sea_orm(column_type = "Decimal(Some((11, 4)))")]
        pub price: Decimal,
        #[sea_orm(column_type = "VarBinary(StringLen::N(16))")]
        pub raw: Vec<u8>,
        pub ratio: f64,
        #[sea_orm(unique, indexed)]
        pub code: i16,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn numbers_text_bytes_and_decimals() {
    let price = "3.1415".parse::<sea_orm::prelude::Decimal>().unwrap();
    let row = |body| json!({ "id": 1, "body": body, "price": "3.1415", "raw": "AQI=", "ratio": 0.25, "code": 9 });
    lives!(plain, { body: None, price: price, raw: vec![1, 2], ratio: 0.25, code: 9 } => (row(json!(null))),
        { body: Some("é".to_owned()) } => (row(json!("é"))));
}
