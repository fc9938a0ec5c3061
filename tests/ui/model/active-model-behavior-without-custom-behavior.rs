mod user {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "user.created", sender = id)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "user")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {}
}

fn main() {}
