mod article {
    use sea_orm::entity::prelude::*;

    #[thorn::webhook_model(on_create = "article.created")]
    pub enum Model {
        A,
    }
}

fn main() {}
