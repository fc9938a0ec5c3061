//! An endpoint that is asked whether it wants deliveries.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode},
    response::{IntoResponse, Response},
};
use serde_json::Value;
use thorn::{
    signing::{Secret, verify_standard},
    timestamp::Timestamp,
};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

/// The answer to a question. Deliveries get 204.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    /// The challenge, as it should be.
    SendsBack,
    /// The challenge and a line break.
    SendsBackALine,
    /// The whole body.
    SendsAllBack,
    /// A challenge that was never its own.
    SendsBackTheLastOne,
    Status(u16),
    /// No answer.
    Hangs,
    /// The answer that the test chooses next.
    Waits,
    /// 200 with this `WebHook-Allowed-Origin`.
    Allows(&'static str),
}

#[derive(Default)]
struct Counts {
    questions: usize,
    deliveries: usize,
    ids: HashSet<String>,
}

#[derive(Clone)]
struct Room {
    counts: Arc<Mutex<Counts>>,
    answer: watch::Sender<Answer>,
    /// How many questions were answered.
    answered: watch::Sender<usize>,
}

pub(super) struct Endpoint {
    base: String,
    room: Room,
    _server: JoinSet<()>,
}

impl Endpoint {
    pub(super) async fn start(answer: Answer) -> Self {
        let room = Room { counts: Arc::default(), answer: watch::Sender::new(answer), answered: watch::Sender::new(0) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(take).with_state(room.clone());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { base, room, _server: server }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(super) fn answers(&self, answer: Answer) {
        self.room.answer.send_replace(answer);
    }

    pub(super) fn questions(&self) -> usize {
        self.room.counts.lock().unwrap().questions
    }

    pub(super) fn deliveries(&self) -> usize {
        self.room.counts.lock().unwrap().deliveries
    }

    /// Waits until the first question was answered.
    pub(super) async fn has_answered(&self) {
        self.room.answered.subscribe().wait_for(|answered| *answered > 0).await.unwrap();
    }

    /// How many of the questions a receiver takes for different ones.
    pub(super) fn different_ids(&self) -> usize {
        self.room.counts.lock().unwrap().ids.len()
    }
}

async fn take(State(room): State<Room>, method: Method, headers: HeaderMap, body: Bytes) -> Response {
    if method == Method::OPTIONS {
        room.counts.lock().unwrap().questions += 1;
        let answer = *room.answer.borrow();
        return match answer {
            Answer::Allows(origin) => [("webhook-allowed-origin", origin)].into_response(),
            Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
            other => panic!("{other:?} is no answer to OPTIONS"),
        };
    }
    let header = |name: &str| headers[name].to_str().unwrap().to_owned();
    let (id, at, signature) = (header("webhook-id"), header("webhook-timestamp"), header("webhook-signature"));
    let fits = |secret: &str| {
        let (secret, patience) = (Secret::new(secret), Duration::from_secs(300));
        verify_standard(&secret, &id, &at, &signature, &body, Timestamp::now(), patience).is_ok()
    };
    let secrets = ["s3cr3t-s3cr3t-s3cr3t-s3cr3t", "another-secret-of-alice-s"];
    assert!(secrets.into_iter().any(fits), "a forged request: {headers:?}");
    let event: Value = serde_json::from_slice(&body).unwrap();
    let challenge = {
        let mut counts = room.counts.lock().unwrap();
        if event["event"] != "subscription.challenge" {
            counts.deliveries += 1;
            return StatusCode::NO_CONTENT.into_response();
        }
        counts.questions += 1;
        counts.ids.insert(id);
        event["data"]["challenge"].as_str().unwrap().to_owned()
    };
    let answer = *room.answer.subscribe().wait_for(|answer| !matches!(answer, Answer::Waits)).await.unwrap();
    room.answered.send_modify(|answered| *answered += 1);
    match answer {
        Answer::Waits => unreachable!("it has waited"),
        Answer::SendsBack => challenge.into_response(),
        Answer::SendsBackALine => format!("{challenge}\n").into_response(),
        Answer::SendsAllBack => body.into_response(),
        Answer::SendsBackTheLastOne => "A".repeat(challenge.len()).into_response(),
        Answer::Status(302) => (StatusCode::FOUND, [("location", "/elsewhere")], challenge).into_response(),
        Answer::Status(status) => (StatusCode::from_u16(status).unwrap(), "no").into_response(),
        Answer::Hangs => std::future::pending().await,
        Answer::Allows(_) => panic!("only OPTIONS is asked so"),
    }
}
