//! The figures of one subscription.

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{Api, path};

const URL: &str = "http://127.9.0.1:9000/a";

#[tokio::test]
async fn figures_are_shown_to_the_owner_and_the_operator_and_to_nobody_else() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let stats = format!("{}stats/", path(&made));
    for (user, path) in [("alice", stats.as_str()), ("alice", stats.trim_end_matches('/')), ("root", &stats)] {
        let answer = app.get(user, path).await;
        assert_eq!((answer.status, answer.header("cache-control")), (StatusCode::OK, "no-store"), "{user} {path}");
        let mut body = answer.body;
        let series = body.as_object_mut().unwrap().remove("series").unwrap();
        let expected = json!({
            "health": "idle", "success_rate": null, "attempts": 0, "p50_ms": null, "p95_ms": null,
            "last_success_at": null, "last_failure": null, "failing_since": null, "held_until": null,
            "held": null,
            "disables_at": null, "waiting": 0, "oldest_waiting_at": null, "dead": 0,
        });
        assert_eq!(body, expected);
        let points = series.as_array().unwrap();
        assert_eq!(points.len(), 97);
        assert_eq!(
            (&points[0]["delivered"], &points[0]["failed"], &points[0]["p95_ms"]),
            (&json!(0), &json!(0), &Value::Null)
        );
    }
    for query in ["", "?step=1s"] {
        let answer = app.get("bob", &format!("{stats}{query}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{query}");
    }
    assert_eq!(app.send(Method::POST, "alice", &stats, Value::Null).await.status, StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test]
async fn wrong_times_and_steps_are_named() {
    let app = Api::new().await;
    let made = app.create("alice", "a.b", URL).await;
    let get = async |query: &str| app.get("alice", &format!("{}stats/?{query}", path(&made))).await;
    for (query, points) in [
        ("since=6h", 25),
        ("since=7d&step=1d", 8),
        ("since=2h&until=1h&step=15m", 5),
        ("since=2020-01-01T00:00:00Z&until=2020-01-02T00:00:00Z", 24),
    ] {
        let answer = get(query).await;
        let series = answer.body["series"].as_array().map_or(0, Vec::len);
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.body);
        assert!((points..=points + 1).contains(&series), "{query}: {series}");
    }
    for (query, wrong) in [
        ("since=yesterday", vec!["since"]),
        ("until=2022", vec!["until"]),
        ("step=1s&since=x", vec!["since", "step"]),
        ("step=20m", vec!["step"]),
        ("step=15m&since=3d", vec!["step"]),
        ("step=1h&since=60d", vec!["step"]),
        ("since=1h&until=2h", vec!["since"]),
        ("from=1h", vec!["from"]),
    ] {
        assert_eq!(get(query).await.wrong(), wrong, "{query}");
    }
}
