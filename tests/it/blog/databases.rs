//! The blog on each database.

use std::{process::Stdio, sync::Arc};

use serde_json::{Value, json};
use thorn_test_support::Place;

use super::{Blog, path};

impl Blog {
    async fn at(place: &Place, settings: &[(&str, &str)]) -> Self {
        // MySQL has no queue in the database.
        let settings = [settings, &[("THORN_QUEUE_URL", "memory:"), ("WORKER", "external")]].concat();
        let directory = Arc::new(tempfile::tempdir().unwrap());
        Self::start_on(place.url.clone(), directory, Stdio::inherit(), &settings).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_blogs_may_start_at_once_on_an_empty_database() {
    for place in Place::every().await {
        let blogs = futures::future::join_all((0..4).map(|_| Blog::at(&place, &[]))).await;
        for (n, blog) in blogs.iter().enumerate() {
            assert_eq!(blog.write("alice", "first").await["id"], n + 1, "{}", place.url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_may_be_there_already() {
    for place in Place::every().await {
        let blog = Blog::at(&place, &[]).await;
        let articles = [blog.write("alice", "one").await, blog.write("alice", "two").await];
        for article in articles.iter().chain(&articles) {
            let tag = format!("{}tags/rust/", path(article));
            blog.send("alice", "PUT", &tag, &Value::Null).await.expect(204);
            let shown = blog.send("alice", "GET", &path(article), &Value::Null).await.expect(200).json();
            assert_eq!(shown["tags"], json!(["rust"]), "{}", place.url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_no_database_can_take_are_400_and_events_that_are_too_large_are_413() {
    for place in Place::every().await {
        let blog = Blog::at(&place, &[("RUST_LOG", "off")]).await;
        let draft = blog.write("alice", "draft").await;
        let tag = format!("{}tags/a%00b/", path(&draft));
        let (nul, long) = ("a\0b", "x".repeat(256));
        for (method, at, body, status, says) in [
            ("POST", "/articles/", json!({"title": nul, "body": "b"}), 400, "title has a NUL"),
            ("POST", "/articles/", json!({"title": "t", "body": nul}), 400, "body has a NUL"),
            ("POST", "/articles/", json!({"title": long, "body": "b"}), 400, "256 characters, at most 255"),
            ("PATCH", &path(&draft), json!({"title": nul}), 400, "title has a NUL"),
            ("PUT", &tag, Value::Null, 400, "tag has a NUL"),
            ("DELETE", &tag, Value::Null, 400, "tag has a NUL"),
            ("POST", "/articles/", json!({"title": "t", "body": "x".repeat(300_000)}), 413, "`article.created` is 300"),
            ("PATCH", &path(&draft), json!({"body": "x".repeat(300_000)}), 413, "`article.changed` is 300"),
        ] {
            let problem = blog.send("alice", method, at, &body).await.expect(status).json();
            let detail = problem["detail"].as_str().unwrap();
            assert!(detail.contains(says), "{}: {detail}", place.url);
        }
        blog.send("alice", "POST", "/articles/", &json!({"title": "é".repeat(255), "body": "x".repeat(200_000)}))
            .await
            .expect(201);
        assert_eq!(blog.events().await, ["article.created"; 2]);
    }
}
