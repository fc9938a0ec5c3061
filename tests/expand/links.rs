#[webhook_model(
    on_m2m_add = "article.tag_added",
    on_tagged(event = "article.tags_changed", on = m2m_remove, relation = tags, link_payload = tags_json),
    broadcast,
)]
pub struct Model {
    pub id: i32,
    #[sea_orm(has_many, via = "article_tag")]
    pub tags: HasMany<super::tag::Entity>,
}
