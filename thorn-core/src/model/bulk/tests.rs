//! Bulk functions on a database without RETURNING such as MySQL, which is SQLite in disguise here.

use sea_orm::{
    ColumnTrait, ConnectionTrait, Database, DbBackend, EntityTrait, QueryFilter, Schema, Set, sea_query::Expr,
};

use super::{DeleteMany, UpdateMany, insert_on};
use crate::{
    db::without_returning::WithoutReturning,
    model::{
        change::Op,
        event::{ModelEvent, Trigger},
        payload::Payload,
        template::{Piece, Template},
        webhook_model::WebhookModel,
    },
};

mod item {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "item")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) shelf: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) place: i32,
        pub(super) n: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

impl WebhookModel for item::Entity {
    const EVENTS: &'static [ModelEvent<item::Model>] = &[
        event("create", Op::Create),
        event("change", Op::Change).when(true, |change| change.old.is_some_and(|old| old.n + 1 == change.new.n)),
        event("delete", Op::Delete),
    ];
}

const NAME: Template<item::Column> = Template::new(&[
    Piece::Text("item."),
    Piece::Column(item::Column::Shelf),
    Piece::Text("."),
    Piece::Column(item::Column::Place),
]);

const fn event(key: &'static str, op: Op) -> ModelEvent<item::Model> {
    ModelEvent::new(key, Trigger::On(op), NAME).payload(Payload::Columns(&[item::Column::N]))
}

async fn announced(db: &WithoutReturning) -> Vec<String> {
    let events = crate::tables::event::Entity::find().all(db).await.unwrap();
    events.into_iter().map(|event| event.name).collect()
}

#[tokio::test]
async fn thorn_064_bulk_works_without_returning() {
    let db = WithoutReturning(Database::connect("sqlite::memory:").await.unwrap());
    crate::migration::migrate(&db.0).await.unwrap();
    db.execute(&Schema::new(DbBackend::Sqlite).create_table_from_entity(item::Entity)).await.unwrap();

    let rows = [(1, 1), (1, 2), (2, 1)];
    let rows = rows.map(|(shelf, place)| item::ActiveModel { shelf: Set(shelf), place: Set(place), n: Set(0) });
    assert_eq!(insert_on(rows.to_vec(), &db).await.unwrap().len(), 3);
    assert_eq!(announced(&db).await, ["item.1.1", "item.1.2", "item.2.1"]);

    // After the update its condition no longer matches, so the rows must be found again by their keys.
    let update = UpdateMany::<item::Entity>::new().col_expr(item::Column::N, Expr::value(1));
    let update = update.filter(item::Column::Place.eq(1)).filter(item::Column::N.eq(0));
    let mut updated = update.rows(&db).await.unwrap();
    updated.sort_by_key(|item| item.shelf);
    assert_eq!(updated, [item::Model { shelf: 1, place: 1, n: 1 }, item::Model { shelf: 2, place: 1, n: 1 }]);
    assert_eq!(announced(&db).await.len(), 5);

    let delete = DeleteMany::<item::Entity>::new().filter(item::Column::Shelf.eq(1));
    assert_eq!(delete.rows(&db).await.unwrap().len(), 2);
    assert_eq!(announced(&db).await.len(), 7);
    assert_eq!(item::Entity::find().all(&db.0).await.unwrap().len(), 1);
}
