//! Both entity formats of SeaORM, the attribute in every place, and inside a `macro_rules!`.

use sea_orm::{IntoActiveModel, Set};

use crate::app::TestApp;

mod compact_above {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "compact.above", on_change(event = "compact.above.b", when = n.now_eq(2)), broadcast)]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "compact_above")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub n: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

mod compact_below {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[thorn::webhook_model(on_create = "compact.below", on_change(event = "compact.below.b", when = n.now_eq(2)), broadcast)]
    #[sea_orm(table_name = "compact_below")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub n: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

mod dense_above {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "dense.above", on_change(event = "dense.above.b", when = n.now_eq(2)), broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dense_above")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub n: i32,
    }
}

mod dense_between {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[thorn::webhook_model(on_create = "dense.between", on_change(event = "dense.between.b", when = n.now_eq(2)), broadcast)]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "dense_between")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub n: i32,
    }
}

mod dense_below {
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[thorn::webhook_model(on_create = "dense.below", on_change(event = "dense.below.b", when = n.now_eq(2)), broadcast)]
    #[sea_orm(table_name = "dense_below")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub n: i32,
    }
}

macro_rules! entity {
    ($module:ident, $table:literal, $event:literal, $column:ident, $when:expr) => {
        mod $module {
            use sea_orm::entity::prelude::*;

            #[thorn::webhook_model(
                on_create = $event,
                on_change(event = $event, when = $when),
                on_other(event = "macro.{n}", on = change, when = $column.now_eq(2) && n.gt(1) && old.is_some()),
                payload = [id, $column],
                sender = n
            )]
            #[sea_orm::model]
            #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                #[sea_orm(primary_key)]
                pub id: i32,
                pub $column: i32,
            }
        }
    };
}

entity!(by_macro, "by_macro", "macro.{n}.changed", n, n.now_eq(2));

/// Columns that are called like locals of generated code, and like the rows in a filter.
mod names {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create(event = "names.{row}", when = row.eq(1) && change.eq(2) && event.eq(3) && fires.eq(4) && new.eq(5)),
        on_change(event = "names.{change}", when = change.now_gt(2) && new.eq(5) && old.eq(6)),
        payload = [change, row, event, fires],
        sender = row
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "names")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub row: i32,
        pub change: i32,
        pub event: i32,
        pub fires: i32,
        pub new: i32,
        pub old: i32,
    }
}

macro_rules! announces {
    ($entity:ident, $expected:expr) => {{
        let test = TestApp::new().await.table($entity::Entity).await;
        let row = $entity::ActiveModel { n: Set(1), ..Default::default() }.insert(test.db()).await.unwrap();
        let mut row = row.into_active_model();
        row.n = Set(2);
        row.update(test.db()).await.unwrap();
        assert_eq!(test.names().await, $expected);
    }};
}

#[tokio::test]
async fn the_compact_format_with_the_attribute_anywhere() {
    announces!(compact_above, ["compact.above", "compact.above.b"]);
    announces!(compact_below, ["compact.below", "compact.below.b"]);
}

#[tokio::test]
async fn the_dense_format_with_the_attribute_anywhere() {
    announces!(dense_above, ["dense.above", "dense.above.b"]);
    announces!(dense_between, ["dense.between", "dense.between.b"]);
    announces!(dense_below, ["dense.below", "dense.below.b"]);
}

#[tokio::test]
async fn an_entity_made_by_a_macro() {
    announces!(by_macro, ["macro.1.changed", "macro.2.changed", "macro.2"]);
}

#[tokio::test]
async fn columns_hide_and_are_hidden_by_nothing() {
    let test = TestApp::new().await.table(names::Entity).await;
    let row = names::ActiveModel {
        row: Set(1),
        change: Set(2),
        event: Set(3),
        fires: Set(4),
        new: Set(5),
        old: Set(6),
        ..Default::default()
    };
    let mut row = row.insert(test.db()).await.unwrap().into_active_model();
    row.change = Set(7);
    row.update(test.db()).await.unwrap();
    assert_eq!(test.names().await, ["names.1", "names.7"]);
}
