mod article {
    #[thorn::webhook_model(on_create = "article.created")]
    pub struct Article {
        pub id: i32,
    }
}

fn main() {}
