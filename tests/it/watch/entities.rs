//! Models that are watched.

pub(crate) mod post {
    use sea_orm::{Set, entity::prelude::*};

    #[thorn::webhook_model(
        on_create = "post.{title}.created",
        on_change = "post.changed",
        on_delete = "post.removed",
        on_publish(event = "post.published", on = change, when = published.now_eq(true)),
        payload = [id, title, published],
        sender = author,
        reverse = "/posts/{id}"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_post")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub published: bool,
        pub author: Option<String>,
    }

    pub(crate) fn draft(title: &str) -> ActiveModel {
        ActiveModel {
            title: Set(title.to_owned()),
            published: Set(false),
            author: Set(Some("alice".to_owned())),
            ..Default::default()
        }
    }

    /// An INSERT in SQL, as a program without thorn writes it.
    pub(crate) fn raw(title: &str) -> String {
        format!("INSERT INTO watched_post (title, published, author) VALUES ('{title}', FALSE, 'alice')")
    }
}

/// Goes with its post. It announces nothing when it is created.
pub(crate) mod comment {
    use sea_orm::entity::prelude::*;

    use crate::app::TestApp;

    #[thorn::webhook_model(
        broadcast,
        on_change(event = "comment.edited", when = text.changed()),
        on_delete = "comment.removed"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_comment")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: i32,
        pub post_id: i32,
        pub text: String,
        pub likes: i32,
    }

    pub(crate) async fn create_table(app: &TestApp) {
        app.execute(
            "CREATE TABLE watched_comment (id INTEGER NOT NULL PRIMARY KEY, post_id INTEGER NOT NULL, \
             text VARCHAR(190) NOT NULL, likes INTEGER NOT NULL, \
             FOREIGN KEY (post_id) REFERENCES watched_post (id) ON DELETE CASCADE)",
        )
        .await;
    }

    pub(crate) const fn of(post_id: i32, id: i32) -> Model {
        Model { id, post_id, text: String::new(), likes: 0 }
    }
}

/// One column of each type, and a name that differs in JSON.
pub(crate) mod sample {
    use sea_orm::{entity::prelude::*, prelude::Json};

    #[thorn::webhook_model(
        broadcast,
        on_create = "sample.created",
        expose = [token],
        on_change(event = "sample.{token}.changed", only_if_changed),
        on_delete = "sample.{flag}.removed",
        reverse = "/samples/{title}/{moment}"
    )]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_sample")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub token: Uuid,
        #[sea_orm(column_name = "title_column", enum_name = "Heading")]
        pub title: String,
        pub r#type: Option<String>,
        pub flag: bool,
        pub large: i64,
        pub ratio: f64,
        pub raw: Vec<u8>,
        pub extra: Json,
        pub word: Json,
        pub moment: DateTimeUtc,
        pub local: DateTime,
        pub day: Date,
        pub hour: Time,
        #[sea_orm(column_type = "Decimal(Some((10, 2)))")]
        pub price: Decimal,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}
}

/// Models with keys of other types, all with a text beside the key.
macro_rules! keyed {
    ($($name:ident, $table:literal, $($key:ident: $type:ty),+;)*) => {$(
        pub(crate) mod $name {
            use sea_orm::entity::prelude::*;

            #[thorn::webhook_model(broadcast, on_create = "keyed.made", on_change = "keyed.changed", on_delete = "keyed.gone")]
            #[sea_orm::model]
            #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
            #[sea_orm(table_name = $table)]
            pub struct Model {
                $(#[sea_orm(primary_key, auto_increment = false)] pub $key: $type,)+
                pub text: String,
            }
        }
    )*};
}

keyed! {
    by_text, "watched_by_text", id: String;
    by_uuid, "watched_by_uuid", id: Uuid;
    by_big, "watched_by_big", id: i64;
    by_moment, "watched_by_moment", id: DateTimeUtc;
    by_local, "watched_by_local", id: DateTime;
    by_day, "watched_by_day", id: Date;
    by_pair, "watched by pair", left: i32, right: String;
    read_at_start, "watched_read_at_start", id: String;
    by_uuids, "watched_by_uuids", left: Uuid, right: Uuid;
}

/// Keys whose columns need a declared type.
pub(crate) mod by_price {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "keyed.made", on_change = "keyed.changed", on_delete = "keyed.gone")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_by_price")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false, column_type = "Decimal(Some((10, 2)))")]
        pub id: Decimal,
        pub text: String,
    }
}

pub(crate) mod by_bytes {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "keyed.made", on_change = "keyed.changed", on_delete = "keyed.gone")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_by_bytes")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false, column_type = "VarBinary(StringLen::N(16))")]
        pub id: Vec<u8>,
        pub text: String,
    }
}

/// A model that announces nothing by itself.
pub(crate) mod silent {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_share(event = "silent.shared", manual))]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "watched_silent")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }
}
