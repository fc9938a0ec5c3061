//! Tags of articles: links that are announced.

use serde_json::{Value, json};
use thorn_core::testing::Receiver;

use super::{Blog, LOOPBACK, assert_delivery, path};
use crate::app::PATIENCE;

impl Blog {
    async fn tag(&self, user: &str, method: &str, article: &Value, tag: &str) -> u16 {
        self.send(user, method, &format!("{}tags/{tag}", path(article)), &Value::Null).await.status
    }

    async fn tags(&self, article: &Value) -> Value {
        self.send("alice", "GET", &path(article), &Value::Null).await.expect(200).json()["tags"].clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn thorn_068_184_tags_added_removed_and_all_cleared_are_delivered_once() {
    let (blog, receiver) = (Blog::start(&[LOOPBACK]).await, Receiver::start().await.unwrap());
    let mut subscriptions = Vec::new();
    for event in ["tag_added", "tag_removed", "tag_all_cleared"] {
        let url = receiver.url(&format!("/{event}"));
        subscriptions.push((event, blog.subscribe("alice", &format!("article.{event}"), &url).await));
    }
    let article = blog.write("alice", "tagged").await;
    assert_eq!(article["tags"], json!([]));
    let before = blog.events().await.len();
    // Twice each: what is so already is no event.
    for (method, tag, tags) in [
        ("PUT", "rust/", json!(["rust"])),
        ("PUT", "a%20b/", json!(["a b", "rust"])),
        ("DELETE", "rust/", json!(["a b"])),
        ("DELETE", "", json!([])),
    ] {
        for _ in 0..2 {
            assert_eq!(blog.tag("alice", method, &article, tag).await, 204, "{method} {tag}");
            assert_eq!(blog.tags(&article).await, tags);
        }
    }
    let wanted = ["article.tag_added", "article.tag_added", "article.tag_removed", "article.tag_all_cleared"];
    assert_eq!(blog.events().await[before..], wanted);

    let requests = receiver.wait_for(4, PATIENCE).await.unwrap();
    for (event, subscription) in &subscriptions {
        let theirs: Vec<_> = requests.iter().filter(|request| request.path == format!("/{event}")).collect();
        assert_eq!(theirs.len(), if *event == "tag_added" { 2 } else { 1 });
        theirs.iter().for_each(|request| {
            assert_delivery(request, subscription, &format!("article.{event}"), &article);
        });
    }
    assert_eq!(blog.fanouts().await[before..], [1; 4]);
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_the_author_s_and_go_with_the_article() {
    let blog = Blog::start(&[LOOPBACK]).await;
    let article = blog.write("alice", "tagged").await;
    assert_eq!(blog.tag("alice", "PUT", &article, "kept/").await, 204);
    let events = blog.events().await;
    for (method, tag) in [("PUT", "mine/"), ("DELETE", "kept/"), ("DELETE", "")] {
        assert_eq!(blog.tag("bob", method, &article, tag).await, 403, "{method} {tag}");
        assert_eq!(blog.tag("eve", method, &article, tag).await, 401, "{method} {tag}");
        assert_eq!(blog.tag("alice", method, &json!({"id": 99}), tag).await, 404, "{method} {tag}");
    }
    assert_eq!(blog.tag("alice", "PUT", &article, &format!("{}/", "x".repeat(51))).await, 400);
    assert_eq!(blog.tag("alice", "PUT", &article, "%20/").await, 400);
    assert_eq!(blog.tag("alice", "DELETE", &article, "never-there/").await, 204);
    assert_eq!((blog.tags(&article).await, blog.events().await), (json!(["kept"]), events));

    let changed = blog.patch("alice", &article, json!({"title": "better"})).await.expect(200).json();
    assert_eq!(changed["tags"], json!(["kept"]));
    blog.send("alice", "DELETE", &path(&article), &Value::Null).await.expect(204);
    assert_eq!(blog.events().await.last().unwrap(), "article.removed");
}
