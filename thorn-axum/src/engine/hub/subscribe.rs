//! Requests for subscriptions and for their ends, of `WebSub` and of `PubSubHubbub` 0.1 to 0.4.

use axum::http::StatusCode;
use thorn_core::{
    hub::{Hub, HubRequest, RequestMode},
    signing::Secret,
    subscription::Dialect,
};

use super::{
    count, hub_url,
    parameters::Parameters,
    refused::{Refused, problem},
};
use crate::{
    engine::state::EngineState,
    http::{Problem, Source},
};

/// The most bytes of a secret.
const LONGEST_SECRET: usize = 199;

/// The most bytes of a token.
const LONGEST_TOKEN: usize = 1024;

/// When the callback is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verify {
    /// Before the answer.
    Sync,
    /// Afterwards.
    Async,
}

/// Takes a request: 202 before the callback is asked. A `PubSubHubbub` request that waits for its verification gets 204
/// or 409.
pub(super) async fn answer(
    state: &EngineState,
    source: Source,
    parameters: &Parameters,
) -> Result<StatusCode, Problem> {
    let server = &state.thorn.config().server;
    let (request, verify) = read(parameters, server.hub_sync && Hub::CAN_WAIT)?;
    count(state, source)?;
    let url = hub_url(&state.base_url);
    let hub = state.thorn.hub(&url);
    if verify == Verify::Async {
        hub.request(&request).await.map_err(problem)?;
        return Ok(StatusCode::ACCEPTED);
    }
    match hub.request_and_wait(&request).await.map_err(problem)? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(Problem::new(StatusCode::CONFLICT).detail("hub.callback: it didn't confirm")),
    }
}

fn read(parameters: &Parameters, may_wait: bool) -> Result<(HubRequest, Verify), Refused> {
    let mode = match parameters.required("hub.mode")? {
        "subscribe" => RequestMode::Subscribe,
        _ => RequestMode::Unsubscribe,
    };
    let callback = parameters.required("hub.callback")?.to_owned();
    let topic = parameters.required("hub.topic")?.to_owned();
    let (dialect, verify) = dialect(parameters, may_wait)?;
    let mut request =
        HubRequest { mode, callback, topic, secret: None, lease_seconds: None, dialect, verify_token: None };
    if mode == RequestMode::Subscribe {
        request.secret = secret(parameters)?;
        request.lease_seconds = lease(parameters, dialect)?;
    }
    if dialect == Dialect::PubSubHubbub {
        request.verify_token = token(parameters)?;
    }
    Ok((request, verify))
}

/// A request with `hub.verify` is one of `PubSubHubbub`. Its first value that the hub knows counts.
fn dialect(parameters: &Parameters, may_wait: bool) -> Result<(Dialect, Verify), Refused> {
    let given = parameters.all("hub.verify")?;
    if given.is_empty() {
        return Ok((Dialect::WebSub, Verify::Async));
    }
    let known = given.into_iter().find_map(|verify| match verify {
        "sync" if may_wait => Some(Verify::Sync),
        "async" => Some(Verify::Async),
        _ => None,
    });
    let reason = if may_wait { "use sync or async" } else { "this hub knows async only" };
    known.map(|verify| (Dialect::PubSubHubbub, verify)).ok_or(Refused::Value { name: "hub.verify", reason })
}

/// The secret. An empty one counts as none.
fn secret(parameters: &Parameters) -> Result<Option<Secret>, Refused> {
    const NAME: &str = "hub.secret";
    let refused = |reason| Err(Refused::Value { name: NAME, reason });
    match parameters.one(NAME)? {
        None | Some("") => Ok(None),
        Some(secret) if secret.len() > LONGEST_SECRET => refused("it must have less than 200 bytes"),
        Some(secret) if secret.contains('\0') => refused("it has a NUL character; remove it"),
        // A secret in the table that begins so is an encrypted one.
        Some(secret) if secret.starts_with("enc1:") => refused("it may not begin with `enc1:`; choose another"),
        Some(secret) => Ok(Some(Secret::new(secret))),
    }
}

/// The wish for the lease, however long. `PubSubHubbub` leaves it to the hub with an empty one.
fn lease(parameters: &Parameters, dialect: Dialect) -> Result<Option<u64>, Refused> {
    const NAME: &str = "hub.lease_seconds";
    let refused = Err(Refused::Value { name: NAME, reason: "it must be a whole number of seconds from 1 on" });
    match parameters.one(NAME)? {
        None => Ok(None),
        Some("") if dialect == Dialect::PubSubHubbub => Ok(None),
        Some(digits) if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) => refused,
        Some(digits) => match digits.parse::<u64>().unwrap_or(u64::MAX) {
            0 => refused,
            seconds => Ok(Some(seconds)),
        },
    }
}

/// The token that the callback gets back.
fn token(parameters: &Parameters) -> Result<Option<String>, Refused> {
    const NAME: &str = "hub.verify_token";
    let refused = |reason| Err(Refused::Value { name: NAME, reason });
    match parameters.one(NAME)? {
        Some(token) if token.len() > LONGEST_TOKEN => refused("it must have at most 1024 bytes"),
        Some(token) if token.contains('\0') => refused("it has a NUL character; remove it"),
        // As a secret.
        Some(token) if token.starts_with("enc1:") => refused("it may not begin with `enc1:`; choose another"),
        token => Ok(token.map(str::to_owned)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(more: &str) -> Result<(HubRequest, Verify), Refused> {
        let body = format!("hub.mode=subscribe&hub.callback=https://a.example/&hub.topic=https://t.example/{more}");
        read(&Parameters::read(body.as_bytes()), true)
    }

    fn name_of(refused: Result<(HubRequest, Verify), Refused>) -> &'static str {
        match refused {
            Err(Refused::Value { name, .. } | Refused::Repeated(name) | Refused::Missing(name)) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn ws3_a_secret_has_1_to_199_bytes_and_an_empty_one_is_none() {
        let secret = |text: &str| read_with(&format!("&hub.secret={text}")).unwrap().0.secret;
        assert_eq!(secret(""), None);
        assert_eq!(secret("x").unwrap().expose(), "x");
        assert_eq!(secret(&"x".repeat(199)).unwrap().expose().len(), 199);
        for bad in ["x".repeat(200), "%C3%A9".repeat(100), "a%00b".to_owned(), "enc1:x".to_owned()] {
            assert_eq!(name_of(read_with(&format!("&hub.secret={bad}"))), "hub.secret");
        }
        assert_eq!(name_of(read_with("&hub.secret=a&hub.secret=a")), "hub.secret");
    }

    #[test]
    fn ws4_a_lease_is_a_positive_whole_number_however_large() {
        let lease = |text: &str| read_with(&format!("&hub.lease_seconds={text}")).unwrap().0.lease_seconds;
        assert_eq!((lease("1"), lease("0060"), lease("864000")), (Some(1), Some(60), Some(864_000)));
        assert_eq!(lease(&"9".repeat(60)), Some(u64::MAX));
        for bad in ["", "0", "00", "-1", "%2B1", "864000.0", "x", "1e3", " 1", "1h"] {
            assert_eq!(name_of(read_with(&format!("&hub.lease_seconds={bad}"))), "hub.lease_seconds", "{bad}");
        }
        assert_eq!(read_with("&hub.verify=async&hub.lease_seconds=").unwrap().0.lease_seconds, None);
        let unsubscribe = b"hub.mode=unsubscribe&hub.callback=c&hub.topic=t&hub.lease_seconds=x&hub.secret=";
        assert_eq!(read(&Parameters::read(unsubscribe), true).unwrap().0.lease_seconds, None);
    }

    #[test]
    fn ps1_ps3_the_first_known_verify_wins_and_a_token_belongs_to_pubsubhubbub() {
        let read_as =
            |more: &str| read_with(more).map(|(request, verify)| (request.dialect, verify, request.verify_token));
        assert_eq!(read_as("&hub.verify_token=t"), Ok((Dialect::WebSub, Verify::Async, None)));
        let old = |verify, token: Option<&str>| Ok((Dialect::PubSubHubbub, verify, token.map(str::to_owned)));
        assert_eq!(read_as("&hub.verify=sync&hub.verify=async"), old(Verify::Sync, None));
        assert_eq!(read_as("&hub.verify=async&hub.verify=sync&hub.verify_token=t"), old(Verify::Async, Some("t")));
        assert_eq!(read_as("&hub.verify=x&hub.verify=&hub.verify=sync&hub.verify_token="), old(Verify::Sync, Some("")));
        for bad in ["&hub.verify=", "&hub.verify=x", "&hub.verify=Sync"] {
            assert_eq!(name_of(read_with(bad)), "hub.verify");
        }
        let body = b"hub.mode=subscribe&hub.callback=c&hub.topic=t&hub.verify=sync&hub.verify=async";
        assert_eq!(read(&Parameters::read(body), false).unwrap().1, Verify::Async, "sync is switched off");
        assert_eq!(name_of(read(&Parameters::read(&body[..body.len() - 17]), false)), "hub.verify");
    }
}
