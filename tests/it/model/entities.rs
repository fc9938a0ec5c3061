//! Models that several tests use.

pub(crate) mod article {
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::None)", rename_all = "snake_case")]
    pub enum State {
        Draft,
        Published,
    }

    #[thorn::webhook_model(
        on_create = "article.created",
        on_change = "article.changed",
        on_delete = "article.removed",
        on_publish(event = "article.published", on = change, when = state.now_eq(State::Published)),
        on_share(event = "article.shared", manual),
        payload = [id, title, state],
        sender = author_id,
        reverse = "/articles/{id}"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "article")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub state: State,
        pub author_id: Option<i32>,
    }

    pub(crate) fn draft(title: &str) -> ActiveModel {
        use sea_orm::Set;
        ActiveModel {
            title: Set(title.to_owned()),
            state: Set(State::Draft),
            author_id: Set(Some(7)),
            ..Default::default()
        }
    }
}

/// Only a key.
pub(crate) mod mark {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "mark.{left}.set", on_delete = "mark.{left}.{right}.removed", broadcast)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "mark")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub left: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub right: String,
    }
}

/// Each event goes another way.
pub(crate) mod note {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create(event = "note.created", dispatch = inline),
        on_change(event = "note.changed", dispatch = queue),
        on_delete = "note.removed",
        dispatch = disabled,
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
}
