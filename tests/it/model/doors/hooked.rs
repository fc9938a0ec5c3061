//! The doors with `with_hooks()`, which SeaORM doesn't have. The plain twin writes each row by itself instead.

use std::{fmt::Debug, future::Future};

use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseConnection, DbErr, EntityTrait, IntoActiveModel, ModelTrait, QueryFilter,
    QueryOrder, Set,
    sea_query::{Expr, OnConflict},
};

use super::{
    entities::{page, twin},
    open::{Door, Opening, text},
};

/// A call, and what opens the same door row by row.
fn pair<T: Debug, F, P>(
    when: &'static str,
    code: &'static str,
    open: impl Fn(DatabaseConnection) -> F + 'static,
    plain: impl Fn(DatabaseConnection) -> P + 'static,
) -> (Door, Door)
where
    F: Future<Output = Result<T, DbErr>> + Send + 'static,
    P: Future<Output = Result<Vec<twin::Model>, DbErr>> + Send + 'static,
{
    (Door { code, when, open: opening(open) }, Door { code, when, open: opening(plain) })
}

fn opening<T: Debug, F>(open: impl Fn(DatabaseConnection) -> F + 'static) -> Box<dyn Fn(DatabaseConnection) -> Opening>
where
    F: Future<Output = Result<T, DbErr>> + Send + 'static,
{
    Box::new(move |db| {
        let result = open(db);
        Box::pin(async move { text(result.await) })
    })
}

async fn inserted(rows: Vec<twin::ActiveModel>, db: DatabaseConnection) -> Result<Vec<twin::Model>, DbErr> {
    let mut all = Vec::new();
    for row in rows {
        all.push(row.insert(&db).await?);
    }
    Ok(all)
}

async fn retitled(slugs: &[&str], db: DatabaseConnection) -> Result<Vec<twin::Model>, DbErr> {
    let mut all = Vec::new();
    for row in matching(slugs, &db).await? {
        let mut row = row.into_active_model();
        row.title = Set("new".into());
        all.push(row.update(&db).await?);
    }
    Ok(all)
}

async fn deleted(slugs: &[&str], db: DatabaseConnection) -> Result<Vec<twin::Model>, DbErr> {
    let rows = matching(slugs, &db).await?;
    for row in rows.clone() {
        row.delete(&db).await?;
    }
    Ok(rows)
}

async fn matching(slugs: &[&str], db: &DatabaseConnection) -> Result<Vec<twin::Model>, DbErr> {
    let matching = twin::Entity::find().filter(twin::Column::Slug.is_in(slugs.iter().copied()));
    matching.order_by_asc(twin::Column::Id).all(db).await
}

fn retitle() -> thorn::model::statement::UpdateMany<page::Entity> {
    page::Entity::update_many().col_expr(page::Column::Title, Expr::value("new"))
}

/// Keys are given, because a statement that a conflict repeats takes more of a sequence.
fn keyed(id: i32, slug: &str) -> page::ActiveModel {
    page::ActiveModel { id: Set(id), ..page::row(slug) }
}

pub(super) fn doors() -> Vec<(Door, Door)> {
    vec![
        pair(
            "",
            "Entity::insert_many(rows).with_hooks().exec_with_returning(db)",
            |db| async move {
                let rows = [page::row("d"), page::row("e")];
                page::Entity::insert_many(rows).with_hooks().exec_with_returning(&db).await
            },
            |db| inserted(vec![twin::row("d"), twin::row("e")], db),
        ),
        pair(
            "one conflict",
            "Entity::insert_many(rows).on_conflict(update).with_hooks().exec_with_returning(db)",
            |db| async move {
                let update = OnConflict::column(page::Column::Slug).update_column(page::Column::Title).to_owned();
                let rows = [page::ActiveModel { title: Set("new".into()), ..keyed(5, "b") }, keyed(4, "d")];
                page::Entity::insert_many(rows).on_conflict(update).with_hooks().exec_with_returning(&db).await
            },
            |db| async move {
                let mut all = retitled(&["b"], db.clone()).await?;
                all.extend(inserted(vec![twin::row("d")], db).await?);
                Ok(all)
            },
        ),
        pair(
            "two rows match",
            "Entity::update_many().col_expr(..).filter(..).with_hooks().exec_with_returning(db)",
            |db| async move { retitle().filter(page::Column::Slug.ne("a")).with_hooks().exec_with_returning(&db).await },
            |db| retitled(&["b", "c"], db),
        ),
        pair(
            "no row matches",
            "Entity::update_many().col_expr(..).filter(..).with_hooks().exec_with_returning(db)",
            |db| async move { retitle().filter(page::Column::Slug.eq("z")).with_hooks().exec_with_returning(&db).await },
            |db| retitled(&["z"], db),
        ),
        pair(
            "two rows match",
            "Entity::delete_many().filter(..).with_hooks().exec_with_returning(db)",
            |db| async move {
                let delete = page::Entity::delete_many().filter(page::Column::Slug.ne("b"));
                delete.with_hooks().exec_with_returning(&db).await
            },
            |db| deleted(&["a", "c"], db),
        ),
    ]
}
