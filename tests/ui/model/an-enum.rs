mod article {
    #[thorn::webhook_model(on_create = "article.created")]
    pub enum Model {
        A,
    }
}

fn main() {}
