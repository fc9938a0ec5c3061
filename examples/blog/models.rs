//! Articles and their tags. The attributes here declare every event of the blog.

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Schema};

pub(crate) mod article {
    #![expect(unreachable_pub, reason = "SeaORM's derives need public types")]
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, Eq, EnumIter, DeriveActiveEnum, serde::Serialize, serde::Deserialize)]
    #[sea_orm(rs_type = "String", db_type = "String(StringLen::N(16))", rename_all = "SCREAMING_SNAKE_CASE")]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    pub enum State {
        Draft,
        Published,
    }

    #[thorn::webhook_model(
        on_create = "article.created",
        on_change = "article.changed",
        on_publish(event = "article.published", on = change, when = state.now_eq(State::Published)),
        on_delete = "article.removed",
        on_m2m_add = "article.tag_added",
        on_m2m_remove = "article.tag_removed",
        on_m2m_clear = "article.tag_all_cleared",
        sender = author,
        reverse = "/articles/{id}/"
    )]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
    #[sea_orm(table_name = "article")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        pub title: String,
        #[sea_orm(column_type = "Text")]
        pub body: String,
        pub state: State,
        pub author: String,
        #[sea_orm(has_many, via = "article_tag")]
        pub tags: HasMany<super::tag::Entity>,
    }
}

pub(crate) mod tag {
    #![expect(unreachable_pub, reason = "SeaORM's derives need public types")]
    use sea_orm::entity::prelude::*;

    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
    #[sea_orm(table_name = "tag")]
    pub struct Model {
        #[sea_orm(primary_key)]
        pub id: i32,
        #[sea_orm(unique)]
        pub name: String,
        #[sea_orm(has_many, via = "article_tag")]
        pub articles: HasMany<super::article::Entity>,
    }

    impl ActiveModelBehavior for ActiveModel {}
}

/// The links between articles and tags.
pub(crate) mod article_tag {
    #![expect(unreachable_pub, reason = "SeaORM's derives need public types")]
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(junction)]
    #[sea_orm::model]
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel, serde::Serialize)]
    #[sea_orm(table_name = "article_tag")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub article_id: i32,
        #[sea_orm(primary_key, auto_increment = false)]
        pub tag_id: i32,
        #[sea_orm(belongs_to, from = "article_id", to = "id", on_delete = "Cascade")]
        pub article: BelongsTo<super::article::Entity>,
        #[sea_orm(belongs_to, from = "tag_id", to = "id", on_delete = "Cascade")]
        pub tag: BelongsTo<super::tag::Entity>,
    }
}

pub(crate) async fn create_tables(db: &DatabaseConnection) -> Result<(), DbErr> {
    let schema = Schema::new(db.get_database_backend());
    for mut table in [
        schema.create_table_from_entity(article::Entity),
        schema.create_table_from_entity(tag::Entity),
        schema.create_table_from_entity(article_tag::Entity),
    ] {
        // A blog that starts at the same time may create the table between PostgreSQL's check and its creation. The
        // second time it is there.
        let table = table.if_not_exists();
        if db.execute(&*table).await.is_err() {
            db.execute(&*table).await?;
        }
    }
    if db.get_database_backend() == DbBackend::MySql {
        // `Text` has at most 64 KiB there.
        db.execute_unprepared("ALTER TABLE article MODIFY body mediumtext NOT NULL").await?;
    }
    Ok(())
}
