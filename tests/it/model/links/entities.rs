//! Articles, which announce their tags, and tags, which announce nothing.

pub(crate) mod article {
    use sea_orm::{Set, entity::prelude::*};

    #[thorn::webhook_model(
        on_create = "article.created",
        on_delete = "article.removed",
        on_m2m_add = "article.tag_added",
        on_m2m_remove = "article.tag_removed",
        on_m2m_clear = "article.tag_all_cleared",
        sender = author,
        reverse = "/articles/{id}"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "article")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        pub author: String,
        #[sea_orm(has_many, via = "article_tag")]
        pub tags: HasMany<super::tag::Entity>,
    }

    pub(crate) fn new(title: &str) -> ActiveModel {
        ActiveModel { title: Set(title.to_owned()), author: Set("ada".to_owned()), ..Default::default() }
    }
}

pub(crate) mod tag {
    use sea_orm::{Set, entity::prelude::*};

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "tag")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub name: String,
        #[sea_orm(has_many, via = "article_tag")]
        pub articles: HasMany<super::article::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}

    pub(crate) fn new(name: &str) -> ActiveModel {
        ActiveModel { name: Set(name.to_owned()), ..Default::default() }
    }
}

pub(crate) mod article_tag {
    use sea_orm::{Set, entity::prelude::*};

    #[thorn::webhook_model(junction)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "article_tag")]
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

    pub(crate) fn new(article_id: i32, tag_id: i32) -> ActiveModel {
        ActiveModel { article_id: Set(article_id), tag_id: Set(tag_id) }
    }
}
