//! Reads a dispatch: what it sends, and where it goes.

use axum::{
    body::Bytes,
    http::{
        HeaderMap,
        header::{CONTENT_ENCODING, CONTENT_TYPE},
    },
};
use thorn_core::{
    event::{RawBody, check_event_name, is_own_event},
    subscription::Subscriber,
    topic::TopicUrl,
};

use super::{
    control::{Control, Controls},
    multipart, pairs,
    refused::{MAX_TARGETS, Refused},
};

/// The header with the secret that signs the deliveries. There is no such field, because queries and bodies are logged.
pub(super) const SECRET: &str = "thorn-secret";

/// A dispatch, read from its request.
#[derive(Debug)]
pub(super) struct DispatchRequest {
    /// The targets, each once and in the order of the body, the query and the headers.
    pub(super) targets: Vec<Subscriber>,
    /// The recipients of news about deliveries to the targets.
    pub(super) reports: Reports,
    /// The event that the body becomes, besides.
    pub(super) topic: Option<Topic>,
    /// The body without control fields, with its media type as given.
    pub(super) body: RawBody,
}

/// URLs that are told about deliveries.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// It hears of targets that fail.
    pub(super) errback: Option<Subscriber>,
    /// It gets the responses of targets.
    pub(super) callback: Option<Subscriber>,
}

/// The destination that `_topic` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    /// The name of an event.
    Event(String),
    /// The URL of a topic of the hub.
    Hub(TopicUrl),
}

impl DispatchRequest {
    /// Reads a request that is already split.
    pub(super) fn read(headers: &HeaderMap, query: Option<&str>, body: Bytes) -> Result<Self, Refused> {
        let is_plain = |encoding: &[u8]| encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity");
        if !headers.get_all(CONTENT_ENCODING).iter().all(|encoding| is_plain(encoding.as_bytes())) {
            return Err(Refused::Encoded);
        }
        let media_type = media_type(headers)?;
        let mut controls = Controls::default();
        let bytes = match Form::of(media_type.as_deref().unwrap_or_default()) {
            Form::Pairs => pairs::cut(body, &mut controls)?,
            Form::Multipart => {
                multipart::cut(media_type.as_deref().unwrap_or_default().as_bytes(), body, &mut controls)?
            }
            Form::None => body,
        };
        pairs::read_query(query.unwrap_or_default(), &mut controls)?;
        read_headers(headers, &mut controls)?;
        let secret = secret(headers)?;
        let targets = targets(&controls.urls, secret)?;
        let reports = Reports {
            errback: report(Control::Errback, controls.errbacks, secret)?,
            callback: report(Control::Callback, controls.callbacks, secret)?,
        };
        let topic = topic(controls.topics)?;
        if targets.is_empty() && topic.is_none() {
            return Err(Refused::NoDestination);
        }
        if targets.is_empty() && reports.errback.is_some() {
            return Err(Refused::ErrbackAlone);
        }
        if targets.is_empty() && reports.callback.is_some() {
            return Err(Refused::CallbackAlone);
        }
        Ok(Self { targets, reports, topic, body: RawBody { media_type, bytes } })
    }
}

/// The kinds of bodies that can have control fields.
enum Form {
    Pairs,
    Multipart,
    None,
}

impl Form {
    fn of(media_type: &str) -> Self {
        let essence = media_type.split(';').next().unwrap_or_default().trim();
        if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            Self::Pairs
        } else if essence.eq_ignore_ascii_case("multipart/form-data") {
            Self::Multipart
        } else {
            Self::None
        }
    }
}

/// The content type as given. An empty one counts as none.
fn media_type(headers: &HeaderMap) -> Result<Option<String>, Refused> {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let Some(first) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Refused::Repeated("Content-Type"));
    }
    let text = first.to_str().map_err(|_| Refused::NotText("Content-Type"))?;
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

/// Reads the headers that begin with `Thorn-`.
fn read_headers(headers: &HeaderMap, controls: &mut Controls) -> Result<(), Refused> {
    for (name, value) in headers {
        let name = name.as_str();
        if !name.starts_with("thorn-") || name == SECRET {
            continue;
        }
        match Control::in_header(name) {
            Some(control) => controls.add(control, value.as_bytes().to_vec())?,
            None => return Err(Refused::UnknownHeader(name.to_owned())),
        }
    }
    Ok(())
}

fn secret(headers: &HeaderMap) -> Result<Option<&str>, Refused> {
    let mut all = headers.get_all(SECRET).iter();
    let Some(first) = all.next() else { return Ok(None) };
    if all.next().is_some() {
        return Err(Refused::Repeated("Thorn-Secret"));
    }
    first.to_str().map(Some).map_err(|_| Refused::NotText("Thorn-Secret"))
}

/// The targets, each once. A second spelling of a URL is the same target.
fn targets(urls: &[String], secret: Option<&str>) -> Result<Vec<Subscriber>, Refused> {
    let mut targets: Vec<Subscriber> = Vec::new();
    for url in urls {
        let target = unsigned(Control::Url, url)?;
        if targets.iter().any(|known| known.subscription_id() == target.subscription_id()) {
            continue;
        }
        if targets.len() == MAX_TARGETS {
            return Err(Refused::TooManyTargets(urls.len()));
        }
        targets.push(target);
    }
    let Some(secret) = secret else { return Ok(targets) };
    targets.iter().map(|target| signed(target.url(), secret)).collect()
}

/// The errback or callback, signed like the targets.
fn report(control: Control, urls: Vec<String>, secret: Option<&str>) -> Result<Option<Subscriber>, Refused> {
    let mut urls = urls.into_iter();
    let Some(url) = urls.next() else { return Ok(None) };
    if urls.next().is_some() {
        return Err(Refused::Repeated(control.name()));
    }
    let report = unsigned(control, &url)?;
    secret.map_or(Ok(report), |secret| signed(&url, secret)).map(Some)
}

fn unsigned(control: Control, url: &str) -> Result<Subscriber, Refused> {
    let refused = |reason| Refused::Target { field: control.name(), url: url.to_owned(), reason };
    Subscriber::unsigned(url).map_err(|error| refused(reason(&error)))
}

/// A recipient with a URL that was checked.
fn signed(url: &str, secret: &str) -> Result<Subscriber, Refused> {
    Subscriber::signed(url, secret).map_err(|error| Refused::Secret(reason(&error)))
}

fn reason(error: &thorn_core::subscription::InvalidSubscription) -> String {
    error.errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join("; ")
}

fn topic(topics: Vec<String>) -> Result<Option<Topic>, Refused> {
    let mut topics = topics.into_iter();
    let Some(topic) = topics.next() else { return Ok(None) };
    if topics.next().is_some() {
        return Err(Refused::Repeated("_topic"));
    }
    if topic.starts_with("https://") || topic.starts_with("http://") {
        let url = topic.parse::<TopicUrl>();
        return match url {
            Ok(url) => Ok(Some(Topic::Hub(url))),
            Err(error) => Err(Refused::Topic { topic, reason: error.to_string() }),
        };
    }
    let refused = |reason: String| Err(Refused::Topic { topic: topic.clone(), reason });
    match check_event_name(&topic) {
        Err(error) => refused(format!("{}; give the name of an event or a URL", error.reason)),
        Ok(()) if is_own_event(&topic) => refused("only thorn itself sends events of this name".to_owned()),
        Ok(()) => Ok(Some(Topic::Event(topic))),
    }
}

#[cfg(test)]
mod tests;
