mod user {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_m2m_add = "user.followed")]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "user")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(self_ref, via = "follower", from = "User", to = "Follower")]
        pub followers: HasMany<Entity>,
    }
}

mod follower {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(junction)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "follower")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub follower_id: i32,
        #[sea_orm(belongs_to, from = "user_id", to = "id")]
        pub user: BelongsTo<super::user::Entity>,
        #[sea_orm(belongs_to, relation_enum = "Follower", from = "follower_id", to = "id")]
        pub follower: BelongsTo<super::user::Entity>,
    }
}

fn main() {}
