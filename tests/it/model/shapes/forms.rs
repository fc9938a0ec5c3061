//! The forms in which an entity may be written, and ways to fill one.

use sea_orm::{DbBackend, IntoActiveModel};
use serde_json::json;

use super::{database, lives, only_on, told};
use crate::app::TestApp;

/// Everything by hand.
mod expanded {
    use sea_orm::entity::prelude::*;

    #[derive(Copy, Clone, Default, Debug, DeriveEntity)]
    pub struct Entity;

    impl EntityName for Entity {
        fn table_name(&self) -> &'static str {
            "expanded"
        }
    }

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", when = title.changed()),
        on_delete = "row.removed"
    )]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveModel, DeriveActiveModel)]
    pub struct Model {
        pub id: i32,
        pub title: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveColumn)]
    pub enum Column {
        Id,
        #[sea_orm(column_name = "the_title")]
        Title,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DerivePrimaryKey)]
    pub enum PrimaryKey {
        Id,
    }

    impl PrimaryKeyTrait for PrimaryKey {
        type ValueType = i32;

        fn auto_increment() -> bool {
            true
        }
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ColumnTrait for Column {
        type EntityName = Entity;

        fn def(&self) -> ColumnDef {
            match self {
                Self::Id => ColumnType::Integer.def(),
                Self::Title => ColumnType::String(StringLen::None).def(),
            }
        }
    }
}

#[tokio::test]
async fn an_expanded_entity() {
    // `DeriveColumn` knows the name in the table only, so SeaORM's own JSON has it too.
    lives!(expanded, { title: "a".to_owned() } => { "id": 1, "the_title": "a" },
        { title: "b".to_owned() } => { "id": 1, "the_title": "b" });
}

/// `compact_model`, with typed columns.
mod compact {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[sea_orm::compact_model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "compact")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn a_compact_entity_with_typed_columns() {
    lives!(compact, { title: "a".to_owned() } => { "id": 1, "title": "a" },
        { title: "b".to_owned() } => { "id": 1, "title": "b" });
}

/// The attribute below the derive, as a hurried author would put it.
mod below {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "below")]
    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

#[tokio::test]
async fn the_attribute_below_the_derive() {
    lives!(below, { title: "a".to_owned() } => { "id": 1, "title": "a" },
        { title: "b".to_owned() } => { "id": 1, "title": "b" });
}

/// The dense format, with a relation.
mod dense {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dense")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub title: String,
        #[sea_orm(has_many)]
        pub parts: HasMany<super::part::Entity>,
    }
}

mod part {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "part.created",
        on_change = "part.changed",
        on_delete = "part.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "part")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub dense_id: i32,
        pub name: String,
        #[sea_orm(belongs_to, from = "dense_id", to = "id")]
        pub dense: BelongsTo<super::dense::Entity>,
    }
}

#[tokio::test]
async fn a_dense_entity() {
    lives!(dense, { title: "a".to_owned() } => { "id": 1, "title": "a" },
        { title: "b".to_owned() } => { "id": 1, "title": "b" });
}

#[tokio::test]
async fn an_active_model_ex_saves_and_deletes_with_its_relations() {
    let test = database(dense::Entity).await.table(part::Entity).await;
    let new = dense::ActiveModel::builder().set_title("a").add_part(part::ActiveModel::builder().set_name("p"));
    let saved = new.save(test.db()).await.unwrap();
    let saved = saved.set_title("b").save(test.db()).await.unwrap();
    saved.delete(test.db()).await.unwrap();
    let row = |title: &str| json!({ "id": 1, "title": title });
    let part = json!({ "id": 1, "dense_id": 1, "name": "p" });
    let told = told(&test).await;
    let rows: Vec<_> = told.iter().filter(|(name, _)| name.starts_with("row.")).cloned().collect();
    let expected = [("row.created", row("a")), ("row.changed", row("b")), ("row.removed", row("b"))];
    assert_eq!(rows, expected.map(|(name, data)| (name.to_owned(), data)));
    let parts: Vec<_> = told.iter().filter(|(name, _)| name.starts_with("part.")).cloned().collect();
    assert_eq!(parts.first(), Some(&("part.created".to_owned(), part.clone())));
    assert_eq!(parts.last(), Some(&("part.removed".to_owned(), part)));
}

/// A smaller type that becomes an active model.
mod partial {
    use sea_orm::{ActiveValue, DeriveIntoActiveModel, entity::prelude::*};

    #[thorn::webhook_model(broadcast, on_create = "row.created", on_change = "row.changed", on_delete = "row.removed")]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "partial")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub views: Option<i32>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    #[derive(Clone, Debug, DeriveIntoActiveModel)]
    pub struct New {
        pub title: String,
    }

    pub(super) fn change(row: &Model) -> ActiveModel {
        ActiveModel { id: ActiveValue::Unchanged(row.id), views: ActiveValue::Set(Some(1)), ..Default::default() }
    }
}

#[tokio::test]
async fn a_part_of_the_columns_is_told_as_the_whole_row() {
    let test = database(partial::Entity).await;
    let row = partial::New { title: "a".to_owned() }.into_active_model().insert(test.db()).await.unwrap();
    partial::change(&row).update(test.db()).await.unwrap();
    partial::ActiveModel { id: sea_orm::Set(row.id), ..Default::default() }.delete(test.db()).await.unwrap();
    let row = |views| json!({ "id": 1, "title": "a", "views": views });
    let expected = [("row.created", row(None)), ("row.changed", row(Some(1))), ("row.removed", row(Some(1)))];
    assert_eq!(told(&test).await, expected.map(|(name, data)| (name.to_owned(), data)));
}

/// A table in a schema of its own.
mod in_schema {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        broadcast,
        on_create = "row.created",
        on_change(event = "row.changed", only_if_changed),
        on_delete = "row.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(schema_name = "shop", table_name = "in_schema")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
    }
}

#[tokio::test]
async fn a_table_in_another_schema() {
    let test = TestApp::new().await;
    if !only_on(&test, DbBackend::Postgres, "schemas within a database") {
        return;
    }
    test.execute("CREATE SCHEMA shop").await;
    let test = test.table(in_schema::Entity).await;
    lives!(in_schema on test, { title: "a".to_owned() } => { "id": 1, "title": "a" },
        { title: "b".to_owned() } => { "id": 1, "title": "b" });
}
