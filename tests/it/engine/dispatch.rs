//! `POST /dispatch`: Hookah's requests, and what its list of things to come promised.

mod answers;
mod backlog;
mod bodies;
mod callbacks;
mod dead_target;
mod deliveries;
mod errbacks;
mod owners;
mod refusals;
mod waiting;

use thorn_core::testing::{Received, Receiver, Reply};

use super::server::Caller;
use crate::{
    app::PATIENCE,
    blog::http::{self, Answer},
};

const FORM: &str = "content-type: application/x-www-form-urlencoded\r\n";

/// Posts a dispatch with these header lines.
pub(super) async fn post(caller: &Caller, path: &str, headers: &str, body: &[u8]) -> Answer {
    let headers = format!("{}{headers}", caller.authorization());
    http::request(caller.port(), "POST", path, &headers, body).await
}

/// Posts a form, which must be accepted. Returns the event's id.
async fn dispatch(caller: &Caller, form: &str) -> String {
    let headers = format!("{FORM}accept: application/json\r\n");
    let answer = post(caller, "/dispatch", &headers, form.as_bytes()).await.expect(202);
    answer.json()["id"].as_str().unwrap().to_owned()
}

pub(super) async fn receiver() -> Receiver {
    Receiver::start().await.unwrap()
}

/// The first request.
pub(super) async fn first(receiver: &Receiver) -> Received {
    receiver.wait_for(1, PATIENCE).await.unwrap().remove(0)
}

/// A reply with a body of this type.
pub(super) fn answering(status: u16, media_type: &str, body: impl Into<String>) -> Reply {
    Reply { body: body.into(), ..Reply::status(status).header("content-type", media_type) }
}

/// A URL as the value of a form's field.
pub(crate) fn encoded(url: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric();
    url.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") }).collect()
}
