//! Recipients that a function of the application names when an event is written.

use std::collections::BTreeSet;

use sea_orm::{ConnectionTrait as _, EntityTrait as _, Schema, Set};
use thorn::{Event, Thorn, subscription::Subscriber};

use crate::{
    alone::alone,
    app::{self, TestApp},
};

mod memo {
    #![allow(unreachable_pub, reason = "SeaORM's derives want public types")]
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "memo.created", payload = [id, team], sender = author, reverse = "/memos/{id}")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "memo")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub team: String,
        pub author: String,
    }
}

fn memo(team: &str) -> memo::ActiveModel {
    memo::ActiveModel { team: Set(team.into()), author: Set("alice".into()), ..Default::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_008_099_100_188_a_callback_names_recipients_by_name_sender_data_and_context() {
    alone!(thorn_008_099_100_188_a_callback_names_recipients_by_name_sender_data_and_context);
    let app = TestApp::new().await;
    let receiver = app.receiver().await;
    let db = thorn::connect(&app.url).await.unwrap();
    let backend = db.get_database_backend();
    db.execute(&Schema::new(backend).create_table_from_entity(memo::Entity)).await.unwrap();
    let base = receiver.url("");
    let thorn = Thorn::builder(db)
        .config(app::config())
        .recipients("memo.*", move |event| {
            let memo: serde_json::Value = event.data()?;
            let team = memo["team"].as_str().ok_or("a memo without a team")?;
            assert_ne!(team, "rude", "no memos for the rude");
            if team == "none" {
                return Err("this team has gone".into());
            }
            let context = event.context().ok_or("no context")?;
            let sender = event.sender().ok_or("no sender")?;
            let by_path = |path: String| Subscriber::unsigned(format!("{base}/{path}"));
            let named = by_path(format!("{team}/{}/{}/{}", event.name(), sender.id, context["key"]))?;
            Ok([named, by_path(format!("log?model={}", context["model"].as_str().unwrap_or_default()))?])
        })
        .recipients("plain.*", |event| Ok(event.context().map(|_| unreachable!("{event:?}"))))
        .build()
        .await
        .unwrap();
    let worker = thorn.start_worker().await.unwrap();
    memo("blue").insert(thorn.db()).await.unwrap();
    let paths: BTreeSet<_> =
        receiver.wait_for(2, app::PATIENCE).await.unwrap().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/blue/memo.created/alice/1".into(), "/log?model=memo".into()].into());

    // An error in the callback takes back the change.
    for (team, why) in [("none", "this team has gone"), ("rude", "it panicked")] {
        let error = memo(team).insert(thorn.db()).await.unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("memo.created") && error.contains("`memo.*`"), "{error}");
    }
    assert_eq!(memo::Entity::find().all(thorn.db()).await.unwrap().len(), 1);
    assert_eq!(app.text("SELECT name AS text FROM thorn_event").await.len(), 1);

    Event::new("plain.one").send(thorn.db(), &1).await.unwrap();
    app.settled().await;
    assert_eq!(receiver.received().len(), 2);
    worker.stop().await.unwrap();
}

#[tokio::test]
async fn a_callback_s_pattern_is_checked_when_thorn_is_built() {
    let app = TestApp::new().await;
    let builder = Thorn::builder(app.db().clone()).recipients("memo..*", |_| Ok([]));
    assert!(matches!(builder.build().await, Err(thorn::Error::Pattern(_))));
}
