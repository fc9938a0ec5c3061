mod user {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create = "user.{password_hash}.created",
        on_change(event = "user.changed", payload = [id, password_hash]),
        reverse = "/users/{password_hash}",
        sender = password_hash,
        private = [password_hash, pasword],
        expose = [password_hash]
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "user")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        pub password_hash: String,
    }
}

fn main() {}
