//! Fetches a topic, if it has changed.

use std::time::Duration;

use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_TYPE, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, USER_AGENT},
};

use super::links::Advertised;
use crate::{
    delivery::{Client, ClientConfig, Failure, Get, Got},
    error::Error,
    event::RawBody,
    tenant::Tenant,
    topic::{Due, NO_MEDIA_TYPE, TopicUrl, body_hash},
};

/// The time for a fetch with its redirects.
pub(super) const TIMEOUT: Duration = Duration::from_secs(15);

/// The most redirects of a fetch.
const REDIRECTS: usize = 3;

/// The most bytes of an `ETag` or a `Last-Modified` that is kept, which is the width of their columns.
const VALIDATOR: usize = 255;

const X_HUB_SUBSCRIBERS: HeaderName = HeaderName::from_static("x-hub-subscribers");

/// The client that fetches topics. Its guard isn't that of callbacks.
#[derive(Clone, Debug)]
pub(crate) struct TopicSource {
    client: Client,
    most_bytes: usize,
}

/// The result of a fetch.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The topic has no version that the hub doesn't know, or no content at all.
    Unchanged,
    /// The topic has a new version.
    Changed(Version),
    /// For this reason the topic has no version that can be distributed now.
    Failed(String),
}

/// A version of a topic.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) body: RawBody,
    pub(super) hash: String,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) advertised: Advertised,
}

impl TopicSource {
    /// A client that reads at most `most_bytes` of a topic.
    ///
    /// # Errors
    ///
    /// As [`Client::new`].
    pub(crate) fn new(config: ClientConfig, most_bytes: usize) -> Result<Self, Error> {
        Ok(Self { client: Client::new(config)?, most_bytes })
    }

    /// The links of a topic, for a hub that takes only topics which advertise it.
    ///
    /// # Errors
    ///
    /// The reason why the topic can't be read.
    pub(crate) async fn advertised(&self, url: &TopicUrl) -> Result<Advertised, Failure> {
        let got = self.get(url, HeaderMap::new()).await?;
        if got.status == StatusCode::OK { Ok(Advertised::of(&got)) } else { Ok(Advertised::default()) }
    }

    /// Fetches a topic with so many live subscriptions.
    pub(super) async fn fetch(&self, due: &Due, subscribers: u64) -> Fetched {
        let Ok(url) = due.topic.url.parse::<TopicUrl>() else { return Fetched::Failed("its URL can't be read".into()) };
        match self.get(&url, headers(due, subscribers)).await {
            Ok(got) if got.status == StatusCode::NOT_MODIFIED => Fetched::Unchanged,
            Ok(got) if got.status == StatusCode::OK => version(&got, due),
            Ok(got) => Fetched::Failed(format!("the publisher answered {}", got.status)),
            Err(Failure { reason, .. }) => Fetched::Failed(reason),
        }
    }

    async fn get(&self, url: &TopicUrl, headers: HeaderMap) -> Result<Got, Failure> {
        let get = Get {
            url: url.as_url(),
            headers,
            most_bytes: self.most_bytes,
            most_redirects: REDIRECTS,
            timeout: TIMEOUT,
            tenant: Tenant::default(),
        };
        self.client.get(get).await
    }
}

/// The headers of a fetch: the validators of the version that is known, and the number of subscribers.
fn headers(due: &Due, subscribers: u64) -> HeaderMap {
    let base = due.topic.hub_url.trim_end_matches("/hub");
    let agent = format!("thorn/{} (+{base}; {subscribers} subscribers)", env!("CARGO_PKG_VERSION"));
    let of = |text: &Option<String>| text.as_ref().and_then(|text| HeaderValue::from_str(text).ok());
    let all = [
        (X_HUB_SUBSCRIBERS, Some(HeaderValue::from(subscribers))),
        (USER_AGENT, HeaderValue::from_str(&agent).ok()),
        (IF_NONE_MATCH, of(&due.etag)),
        (IF_MODIFIED_SINCE, of(&due.last_modified)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The version in a response.
fn version(got: &Got, due: &Due) -> Fetched {
    if got.body.is_empty() {
        return Fetched::Unchanged;
    }
    let hash = body_hash(&got.body);
    if due.body_hash.as_ref() == Some(&hash) {
        return Fetched::Unchanged;
    }
    let Ok(media_type) = got.headers.get(CONTENT_TYPE).map_or(Ok(NO_MEDIA_TYPE), HeaderValue::to_str) else {
        return Fetched::Failed("its `Content-Type` can't be sent on".into());
    };
    let validator = |name| {
        let text = got.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        text.filter(|text| text.len() <= VALIDATOR).map(str::to_owned)
    };
    Fetched::Changed(Version {
        body: RawBody { media_type: Some(media_type.to_owned()), bytes: got.body.clone() },
        hash,
        etag: validator(ETAG),
        last_modified: validator(LAST_MODIFIED),
        advertised: Advertised::of(got),
    })
}
