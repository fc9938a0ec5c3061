mod tag {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(junction)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "tag")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }
}

fn main() {}
