//! The list.

use axum::http::StatusCode;
use serde_json::Value;

use super::Api;

fn shown(list: &Value) -> Vec<(&str, &str)> {
    let list = list.as_array().unwrap();
    list.iter().map(|one| (one["url"].as_str().unwrap(), one["event"].as_str().unwrap())).collect()
}

const A: &str = "http://127.9.0.1/a";
const B: &str = "http://127.9.0.1/b";

/// In this order of creation, of two owners.
async fn filled() -> Api {
    let app = Api::new().await;
    for (user, event, url) in
        [("alice", "n.1", B), ("alice", "n.2", A), ("bob", "n.3", A), ("alice", "n.4", A), ("alice", "n.5", B)]
    {
        app.create(user, event, url).await;
    }
    app
}

#[tokio::test]
async fn thorn_090_by_url_and_the_newest_first_within_one() {
    let app = filled().await;
    let answer = app.get("alice", "/hooks/").await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(shown(&answer.body), [(A, "n.4"), (A, "n.2"), (B, "n.5"), (B, "n.1")]);
    assert_eq!(answer.header("link"), "", "all of it is there");
    assert_eq!(answer.body[0]["user"], "alice");
    let everything = app.get("root", "/hooks/").await;
    assert_eq!(shown(&everything.body), [(A, "n.4"), (A, "n.3"), (A, "n.2"), (B, "n.5"), (B, "n.1")]);
}

#[tokio::test]
async fn thorn_107_pages_lead_to_one_another() {
    let app = filled().await;
    for limit in 1..=5 {
        let mut next = format!("/hooks/?limit={limit}");
        let mut events = Vec::new();
        while !next.is_empty() {
            let answer = app.get("alice", &next).await;
            let page = shown(&answer.body);
            assert!(!page.is_empty() && page.len() <= limit, "{next}");
            events.extend(page.iter().map(|(_, event)| event.to_string()));
            let link = answer.header("link");
            assert!(link.is_empty() || link.ends_with("; rel=\"next\""), "{link}");
            let url = link.split(['<', '>']).nth(1).unwrap_or_default();
            next = url.strip_prefix("http://blog.example").unwrap_or_default().to_owned();
        }
        assert_eq!(events, ["n.4", "n.2", "n.5", "n.1"], "{limit} a page");
    }
}

#[tokio::test]
async fn thorn_107_a_page_that_can_t_be_is_a_field_error() {
    let app = filled().await;
    for limit in ["0", "-1", "1001", "ten", ""] {
        assert_eq!(app.get("alice", &format!("/hooks/?limit={limit}")).await.wrong(), ["limit"], "{limit}");
    }
    for cursor in ["x", "", "018f3c2a-0000-7000-8000-000000000000"] {
        assert_eq!(app.get("alice", &format!("/hooks/?cursor={cursor}")).await.wrong(), ["cursor"], "{cursor}");
    }
}
