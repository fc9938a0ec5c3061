//! From SeaORM's builders to thorn's.

use sea_orm::{ActiveModelTrait, QueryTrait};

use super::{
    delete::ValidatedDeleteOne, delete_many::DeleteMany, insert::Insert, insertion::Insertion, matching::Matching,
    update_many::UpdateMany,
};
use crate::model::webhook_model::WebhookModel;

/// A builder of SeaORM's that [`announced`] takes.
pub trait Announced {
    /// Thorn's builder of the same name.
    type Statement;

    /// Converts the builder.
    fn announced(self) -> Self::Statement;
}

/// Makes a statement announce what it writes.
///
/// Use it for builders that don't come from the functions of an annotated `Entity`: the `delete_by_<column>` that
/// `#[sea_orm::model]` generates for a unique column, `sea_orm::Update::many(..)`, or a builder that a library
/// returns.
///
/// Thorn knows only the SQL of such a statement. On MariaDB and MySQL, which don't return rows, an INSERT or UPDATE
/// of this kind fails.
///
/// # Examples
///
/// ```
/// use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, QueryFilter};
/// use thorn_core::model::{WebhookModel, statement::announced};
///
/// async fn purge<E: WebhookModel>(expires: E::Column, now: i64, db: &DatabaseConnection) -> Result<(), DbErr> {
///     let delete = <E as sea_orm::EntityTrait>::delete_many().filter(expires.lt(now));
///     announced(delete).exec(db).await?;
///     Ok(())
/// }
/// ```
#[must_use]
pub fn announced<S: Announced>(statement: S) -> S::Statement {
    statement.announced()
}

fn unknown() -> Matching {
    Matching { is_own: true, ..Matching::all() }
}

impl<A> Announced for sea_orm::Insert<A>
where
    A: ActiveModelTrait,
    A::Entity: WebhookModel,
{
    type Statement = Insert<A>;

    fn announced(self) -> Insert<A> {
        Insert(Insertion::of_statement(self.into_query()))
    }
}

impl<E: WebhookModel> Announced for sea_orm::UpdateMany<E> {
    type Statement = UpdateMany<E>;

    fn announced(self) -> UpdateMany<E> {
        UpdateMany { inner: self, matching: unknown() }
    }
}

impl<E: WebhookModel> Announced for sea_orm::DeleteMany<E> {
    type Statement = DeleteMany<E>;

    fn announced(self) -> DeleteMany<E> {
        DeleteMany { inner: self, matching: unknown() }
    }
}

impl<E: WebhookModel> Announced for sea_orm::ValidatedDeleteOne<E> {
    type Statement = ValidatedDeleteOne<E>;

    fn announced(self) -> ValidatedDeleteOne<E> {
        ValidatedDeleteOne(self)
    }
}
