//! Hooks of the user's own beside thorn's.

use sea_orm::{IntoActiveModel, Set};
use tokio::sync::Notify;

use crate::app::TestApp;

mod note {
    use sea_orm::{Set, entity::prelude::*};

    #[thorn::webhook_model(
        on_create = "note.created",
        on_change(event = "note.changed", when = text.changed()),
        on_delete = "note.removed",
        custom_behavior,
        broadcast
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "note")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub text: String,
    }

    #[thorn::active_model_behavior]
    #[async_trait::async_trait]
    impl ActiveModelBehavior for ActiveModel {
        fn new() -> Self {
            Self { text: Set("new".to_owned()), ..<Self as sea_orm::ActiveModelTrait>::default() }
        }

        async fn before_save<C>(mut self, _: &C, _insert: bool) -> Result<Self, DbErr>
        where
            C: ConnectionTrait,
        {
            let text = self.text.take().unwrap_or_default();
            if text == "forbidden" {
                return Err(DbErr::Custom("not this one".to_owned()));
            }
            self.text = Set(text.trim().to_owned());
            Ok(self)
        }

        async fn after_save<C>(mut model: Model, db: &C, _: bool) -> Result<Model, DbErr>
        where
            C: ConnectionTrait,
        {
            // Between the row and its event.
            if model.text == "hang" {
                super::HANGS.notify_one();
                std::future::pending::<()>().await;
            }
            if model.text == "own sql" {
                db.execute_unprepared("UPDATE note SET text = text || '!'").await?;
                model.text.push('!');
            }
            Ok(model)
        }

        async fn before_delete<C: ConnectionTrait>(self, _db: &C) -> Result<Self, DbErr> {
            if self.text.try_as_ref().is_some_and(|text| text == "kept") {
                return Err(DbErr::Custom("it stays".to_owned()));
            }
            Ok(self)
        }
    }
}

/// Told by the hook that hangs.
static HANGS: Notify = Notify::const_new();

fn note(text: &str) -> note::ActiveModel {
    note::ActiveModel { text: Set(text.to_owned()), ..Default::default() }
}

#[tokio::test]
async fn own_hooks_run_first_and_their_result_is_announced() {
    let test = TestApp::new().await.table(note::Entity).await;
    let row = note("  a ").insert(test.db()).await.unwrap();
    assert_eq!(row.text, "a");
    note("own sql").insert(test.db()).await.unwrap();
    let mut change = row.clone().into_active_model();
    change.text = Set(" b".to_owned());
    change.update(test.db()).await.unwrap();
    row.delete(test.db()).await.unwrap();
    let seen: Vec<_> = test
        .written()
        .await
        .into_iter()
        .map(|event| (event.name, event.body["data"]["text"].as_str().unwrap().to_owned()))
        .collect();
    let seen: Vec<_> = seen.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(
        seen,
        [("note.created", "a"), ("note.created", "own sql!"), ("note.changed", "b"), ("note.removed", "b")]
    );
    assert_eq!(<note::ActiveModel as sea_orm::ActiveModelBehavior>::new().text, Set("new".to_owned()));
}

#[tokio::test]
async fn what_an_own_hook_refuses_is_not_announced() {
    let test = TestApp::new().await.table(note::Entity).await;
    note("forbidden").insert(test.db()).await.unwrap_err();
    let kept = note("kept").insert(test.db()).await.unwrap();
    kept.delete(test.db()).await.unwrap_err();
    assert_eq!(test.names().await, ["note.created"]);
    assert_eq!(test.count("note").await, 1);
}

#[tokio::test]
async fn an_abort_between_row_and_event_leaves_neither() {
    let test = TestApp::new().await.table(note::Entity).await;
    let db = test.db().clone();
    let task = tokio::spawn(async move { note("hang").insert(&db).await });
    HANGS.notified().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    // The next writer waits until the transaction is rolled back.
    note("next").insert(test.db()).await.unwrap();
    assert_eq!(test.count("note").await, 1);
    assert_eq!(test.names().await, ["note.created"]);
}
