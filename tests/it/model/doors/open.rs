//! The doors: each a call of SeaORM's API, written once for both entities.

use std::{fmt::Debug, future::Future, pin::Pin};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, ConnectionTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel,
    ModelTrait, QueryFilter, QueryTrait, Set, Unchanged,
    sea_query::{Expr, OnConflict},
};

use super::entities::{page, twin};

pub(super) type Opening = Pin<Box<dyn Future<Output = String> + Send>>;

/// A call that may write rows.
pub(super) struct Door {
    /// The call, as an application writes it.
    pub(super) code: &'static str,
    /// A condition, for calls that stand in the table several times.
    pub(super) when: &'static str,
    /// Makes the call and returns its result as text.
    pub(super) open: Box<dyn Fn(DatabaseConnection) -> Opening>,
}

pub(super) fn text<T: Debug>(result: Result<T, DbErr>) -> String {
    match result {
        Ok(value) => format!("{value:?}"),
        Err(error) => format!("{error:?}"),
    }
}

macro_rules! doors {
    ($($when:literal: $code:literal => |$db:ident| $call:expr;)*) => {
        vec![$(Door {
            code: $code,
            when: $when,
            open: Box::new(|$db| Box::pin(async move {
                let $db = &$db;
                text($call.await)
            })),
        }),*]
    };
}

macro_rules! doors_of {
    ($module:ident) => {{
        use $module::{ActiveModel, Column, Entity, row};

        /// `b`, as an update with another title.
        fn renamed() -> ActiveModel {
            ActiveModel { id: Unchanged(2), slug: Unchanged("b".into()), title: Set("new".into()) }
        }

        fn missing() -> ActiveModel {
            ActiveModel { id: Unchanged(9), ..renamed() }
        }

        /// Keys are given, because a statement that a conflict repeats takes more of a sequence.
        fn keyed(id: i32, slug: &str) -> ActiveModel {
            ActiveModel { id: Set(id), ..row(slug) }
        }

        fn retitle() -> OnConflict {
            OnConflict::column(Column::Slug).update_column(Column::Title).to_owned()
        }

        fn nothing() -> OnConflict {
            OnConflict::column(Column::Slug).do_nothing_on([Column::Id]).to_owned()
        }

        fn set(slug: &str, title: &str) -> ActiveModel {
            ActiveModel { title: Set(title.into()), ..row(slug) }
        }

        async fn read(id: i32, db: &DatabaseConnection) -> $module::Model {
            Entity::find_by_id(id).one(db).await.unwrap().unwrap()
        }

        doors! {
            "": "row.insert(db)" => |db| row("d").insert(db);
            "": "row.update(db)" => |db| renamed().update(db);
            "the row is missing": "row.update(db)" => |db| missing().update(db);
            "no column is set": "row.update(db)" => |db| read(2, db).await.into_active_model().update(db);
            "": "row.update_without_returning(db)" => |db| renamed().update_without_returning(db);
            "a new row": "row.save(db)" => |db| row("d").save(db);
            "": "row.save(db)" => |db| renamed().save(db);
            "": "row.delete(db)" => |db| renamed().delete(db);
            "the row is missing": "row.delete(db)" => |db| missing().delete(db);
            "": "model.delete(db)" => |db| read(2, db).await.delete(db);
            "": "row.into_ex().insert(db)" => |db| row("d").into_ex().insert(db);
            "": "row.into_ex().update(db)" => |db| renamed().into_ex().update(db);
            "": "row.into_ex().delete(db)" => |db| renamed().into_ex().delete(db);
            "": "model.cascade_delete(db)" => |db| async { read(2, db).await.cascade_delete(db).await };

            "": "Entity::insert(row).exec(db)" => |db| Entity::insert(row("d")).exec(db);
            "a unique key is taken": "Entity::insert(row).exec(db)" => |db| async {
                Entity::insert(row("b")).exec(db).await.map_err(|_| DbErr::Custom("a unique violation".into()))
            };
            "": "Entity::insert(row).exec_without_returning(db)" => |db| Entity::insert(row("d")).exec_without_returning(db);
            "": "Entity::insert(row).exec_with_returning(db)" => |db| Entity::insert(row("d")).exec_with_returning(db);
            "": "Entity::insert(row).exec_with_returning_keys(db)" => |db| {
                Entity::insert(row("d")).exec_with_returning_keys(db)
            };
            "": "Entity::insert(row).exec_with_returning_many(db)" => |db| {
                Entity::insert(row("d")).exec_with_returning_many(db)
            };
            "no conflict": "Entity::insert(row).on_conflict(update).exec(db)" => |db| {
                Entity::insert(keyed(4, "d")).on_conflict(retitle()).exec(db)
            };
            "a conflict": "Entity::insert(row).on_conflict(update).exec(db)" => |db| async {
                let inserted = Entity::insert(set("b", "new")).on_conflict(retitle()).exec(db).await;
                inserted.map(|_| "MariaDB's id of an update differs between its releases")
            };
            "a conflict": "Entity::insert(row).on_conflict(update).exec_without_returning(db)" => |db| {
                Entity::insert(set("b", "new")).on_conflict(retitle()).exec_without_returning(db)
            };
            "a conflict that changes no value": "Entity::insert(row).on_conflict(update).exec_without_returning(db)" => |db| {
                Entity::insert(row("b")).on_conflict(retitle()).exec_without_returning(db)
            };
            "a conflict of given keys": "Entity::insert(row).on_conflict(update).exec_with_returning(db)" => |db| {
                let update = OnConflict::column(Column::Id).update_column(Column::Title).to_owned();
                Entity::insert(ActiveModel { id: Set(2), ..set("b", "new") }).on_conflict(update).exec_with_returning(db)
            };
            "a conflict": "Entity::insert(row).on_conflict(nothing).exec(db)" => |db| {
                Entity::insert(row("b")).on_conflict(nothing()).exec(db)
            };
            "no conflict": "Entity::insert(row).on_conflict_do_nothing_on([Slug]).exec(db)" => |db| {
                Entity::insert(row("d")).on_conflict_do_nothing_on([Column::Slug]).exec(db)
            };
            "a conflict": "Entity::insert(row).on_conflict_do_nothing_on([Slug]).exec(db)" => |db| {
                Entity::insert(row("b")).on_conflict_do_nothing_on([Column::Slug]).exec(db)
            };
            "a conflict": "Entity::insert(row).on_conflict_do_nothing().exec(db)" => |db| {
                Entity::insert(keyed(2, "b")).on_conflict_do_nothing().exec(db)
            };
            "a conflict": "Entity::insert(row).on_conflict_do_nothing_on([Slug]).exec_with_returning(db)" => |db| {
                Entity::insert(row("b")).on_conflict_do_nothing_on([Column::Slug]).exec_with_returning(db)
            };
            "": "Entity::insert(row).try_insert().exec_with_returning(db)" => |db| {
                Entity::insert(row("d")).try_insert().exec_with_returning(db)
            };

            "": "Entity::insert_many(rows).exec(db)" => |db| Entity::insert_many([row("d"), row("e")]).exec(db);
            "no rows": "Entity::insert_many(rows).exec(db)" => |db| Entity::insert_many(Vec::<ActiveModel>::new()).exec(db);
            "": "Entity::insert_many(rows).exec_without_returning(db)" => |db| {
                Entity::insert_many([row("d"), row("e")]).exec_without_returning(db)
            };
            "": "Entity::insert_many(rows).exec_with_returning(db)" => |db| {
                Entity::insert_many([row("d"), row("e")]).exec_with_returning(db)
            };
            "": "Entity::insert_many(rows).exec_with_returning_keys(db)" => |db| {
                Entity::insert_many([row("d"), row("e")]).exec_with_returning_keys(db)
            };
            "one conflict": "Entity::insert_many(rows).on_conflict(update).exec_without_returning(db)" => |db| {
                Entity::insert_many([keyed(4, "d"), ActiveModel { id: Set(5), ..set("b", "new") }])
                    .on_conflict(retitle())
                    .exec_without_returning(db)
            };
            "one conflict": "Entity::insert_many(rows).on_conflict_do_nothing_on([Slug]).exec_with_returning_keys(db)" => |db| {
                Entity::insert_many([keyed(4, "b"), keyed(5, "e")])
                    .on_conflict_do_nothing_on([Column::Slug])
                    .exec_with_returning_keys(db)
            };
            "only conflicts": "Entity::insert_many(rows).on_conflict_do_nothing_on([Slug]).exec(db)" => |db| {
                Entity::insert_many([row("a"), row("b")]).on_conflict_do_nothing_on([Column::Slug]).exec(db)
            };

            "": "Entity::update(row).exec(db)" => |db| Entity::update(renamed()).exec(db);
            "the row is missing": "Entity::update(row).exec(db)" => |db| Entity::update(missing()).exec(db);
            "no column is set": "Entity::update(row).exec(db)" => |db| async {
                Entity::update(read(2, db).await.into_active_model()).exec(db).await
            };
            "without a key": "Entity::update(row).exec(db)" => |db| Entity::update(row("b")).exec(db);
            "": "Entity::update(row).exec_without_returning(db)" => |db| Entity::update(renamed()).exec_without_returning(db);
            "the row is missing": "Entity::update(row).exec_without_returning(db)" => |db| {
                Entity::update(missing()).exec_without_returning(db)
            };
            "": "Entity::update(row).validate()?.filter(..).exec(db)" => |db| async {
                Entity::update(renamed()).validate()?.filter(Column::Slug.eq("b")).exec(db).await
            };
            "no row matches": "Entity::update(row).validate()?.filter(..).exec(db)" => |db| async {
                Entity::update(renamed()).validate()?.filter(Column::Slug.eq("c")).exec(db).await
            };
            "two rows match": "Entity::update_many().col_expr(..).filter(..).exec(db)" => |db| {
                Entity::update_many().col_expr(Column::Title, Expr::value("new")).filter(Column::Slug.ne("a")).exec(db)
            };
            "no row matches": "Entity::update_many().col_expr(..).filter(..).exec(db)" => |db| {
                Entity::update_many().col_expr(Column::Title, Expr::value("new")).filter(Column::Slug.eq("z")).exec(db)
            };
            "no column is set": "Entity::update_many().exec(db)" => |db| Entity::update_many().exec(db);
            "": "Entity::update_many().set(row).filter(..).exec(db)" => |db| {
                let row = ActiveModel { title: Set("new".into()), ..Default::default() };
                Entity::update_many().set(row).filter(Column::Slug.eq("b")).exec(db)
            };
            "": "Entity::update_many().col_expr(..).filter(..).exec_with_returning(db)" => |db| {
                Entity::update_many()
                    .col_expr(Column::Title, Expr::value("new"))
                    .filter(Column::Slug.eq("b"))
                    .exec_with_returning(db)
            };
            "the primary key changes": "Entity::update_many().col_expr(..).filter(..).exec(db)" => |db| {
                Entity::update_many().col_expr(Column::Id, Expr::value(7)).filter(Column::Slug.eq("b")).exec(db)
            };

            "": "Entity::delete(row).exec(db)" => |db| Entity::delete(renamed()).exec(db);
            "the row is missing": "Entity::delete(row).exec(db)" => |db| Entity::delete(missing()).exec(db);
            "without a key": "Entity::delete(row).exec(db)" => |db| Entity::delete(row("b")).exec(db);
            "": "Entity::delete(row).exec_with_returning(db)" => |db| Entity::delete(renamed()).exec_with_returning(db);
            "": "Entity::delete_by_id(id).exec(db)" => |db| Entity::delete_by_id(2).exec(db);
            "no row matches": "Entity::delete_by_id(id).filter(..).exec(db)" => |db| {
                Entity::delete_by_id(2).filter(Column::Slug.eq("c")).exec(db)
            };
            "": "Entity::delete_by_id(id).exec_with_returning(db)" => |db| Entity::delete_by_id(2).exec_with_returning(db);
            "": "Entity::delete_many().filter(..).exec(db)" => |db| {
                Entity::delete_many().filter(Column::Slug.ne("b")).exec(db)
            };
            "": "Entity::delete_many().filter_by_ids(ids).exec(db)" => |db| Entity::delete_many().filter_by_ids([1, 3, 9]).exec(db);
            "": "Entity::delete_many().belongs_to(&model).exec_with_returning(db)" => |db| async {
                Entity::delete_many().belongs_to(&read(2, db).await).exec_with_returning(db).await
            };
            "changed through `query()`": "Entity::delete_many().exec(db)" => |db| async {
                let mut delete = Entity::delete_many();
                QueryTrait::query(&mut delete).and_where(Column::Slug.eq("b"));
                delete.exec(db).await
            };

            "not seen": "Entity::delete_by_<unique column>(value).exec(db)" => |db| Entity::delete_by_slug("b").exec(db);
            "not seen": "sea_orm::Insert::one(row).exec(db)" => |db| sea_orm::Insert::one(row("d")).exec(db);
            "not seen": "<Entity as EntityTrait>::insert(row).exec(db)" => |db| <Entity as EntityTrait>::insert(row("d")).exec(db);
            "not seen": "<Entity as EntityTrait>::delete_many().exec(db)" => |db| <Entity as EntityTrait>::delete_many().exec(db);
            "not seen": "db.execute_unprepared(sql)" => |db| async {
                let table = sea_orm::EntityName::table_name(&Entity);
                let result = db.execute_unprepared(&format!("DELETE FROM {table} WHERE id = 2")).await?;
                Ok(result.rows_affected())
            };
        }
    }};
}

pub(super) fn doors_of_page() -> Vec<Door> {
    doors_of!(page)
}

pub(super) fn doors_of_twin() -> Vec<Door> {
    doors_of!(twin)
}
