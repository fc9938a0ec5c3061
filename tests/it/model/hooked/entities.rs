//! Entities with own hooks that tell what they saw.

use std::{cell::RefCell, future::Future};

tokio::task_local! {
    static SEEN: RefCell<Vec<String>>;
}

/// Runs `work` and returns what the hooks told, in their order.
pub(super) async fn told<F: Future>(work: F) -> (F::Output, Vec<String>) {
    let work = async {
        let output = work.await;
        (output, SEEN.with(RefCell::take))
    };
    SEEN.scope(RefCell::default(), work).await
}

fn tell(line: String) {
    let _ = SEEN.try_with(|seen| seen.borrow_mut().push(line));
}

/// A row for each hook that ran after something, which is announced by itself.
pub(super) mod audit {
    use sea_orm::{Set, entity::prelude::*};

    #[thorn::webhook_model(on_create = "audit.created", payload = [line], broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "audit")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub line: String,
    }

    pub(super) async fn write<C: ConnectionTrait>(line: String, db: &C) -> Result<(), DbErr> {
        ActiveModel { line: Set(line), ..Default::default() }.insert(db).await?;
        Ok(())
    }
}

pub(super) mod task {
    use sea_orm::{Set, TryIntoModel as _, entity::prelude::*};

    use super::{audit, tell};

    #[thorn::webhook_model(
        on_create = "task.created",
        on_change(event = "task.changed", previous),
        on_delete = "task.removed",
        payload = [title, state, revision],
        broadcast,
        custom_behavior
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "task")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub title: String,
        pub state: String,
        pub revision: i32,
    }

    pub(in super::super) fn row(title: &str) -> ActiveModel {
        ActiveModel { title: Set(title.into()), state: Set("open".into()), revision: Set(1), ..Default::default() }
    }

    /// Fails if the row is told to fail in this hook.
    fn fail_in(hook: &str, state: &str) -> Result<(), DbErr> {
        if state == format!("fail in {hook}") { Err(DbErr::Custom(state.to_owned())) } else { Ok(()) }
    }

    fn text(value: &sea_orm::ActiveValue<String>) -> String {
        match value {
            sea_orm::Set(text) => format!("set {text}"),
            sea_orm::Unchanged(text) => text.clone(),
            sea_orm::NotSet => "not set".into(),
        }
    }

    #[thorn::active_model_behavior]
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        /// Trims titles, counts revisions, keeps the title of a task that is done, and doesn't reopen a locked one.
        /// For a plain task, no hook does anything.
        async fn before_save<C>(mut self, db: &C, insert: bool) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            tell(format!("before_save({}, {}, {insert})", text(&self.title), text(&self.state)));
            if let Some(state) = self.state.try_as_ref() {
                fail_in("before_save", state)?;
                if state == "plain" {
                    return Ok(self);
                }
            }
            if insert {
                let title = self.title.take().unwrap_or_default();
                self.title = Set(title.trim().to_owned());
                return Ok(self);
            }
            let Some(old) = Entity::find_by_id(*self.id.as_ref()).one(db).await? else { return Ok(self) };
            tell(format!("was {}, {}", old.title, old.state));
            match old.state.as_str() {
                "done" => self.title = sea_orm::Unchanged(old.title),
                "locked" => self.state = sea_orm::NotSet,
                "quiet" => return Ok(self),
                _ => {}
            }
            self.revision = Set(old.revision + 1);
            Ok(self)
        }

        async fn after_save<C>(
            model: Model,
            db: &C,
            insert: bool,
        ) -> Result<<Self::Entity as EntityTrait>::Model, DbErr>
        where
            C: ConnectionTrait,
        {
            tell(format!("after_save({}, {}, {}, {insert})", model.title, model.state, model.revision));
            fail_in("after_save", &model.state)?;
            if model.state != "plain" {
                audit::write(format!("saved {}", model.title), db).await?;
            }
            Ok(model)
        }

        async fn before_delete<C: ConnectionTrait>(self, db: &C) -> Result<Self, DbErr> {
            let Model { title, state, .. } = self.clone().try_into_model()?;
            tell(format!("before_delete({title}, {state})"));
            fail_in("before_delete", &state)?;
            if state == "marked" {
                let table = sea_orm::EntityName::table_name(&Entity);
                let sql = format!("UPDATE {table} SET state = 'deleted' WHERE id = {}", self.id.as_ref());
                db.execute_unprepared(&sql).await?;
            }
            Ok(self)
        }

        async fn after_delete<C: ConnectionTrait>(self, _: &C) -> Result<Self, DbErr> {
            let state = self.state.as_ref().clone();
            tell(format!("after_delete({}, {state})", self.title.as_ref()));
            fail_in("after_delete", &state)?;
            Ok(self)
        }
    }
}

/// Announces insertions only.
pub(super) mod half {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "half.created", broadcast, custom_behavior)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "half")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub name: String,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {
        #[cfg(test)]
        async fn before_save<C: ConnectionTrait>(self, _: &C, _: bool) -> Result<Self, DbErr> {
            super::tell(format!("before_save({})", self.name.as_ref()));
            Ok(self)
        }

        // It isn't compiled, and thorn's hook must be there nevertheless.
        #[cfg(not(test))]
        async fn after_save<C: ConnectionTrait>(model: Model, _: &C, _: bool) -> Result<Model, DbErr> {
            Ok(model)
        }

        async fn before_delete<C: ConnectionTrait>(self, _: &C) -> Result<Self, DbErr> {
            super::tell(format!("before_delete({})", self.name.as_ref()));
            Ok(self)
        }
    }
}
