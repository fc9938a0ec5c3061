//! The entities, as sea-orm-cli generates them. The attributes of thorn are all that was added.
#![allow(unreachable_pub, reason = "SeaORM's derives need public types")]

pub(crate) mod user {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create = "user.registered",
        on_change(event = "user.changed", only_if_changed, previous),
        payload = [id, username, bio],
        sender = id,
        reverse = "/profiles/{username}",
        custom_behavior
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "users")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub username: String,
        /// Nobody else's business, so it isn't in the payload.
        #[sea_orm(unique)]
        pub email: String,
        #[sea_orm(column_type = "Text", nullable)]
        pub bio: Option<String>,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod follow {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create = "profile.followed",
        on_delete = "profile.unfollowed",
        sender = follower_id,
        custom_behavior
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "follows")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub follower_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub followed_id: i32,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod article {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create = "article.created",
        on_change(event = "article.changed", previous),
        on_popular(event = "article.popular", on = change, when = favourites.now_gte(2)),
        on_delete = "article.deleted",
        on_m2m_add = "article.tagged",
        on_m2m_remove = "article.untagged",
        sender = author_id,
        reverse = "/articles/{slug}",
        custom_behavior
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "articles")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub slug: String,
        pub title: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub author_id: i32,
        pub favourites: i32,
        #[sea_orm(has_many, via = "article_tag")]
        pub tags: HasMany<super::tag::Entity>,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod tag {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(broadcast, on_create = "tag.created", custom_behavior)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tags")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        #[sea_orm(has_many, via = "article_tag")]
        pub articles: HasMany<super::article::Entity>,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod article_tag {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(junction, custom_behavior)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "article_tags")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub article_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag_id: i32,
        #[sea_orm(belongs_to, from = "article_id", to = "id")]
        pub article: BelongsTo<super::article::Entity>,
        #[sea_orm(belongs_to, from = "tag_id", to = "id")]
        pub tag: BelongsTo<super::tag::Entity>,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod comment {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create = "comment.created",
        on_delete = "comment.deleted",
        sender = author_id,
        custom_behavior
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "comments")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub article_id: i32,
        pub author_id: i32,
        #[sea_orm(column_type = "Text")]
        pub body: String,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {}
}

pub(crate) mod favourite {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(
        on_create = "favourite.created",
        on_change = "favourite.rated",
        on_delete = "favourite.deleted",
        sender = user_id,
        custom_behavior
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "favourites")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub article_id: i32,
        pub stars: i32,
    }

    #[thorn::active_model_behavior]
    impl ActiveModelBehavior for ActiveModel {}
}
