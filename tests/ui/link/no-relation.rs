mod article {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_m2m_add = "article.tag_added")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "article")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
    }
}

fn main() {}
