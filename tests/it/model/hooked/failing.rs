//! An error of any hook takes rows, hooks' own writes and events back.

use sea_orm::{ColumnTrait, DatabaseConnection, DbErr, QueryFilter, Set, sea_query::Expr};

use super::{
    entities::{task, told},
    events, tasks, with_tasks,
};
use crate::app::TestApp;

async fn insert(state: &str, db: &DatabaseConnection) -> Result<(), DbErr> {
    let row = |id, title, state: &str| task::ActiveModel { id: Set(id), state: Set(state.into()), ..task::row(title) };
    let rows = [row(11, "new", "open"), row(12, "newer", state)];
    task::Entity::insert_many(rows).with_hooks().exec(db).await.map(drop)
}

async fn update(state: &str, db: &DatabaseConnection) -> Result<(), DbErr> {
    // The second row alone gets the state.
    let state = Expr::case(task::Column::Title.eq("b"), state).finally("first");
    let update = task::Entity::update_many().col_expr(task::Column::State, state.into());
    update.filter(task::Column::Title.is_in(["a", "b"])).with_hooks().exec(db).await.map(drop)
}

async fn delete(_: &str, db: &DatabaseConnection) -> Result<(), DbErr> {
    task::Entity::delete_many().filter(task::Column::Title.is_in(["a", "b"])).with_hooks().exec(db).await.map(drop)
}

/// Runs the statement for two rows. The second one has this state.
async fn run(statement: &str, state: &str, test: &TestApp) -> Result<(), DbErr> {
    match statement {
        "insert" => insert(state, test.db()).await,
        "update" => update(state, test.db()).await,
        _ => delete(state, test.db()).await,
    }
}

async fn fails(statement: &str, hook: &str) {
    let state = format!("fail in {hook}");
    // A deletion finds the state in the row.
    let stored = |state: &str| if statement == "delete" { state.to_owned() } else { "open".to_owned() };

    let fine = with_tasks(&[("a", "open"), ("b", &stored("fine"))]).await;
    let before = (tasks(&fine).await, fine.count("audit").await);
    run(statement, "fine", &fine).await.unwrap();
    assert_ne!((tasks(&fine).await, fine.count("audit").await), before, "{statement}");
    assert!(events(&fine).await.len() >= 2, "{statement}");

    let test = with_tasks(&[("a", "open"), ("b", &stored(&state))]).await;
    let before = (tasks(&test).await, test.count("audit").await);
    let (result, hooks) = told(run(statement, &state, &test)).await;
    assert_eq!(result.unwrap_err().to_string(), DbErr::Custom(state).to_string());
    // The hook had run for the first row.
    assert!(hooks.iter().filter(|line| line.starts_with(hook)).count() == 2, "{hooks:?}");
    assert_eq!((tasks(&test).await, test.count("audit").await), before, "{statement} {hook}");
    assert!(events(&test).await.is_empty(), "{statement} {hook}");
}

#[tokio::test]
async fn an_error_for_the_second_row_takes_everything_back() {
    for (statement, hook) in [
        ("insert", "before_save"),
        ("insert", "after_save"),
        ("update", "before_save"),
        ("update", "after_save"),
        ("delete", "before_delete"),
        ("delete", "after_delete"),
    ] {
        fails(statement, hook).await;
    }
}

#[tokio::test]
async fn events_that_cannot_be_written_take_everything_back() {
    for statement in ["insert", "update", "delete"] {
        let test = with_tasks(&[("a", "open"), ("b", "open")]).await;
        let before = tasks(&test).await;
        test.break_outbox().await;
        run(statement, "fine", &test).await.unwrap_err();
        assert_eq!((tasks(&test).await, test.count("audit").await), (before, 0), "{statement}");
    }
}

#[tokio::test]
async fn a_hook_that_changes_the_key_is_refused() {
    mod moved {
        use sea_orm::{Set, entity::prelude::*};

        #[thorn::webhook_model(on_change = "moved.changed", broadcast, custom_behavior)]
        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "moved")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub name: String,
        }

        #[thorn::active_model_behavior]
        impl ActiveModelBehavior for ActiveModel {
            async fn before_save<C: ConnectionTrait>(mut self, _: &C, insert: bool) -> Result<Self, DbErr> {
                if !insert {
                    self.id = Set(7);
                }
                Ok(self)
            }

            async fn before_delete<C: ConnectionTrait>(mut self, _: &C) -> Result<Self, DbErr> {
                self.id = sea_orm::NotSet;
                Ok(self)
            }
        }
    }
    let test = TestApp::new().await.table(moved::Entity).await;
    moved::ActiveModel { name: Set("a".into()), ..Default::default() }.insert(test.db()).await.unwrap();
    let update = moved::Entity::update_many().col_expr(moved::Column::Name, Expr::value("b")).with_hooks();
    let Err(DbErr::Custom(refusal)) = update.exec(test.db()).await else { panic!("it isn't refused") };
    assert!(refusal.contains("`before_save` of `moved` changed the primary key"), "{refusal}");
    let delete = moved::Entity::delete_many().with_hooks();
    let Err(DbErr::Custom(refusal)) = delete.exec(test.db()).await else { panic!("it isn't refused") };
    assert!(refusal.contains("`before_delete` of `moved` changed the primary key"), "{refusal}");
    assert_eq!((test.names().await.len(), test.count("moved").await), (0, 1));
}

#[tokio::test]
async fn a_hook_that_says_nothing_was_inserted_fails_and_is_no_conflict() {
    mod shy {
        use sea_orm::entity::prelude::*;

        #[thorn::webhook_model(on_create = "shy.created", broadcast, custom_behavior)]
        #[sea_orm::model]
        #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
        #[sea_orm(table_name = "shy")]
        pub struct Model {
            #[sea_orm(primary_key)]
            pub id: i32,
            pub name: String,
        }

        #[thorn::active_model_behavior]
        impl ActiveModelBehavior for ActiveModel {
            async fn after_save<C: ConnectionTrait>(_: Model, _: &C, _: bool) -> Result<Model, DbErr> {
                Err(DbErr::RecordNotInserted)
            }
        }
    }
    let test = TestApp::new().await.table(shy::Entity).await;
    let row = || shy::ActiveModel { name: Set("a".into()), ..Default::default() };
    let insert = || shy::Entity::insert(row()).try_insert().with_hooks();
    let failed = [
        insert().exec(test.db()).await.map(drop),
        insert().exec_with_returning(test.db()).await.map(drop),
        insert().exec_with_returning_many(test.db()).await.map(drop),
        shy::Entity::insert_many([row()]).with_hooks().exec(test.db()).await.map(drop),
    ];
    assert!(failed.iter().all(|result| *result == Err(DbErr::RecordNotInserted)), "{failed:?}");
    assert_eq!((test.names().await.len(), test.count("shy").await), (0, 0));
}
