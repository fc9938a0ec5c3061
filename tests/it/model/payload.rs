//! Payloads of events.

use sea_orm::{Set, prelude::Decimal};
use serde_json::json;

use crate::app::TestApp;

mod everything {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "everything.created", broadcast, expose = [token])]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "everything")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(column_name = "title_column", enum_name = "Heading")]
        pub title: String,
        pub r#type: Option<String>,
        pub ratio: f64,
        pub raw: Vec<u8>,
        pub extra: Json,
        pub at: DateTimeUtc,
        pub day: Date,
        #[sea_orm(column_type = "Decimal(Some((10, 2)))")]
        pub price: Decimal,
        pub token: Uuid,
        #[sea_orm(ignore)]
        pub scratch: i32,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

fn everything(ratio: f64) -> everything::ActiveModel {
    everything::ActiveModel {
        title: Set("é".to_owned()),
        r#type: Set(None),
        ratio: Set(ratio),
        raw: Set(vec![0xff, 0xfe]),
        extra: Set(json!({"a": [1, null]})),
        at: Set("2020-01-02T03:04:05Z".parse().unwrap()),
        day: Set("2020-01-02".parse().unwrap()),
        price: Set("1.25".parse::<Decimal>().unwrap()),
        token: Set(sea_orm::prelude::Uuid::nil()),
        ..Default::default()
    }
}

#[tokio::test]
async fn by_default_every_column_under_its_json_key() {
    let test = TestApp::new().await.table(everything::Entity).await;
    everything(0.5).insert(test.db()).await.unwrap();
    assert_eq!(
        test.written().await[0].body["data"],
        json!({
            "id": 1, "title": "é", "type": null, "ratio": 0.5, "raw": "//4=", "extra": {"a": [1, null]},
            "at": "2020-01-02T03:04:05Z", "day": "2020-01-02", "price": "1.25",
            "token": "00000000-0000-0000-0000-000000000000",
        })
    );
}

#[tokio::test]
async fn thorn_180_an_infinity_fails_the_save() {
    let test = TestApp::new().await.table(everything::Entity).await;
    let error = everything(f64::INFINITY).insert(test.db()).await.unwrap_err().to_string();
    // MySQL doesn't even store it.
    assert!(error.contains("finite") || error.contains("Out of range value for column 'ratio'"), "{error}");
    assert_eq!(test.count("everything").await, 0);
}

mod forms {
    use sea_orm::entity::prelude::*;

    #[derive(serde::Serialize)]
    pub struct View<'a> {
        name: &'a str,
    }

    impl<'a> From<&'a Model> for View<'a> {
        fn from(row: &'a Model) -> Self {
            Self { name: &row.r#type }
        }
    }

    fn loud(row: &Model) -> String {
        row.r#type.to_uppercase()
    }

    mod headers {
        pub(super) fn of(row: &super::Model) -> Vec<(&'static str, String)> {
            vec![("X-Type", row.r#type.clone()), ("X-Id", row.id.to_string())]
        }
    }

    fn none(_: &Model) -> [(String, String); 0] {
        []
    }

    #[thorn::webhook_model(
        on_create(event = "{r_type}.columns.{{x}}", payload = [r_type, r#type]),
        on_function(event = "form.function", on = create, payload = loud, reverse = "/{type}"),
        on_type(event = "form.type", on = create, payload = View, headers = none, sender = r#type),
        on_default(event = "form.default", on = create),
        payload = [id],
        headers = headers::of,
        sender = id,
        reverse = "https://blog.example/{id}?t={type}"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize, serde::Deserialize)]
    #[sea_orm(table_name = "forms")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub r#type: String,
        #[sea_orm(column_name = "other")]
        #[serde(rename = "kind")]
        pub r_type: String,
    }
}

#[tokio::test]
async fn thorn_058_059_060_each_event_may_have_its_own() {
    let test = TestApp::new().await.table(forms::Entity).await;
    let row = forms::ActiveModel { r#type: Set("a/b".to_owned()), r_type: Set("c".to_owned()), ..Default::default() };
    row.insert(test.db()).await.unwrap();
    let written = test.written().await;
    let seen: Vec<_> = written
        .iter()
        .map(|event| {
            let headers = event.options.as_ref().map(|options| options["headers"].clone());
            (event.name.as_str(), event.sender.as_deref().unwrap(), &event.body["ref"], &event.body["data"], headers)
        })
        .collect();
    let reference = json!("https://blog.example/1?t=a%2Fb");
    let headers = json!([["X-Type", "a/b"], ["X-Id", "1"]]);
    assert_eq!(
        seen,
        [
            ("c.columns.{x}", "1", &reference, &json!({"kind": "c", "type": "a/b"}), Some(headers.clone())),
            ("form.function", "1", &json!("/a%2Fb"), &json!("A/B"), Some(headers.clone())),
            ("form.type", "a/b", &reference, &json!({"name": "a/b"}), None),
            ("form.default", "1", &reference, &json!({"id": 1}), Some(headers)),
        ]
    );
}
