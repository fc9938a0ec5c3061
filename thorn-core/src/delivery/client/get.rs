//! A GET through the guard: for topics of the hub, and for the verification of its subscribers.

use std::time::Duration;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, StatusCode,
    header::{ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, LOCATION, USER_AGENT},
};
use reqwest::Request;
use tokio::time::timeout;
use url::Url;

use super::{
    Client,
    failure::Failure,
    guarded::Behind,
    pools::{Connection, Route},
    watched::Response,
};
use crate::{attempt::Outcome, tenant::Tenant};

/// A GET that a [`Client`] makes.
#[derive(Clone, Debug)]
pub(crate) struct Get<'a> {
    pub(crate) url: &'a Url,
    /// Headers besides the client's. A `User-Agent` replaces the client's.
    pub(crate) headers: HeaderMap,
    /// The most bytes of the body. A longer one fails.
    pub(crate) most_bytes: usize,
    /// The most redirects that are followed. With 0, a redirect is a response like any other.
    pub(crate) most_redirects: usize,
    /// The total deadline, with all redirects and the body.
    pub(crate) timeout: Duration,
    /// The tenant whose share of the lookups the request takes.
    pub(crate) tenant: Tenant,
}

/// A complete response to a GET.
#[derive(Clone, Debug)]
pub(crate) struct Got {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The URL that gave the response, after all redirects.
    pub(crate) url: Url,
}

impl Client {
    /// Makes a GET. The guard checks the URL and every redirect, and the very addresses that the client connects to.
    ///
    /// The client asks for the body as it is (`identity`). It sends no credentials, no cookies and no `Referer`, and
    /// follows no redirect from HTTPS to HTTP.
    ///
    /// # Errors
    ///
    /// [`Failure`] with one of these outcomes:
    ///
    /// - `Rejected`: the body is longer than allowed or encoded, or there are too many redirects.
    /// - `TimedOut`: the deadline passed first.
    /// - `Blocked`: the guard refused a URL or an address. The client didn't connect to it.
    /// - `Unreachable`: everything else.
    pub(crate) async fn get(&self, get: Get<'_>) -> Result<Got, Failure> {
        self.within(Method::GET, get).await
    }

    /// Makes the same request with OPTIONS, which asks an endpoint for its consent.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub(crate) async fn options(&self, get: Get<'_>) -> Result<Got, Failure> {
        self.within(Method::OPTIONS, get).await
    }

    async fn within(&self, method: Method, get: Get<'_>) -> Result<Got, Failure> {
        let within = get.timeout;
        match timeout(within, Box::pin(self.follow(method, get))).await {
            Ok(ended) => ended,
            Err(_) => {
                let reason = format!("no complete response within {within:?}");
                Err(Failure { outcome: Outcome::TimedOut, reason })
            }
        }
    }

    async fn follow(&self, method: Method, get: Get<'_>) -> Result<Got, Failure> {
        let behind = self.inner.guarded.by(None)?;
        let mut headers = get.headers;
        headers.entry(USER_AGENT).or_insert_with(|| self.inner.user_agent.clone());
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        let mut url = get.url.clone();
        let mut redirects = get.most_redirects;
        loop {
            url.set_fragment(None);
            let response = exchange(&behind, &method, &url, &headers, get.tenant).await?;
            let Some(target) = target(&response).filter(|_| get.most_redirects > 0) else {
                return read(response, url, get.most_bytes).await;
            };
            if redirects == 0 {
                return Err(rejected(format!("there were more than {} redirects", get.most_redirects)));
            }
            redirects -= 1;
            url = redirected(&url, target)?;
        }
    }
}

/// Sends one request.
async fn exchange(
    behind: &Behind,
    method: &Method,
    url: &Url,
    headers: &HeaderMap,
    tenant: Tenant,
) -> Result<Response, Failure> {
    // The resolver never sees an IP address in the URL, so the guard checks the address here.
    behind.guard.check_url(url)?;
    let mut request = Request::new(method.clone(), url.clone());
    request.headers_mut().extend(headers.clone());
    // Strangers may name the URL.
    let route = Route { connection: Connection::New, is_apart: true };
    let response = behind.pools.execute(request, tenant, route).await;
    response.map_err(|broken| Failure::of_exchange(&broken.error))
}

/// Where the response redirects to, if it does.
fn target(response: &Response) -> Option<&HeaderValue> {
    matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308)
        .then(|| response.headers().get(LOCATION))
        .flatten()
}

/// The URL that `from` redirects to.
pub(super) fn redirected(from: &Url, target: &HeaderValue) -> Result<Url, Failure> {
    let unusable = || rejected("a redirect has no usable `Location`".to_owned());
    // A `Location` may have UTF-8 that isn't encoded.
    let target = std::str::from_utf8(target.as_bytes()).map_err(|_| unusable())?;
    let url = from.join(target).map_err(|_| unusable())?;
    if from.scheme() == "https" && url.scheme() != "https" {
        return Err(rejected("a redirect leads from HTTPS to HTTP".to_owned()));
    }
    Ok(url)
}

/// Reads the whole body, if it isn't longer than allowed.
async fn read(mut response: Response, url: Url, most: usize) -> Result<Got, Failure> {
    let (status, headers) = (response.status(), response.headers().clone());
    let is_encoded = |value: &HeaderValue| !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
    if headers.get_all(CONTENT_ENCODING).iter().any(is_encoded) {
        return Err(rejected("the response is encoded, though the request asks for `identity`".to_owned()));
    }
    let too_long = || rejected(format!("the response has more than {most} bytes"));
    if response.content_length().is_some_and(|length| length > most as u64) {
        return Err(too_long());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| Failure::of_exchange(&error))? {
        if chunk.len() > most - body.len() {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Got { status, headers, body: body.into(), url })
}

const fn rejected(reason: String) -> Failure {
    Failure { outcome: Outcome::Rejected, reason }
}
