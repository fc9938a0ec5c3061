//! The statements of the link functions on databases with and without RETURNING.

use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ConnectionTrait, Database, DbBackend, EntityTrait, Identity,
    IntoActiveModel, IntoIdentity, QueryOrder, Schema,
    sea_query::{Value, ValueTuple},
};

use super::Side;
use crate::db::without_returning::WithoutReturning;

/// A junction with both sides as its primary key.
mod pair {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "pair")]
    pub(super) struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) one: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub(super) other: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A junction with a primary key of its own, and without a unique index on the pair.
mod numbered {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "numbered")]
    pub(super) struct Model {
        #[sea_orm(primary_key)]
        pub(super) id: i32,
        pub(super) one: i32,
        pub(super) other: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub(super) enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

fn key(key: i32) -> ValueTuple {
    ValueTuple::One(Value::from(key))
}

async fn check<J, C>(db: &C, [one, other]: [J::Column; 2], linked: impl Fn(&J::Model) -> (i32, i32))
where
    J: EntityTrait,
    J::Model: IntoActiveModel<J::ActiveModel>,
    J::ActiveModel: ActiveModelTrait + ActiveModelBehavior + Send,
    C: ConnectionTrait,
{
    db.execute(&Schema::new(DbBackend::Sqlite).create_table_from_entity(J::default())).await.unwrap();
    let identity = |column: J::Column| -> Identity { sea_orm::IdenStatic::as_str(&column).into_identity() };
    let side = |row| Side { one: identity(one), key: key(row), other: identity(other) };
    let links = |rows: Vec<J::Model>| rows.iter().map(&linked).collect::<Vec<_>>();

    assert_eq!(links(side(1).insert::<J, C>(vec![key(7), key(8)], db).await.unwrap()), [(1, 7), (1, 8)]);
    assert_eq!(links(side(1).insert::<J, C>(vec![key(8), key(9)], db).await.unwrap()), [(1, 9)], "8 is there");
    assert_eq!(links(side(1).insert::<J, C>(vec![key(8)], db).await.unwrap()), []);
    assert_eq!(links(side(2).insert::<J, C>(vec![key(8)], db).await.unwrap()), [(2, 8)]);
    assert_eq!(links(side(1).delete::<J, C>(&[key(8), key(6)], db).await.unwrap()), [(1, 8)], "6 isn't there");
    assert_eq!(links(side(1).delete::<J, C>(&[key(8)], db).await.unwrap()), []);
    let left = J::find().order_by_asc(one).order_by_asc(other).all(db).await.unwrap();
    assert_eq!(links(left), [(1, 7), (1, 9), (2, 8)]);
}

#[tokio::test]
async fn thorn_068_only_what_changed_is_returned_by_any_database() {
    for returning in [true, false] {
        let db = Database::connect("sqlite::memory:").await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let (pair, numbered) =
            ([pair::Column::One, pair::Column::Other], [numbered::Column::One, numbered::Column::Other]);
        let of_pair = |row: &pair::Model| (row.one, row.other);
        let of_numbered = |row: &numbered::Model| (row.one, row.other);
        if returning {
            check::<pair::Entity, _>(&db, pair, of_pair).await;
            check::<numbered::Entity, _>(&db, numbered, of_numbered).await;
        } else {
            let db = WithoutReturning(db);
            check::<pair::Entity, _>(&db, pair, of_pair).await;
            check::<numbered::Entity, _>(&db, numbered, of_numbered).await;
        }
    }
}
