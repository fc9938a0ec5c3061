#[webhook_model(on_create = "article.*", on_publish = "article.published", payload = [sate], colour = 1, broadcast)]
pub struct Model {
    pub id: i32,
    pub state: String,
}
