//! Many-to-many links that are announced.

mod direct;
mod entities;
mod functions;
mod nested;
mod payload;
mod replayed;
mod surrogate;

use sea_orm::ActiveModelTrait;
use serde_json::Value;

use crate::app::TestApp;
use entities::{article, article_tag, tag};

/// Articles 1 to 3 and the tags 1 to 3, not linked.
struct Blog {
    test: TestApp,
    articles: Vec<article::Model>,
    tags: Vec<tag::Model>,
}

impl Blog {
    async fn new() -> Self {
        let test = TestApp::new().await.table(article::Entity).await;
        let test = test.table(tag::Entity).await.table(article_tag::Entity).await;
        let (mut articles, mut tags) = (Vec::new(), Vec::new());
        for name in ["a", "b", "c"] {
            articles.push(article::new(name).insert(test.db()).await.unwrap());
            tags.push(tag::new(name).insert(test.db()).await.unwrap());
        }
        assert_eq!(test.names().await.len(), 3, "articles announce themselves");
        test.forget().await;
        Self { test, articles, tags }
    }

    /// Events since the last call: their names and references.
    async fn news(&self) -> Vec<(String, String)> {
        let written = self.test.written().await;
        self.test.forget().await;
        let about = |body: &Value| body["ref"].as_str().unwrap_or_default().to_owned();
        written.iter().map(|event| (event.name.clone(), about(&event.body))).collect()
    }

    async fn links(&self) -> i64 {
        self.test.count("article_tag").await
    }
}

/// Events of articles, by their ids.
fn of(name: &str, articles: &[i32]) -> Vec<(String, String)> {
    articles.iter().map(|id| (format!("article.{name}"), format!("/articles/{id}"))).collect()
}
