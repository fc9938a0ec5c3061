//! Primary keys.

use sea_orm::{ActiveValue::NotSet, IntoActiveModel, prelude::Uuid};

use super::{database, lives, told};

/// Several columns are the key, and nothing else may be there.
mod composite {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change = "row.changed",
        on_delete = "row.removed",
        reverse = "/{cake}/{baker}"
    )]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "composite")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub cake: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub baker: String,
        pub since: Option<i16>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn a_composite_key() {
    let test = lives!(composite, { cake: 1, baker: "a/b".to_owned(), since: None } =>
        { "cake": 1, "baker": "a/b", "since": null }, { since: Some(7) } => { "cake": 1, "baker": "a/b", "since": 7 });
    assert_eq!(test.written().await[0].body["ref"], "/1/a%2Fb");
}

mod uuid {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "by_uuid")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub name: String,
    }
}

#[tokio::test]
async fn a_uuid_that_the_application_makes() {
    let id = Uuid::from_u128(7);
    lives!(uuid, { id: id, name: "a".to_owned() } => { "id": (id.to_string()), "name": "a" },
        { name: "b".to_owned() } => { "id": (id.to_string()), "name": "b" });
}

/// Only a key that the database makes: an INSERT without any value.
mod only_a_key {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "insert_default")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn nothing_but_a_key() {
    let test = database(only_a_key::Entity).await;
    let row = only_a_key::ActiveModel { id: NotSet }.insert(test.db()).await.unwrap();
    // There is no column to set, so SeaORM updates nothing, and no event tells of a change.
    let row = row.into_active_model().update(test.db()).await.unwrap();
    row.delete(test.db()).await.unwrap();
    let expected = ["row.created", "row.removed"].map(|name| (name.to_owned(), serde_json::json!({ "id": 1 })));
    assert_eq!(told(&test).await, expected);
}

mod bytes {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "by_bytes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false, column_type = "VarBinary(StringLen::N(16))")]
        pub id: Vec<u8>,
        pub value: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn bytes_are_base64() {
    lives!(bytes, { id: vec![0, 255], value: "a".to_owned() } => { "id": "AP8=", "value": "a" },
        { value: "b".to_owned() } => { "id": "AP8=", "value": "b" });
}

mod tea {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, DeriveDisplay)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(20))", rename_all = "kebab-case")]
    pub enum Tea {
        EarlyMorning,
        Afternoon,
    }

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tea")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Tea,
        pub cups: i64,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn an_enum() {
    lives!(tea, { id: tea::Tea::EarlyMorning, cups: 1 } => { "id": "early-morning", "cups": 1 },
        { cups: 2 } => { "id": "early-morning", "cups": 2 });
}

/// Newtypes are keys and columns, and one of them is the sender.
mod newtype {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, DeriveValueType)]
    pub struct AccountId(pub i32);

    #[derive(Clone, Debug, PartialEq, Eq, DeriveValueType)]
    pub struct Name(pub String);

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", when = name.changed()),
        on_delete = "row.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "newtype")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: AccountId,
        pub name: Name,
    }
}

#[tokio::test]
async fn a_newtype() {
    use newtype::Name;
    lives!(newtype, { name: Name("a".to_owned()) } => { "id": 1, "name": "a" },
        { name: Name("b".to_owned()) } => { "id": 1, "name": "b" });
}

/// A row that refers to another of its table.
mod category {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "category")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub parent_id: Option<Uuid>,
        #[sea_orm(self_ref, relation_enum = "Parent", from = "parent_id", to = "id")]
        pub parent: BelongsTo<Option<Entity>>,
    }
}

#[tokio::test]
async fn a_row_that_refers_to_its_own_table() {
    let id = Uuid::from_u128(1);
    lives!(category, { id: id, parent_id: Some(id) } => { "id": (id.to_string()), "parent_id": (id.to_string()) },
        { parent_id: None } => { "id": (id.to_string()), "parent_id": null });
}

/// A key beyond what JavaScript can count to.
mod large {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "large")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i64,
        pub small: i16,
        pub flag: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn a_key_beyond_what_a_double_can_hold() {
    let id = (1_i64 << 53) + 1;
    lives!(large, { id: id, small: -1, flag: false } => { "id": id, "small": -1, "flag": false },
        { flag: true } => { "id": id, "small": -1, "flag": true });
}
