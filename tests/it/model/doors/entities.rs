//! The same entity twice: with events, and plain.

use std::{cell::RefCell, future::Future};

/// Names of the entity's own hooks, in the order in which they ran.
pub(super) type Ran = Vec<&'static str>;

tokio::task_local! {
    static HOOKS: RefCell<Ran>;
}

/// Runs `work` and returns which of the entity's own hooks it ran.
pub(super) async fn ran<F: Future>(work: F) -> (F::Output, Ran) {
    let work = async {
        let output = work.await;
        (output, HOOKS.with(RefCell::take))
    };
    HOOKS.scope(RefCell::default(), work).await
}

fn runs(hook: &'static str) {
    let _ = HOOKS.try_with(|hooks| hooks.borrow_mut().push(hook));
}

pub(super) mod page {
    use sea_orm::{Set, entity::prelude::*};

    #[thorn::webhook_model(
        on_create = "page.created",
        on_change = "page.changed",
        on_rename(event = "page.renamed", on = change, when = title.changed()),
        on_delete = "page.removed",
        payload = [slug, title],
        broadcast,
        custom_behavior
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "page")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub slug: String,
        pub title: String,
    }

    #[thorn::active_model_behavior]
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_save<C: ConnectionTrait>(self, _db: &C, _insert: bool) -> Result<Self, DbErr> {
            super::runs("before_save");
            Ok(self)
        }

        async fn after_save<C: ConnectionTrait>(model: Model, _db: &C, _insert: bool) -> Result<Model, DbErr> {
            super::runs("after_save");
            Ok(model)
        }

        async fn before_delete<C: ConnectionTrait>(self, _db: &C) -> Result<Self, DbErr> {
            super::runs("before_delete");
            Ok(self)
        }

        async fn after_delete<C: ConnectionTrait>(self, _db: &C) -> Result<Self, DbErr> {
            super::runs("after_delete");
            Ok(self)
        }
    }

    pub(crate) fn row(slug: &str) -> ActiveModel {
        ActiveModel { slug: Set(slug.into()), title: Set(format!("title of {slug}")), ..Default::default() }
    }
}

pub(super) mod twin {
    use sea_orm::{Set, entity::prelude::*};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "twin")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub slug: String,
        pub title: String,
    }

    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        async fn before_save<C: ConnectionTrait>(self, _db: &C, _insert: bool) -> Result<Self, DbErr> {
            super::runs("before_save");
            Ok(self)
        }

        async fn after_save<C: ConnectionTrait>(model: Model, _db: &C, _insert: bool) -> Result<Model, DbErr> {
            super::runs("after_save");
            Ok(model)
        }

        async fn before_delete<C: ConnectionTrait>(self, _db: &C) -> Result<Self, DbErr> {
            super::runs("before_delete");
            Ok(self)
        }

        async fn after_delete<C: ConnectionTrait>(self, _db: &C) -> Result<Self, DbErr> {
            super::runs("after_delete");
            Ok(self)
        }
    }

    pub(crate) fn row(slug: &str) -> ActiveModel {
        ActiveModel { slug: Set(slug.into()), title: Set(format!("title of {slug}")), ..Default::default() }
    }
}
