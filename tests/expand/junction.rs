#[webhook_model(junction)]
pub struct Model {
    pub article_id: i32,
    pub tag_id: i32,
    #[sea_orm(belongs_to, from = "article_id", to = "id")]
    pub article: BelongsTo<super::article::Entity>,
    #[sea_orm(belongs_to, from = "tag_id", to = "id")]
    pub tag: BelongsTo<Option<super::tag::Entity>>,
}
