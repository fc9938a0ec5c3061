#[webhook_model(on_create = "article.created", custom_behavior, broadcast)]
pub struct Model {
    pub id: i32,
}
