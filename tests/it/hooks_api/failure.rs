//! Failures that aren't the caller's fault: the response and the log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use axum::http::{Method, StatusCode};
use sea_orm::ConnectionTrait as _;
use serde_json::{Value, json};

use super::Api;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_failing_database_is_500_with_a_reference_to_one_line_of_the_log() {
    let app = Api::new().await;
    app.base.db().execute_unprepared("DROP TABLE thorn_subscription").await.unwrap();
    let valid = json!({ "event": "a.b", "url": "http://127.9.0.1/", "hmac_secret": "s3cr3t" });
    for (method, body) in [(Method::GET, Value::Null), (Method::POST, valid)] {
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::ERROR)
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        let guard = tracing::subscriber::set_default(subscriber);
        let answer = app.send(method.clone(), "alice", "/hooks/", body).await;
        drop(guard);

        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{method}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert!(!answer.body.to_string().contains("thorn_subscription"), "{}", answer.body);
        let reference = answer.body["reference"].as_str().unwrap();
        let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
        let lines: Vec<_> = log.lines().filter(|line| line.contains("request failed")).collect();
        assert_eq!(lines.len(), 1, "{log}");
        assert!(lines[0].contains(reference) && lines[0].contains("thorn_subscription"), "{log}");
        assert!(!log.contains("s3cr3t"), "{log}");
    }
}
