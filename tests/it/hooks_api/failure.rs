//! Failures that aren't the caller's fault: the response and the log.

use axum::http::{Method, StatusCode};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::{Api, log::Log};

#[tokio::test]
async fn a_failing_database_is_500_with_a_reference_to_one_line_of_the_log() {
    let app = Api::new().await;
    app.base.db().execute_unprepared("DROP TABLE thorn_subscription").await.unwrap();
    let valid = json!({ "event": "a.b", "url": "http://127.9.0.1/", "hmac_secret": "a-secret-of-24-bytes-000" });
    for (method, body) in [(Method::GET, Value::Null), (Method::POST, valid)] {
        let (log, guard) = Log::start(tracing::Level::ERROR);
        let answer = app.send(method.clone(), "alice", "/hooks/", body).await;
        drop(guard);

        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{method}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(!answer.body.to_string().contains("thorn_subscription"), "{}", answer.body);
        let reference = answer.body["reference"].as_str().unwrap();
        let log = log.text();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("request failed")).collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains(reference) && lines[0].contains("thorn_subscription"), "{log}");
        assert!(!log.contains("a-secret-of-24-bytes-000"), "{log}");
    }
}
