//! Asks endpoints whether they want what they are to get: CloudEvents, or the deliveries of an owner's subscription.

mod challenge;
mod question;
mod under_way;

pub(crate) use challenge::{MOST_ANSWER_BYTES, challenge, is_sent_back};
pub(crate) use question::{Answer, Questions};
pub(crate) use under_way::{Place, UnderWay};

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tokio::sync::OnceCell;
use url::Url;

use crate::{
    cloud_event::{Consent, ConsentRefused, REQUEST_ORIGIN, REQUEST_RATE},
    config::Config,
    delivery::{Client, Failure, Get, Got},
    intent::of_owner,
    spec::Rate,
    tenant::Tenant,
};

/// The time that an endpoint has for its answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes that are read of its body, which nobody looks at.
const MOST_BYTES: usize = 64 * 1024;

/// The name of a sender that has no URL.
const NAMELESS: &str = "thorn";

/// Asks endpoints, a few at once.
#[derive(Debug, Default)]
pub(crate) struct Consents {
    client: OnceCell<Client>,
    under_way: UnderWay,
}

impl Consents {
    /// Asks the endpoint at this URL for this owner, or for the operator. `rate` is what the subscription wishes for.
    pub(crate) async fn ask(
        &self,
        config: &Config,
        owner: Option<&str>,
        url: &str,
        rate: Option<Rate>,
    ) -> Result<Consent, ConsentRefused> {
        let unable = |reason: String| ConsentRefused::Unable(reason);
        let url = Url::parse(url).map_err(|error| unable(error.to_string()))?;
        let client = self.client.get_or_try_init(|| async { Client::new(config.client()) });
        let client = client.await.map_err(|error| unable(error.to_string()))?;
        let host = url.host_str().unwrap_or_default();
        let tenant = Tenant::of(owner);
        // Each owner is counted apart, so that nobody waits for a neighbour whose endpoint is at the same provider.
        let counted = owner.map_or_else(|| host.to_owned(), |owner| of_owner(owner, host));
        let _place = self.under_way.begin(tenant, &counted).ok_or(ConsentRefused::Busy)?;

        let (origin, answer) = handshake(config, client, tenant, &url, rate).await?;
        let answer = answer.map_err(|failure| ConsentRefused::Endpoint(failure.reason))?;
        Consent::read(&origin, answer.status, &answer.headers)
    }
}

/// Makes the request of the handshake of CloudEvents. Returns the origin that it names, and the answer.
async fn handshake(
    config: &Config,
    client: &Client,
    tenant: Tenant,
    url: &Url,
    rate: Option<Rate>,
) -> Result<(String, Result<Got, Failure>), ConsentRefused> {
    let base = config.base_url.as_deref().and_then(|url| Url::parse(url).ok());
    let origin = base.as_ref().and_then(Url::host_str).unwrap_or(NAMELESS);
    let mut headers = HeaderMap::new();
    let named = HeaderValue::from_str(origin).map_err(|error| ConsentRefused::Unable(error.to_string()))?;
    headers.insert(HeaderName::from_static(REQUEST_ORIGIN), named);
    if let Some(rate) = rate {
        headers.insert(HeaderName::from_static(REQUEST_RATE), rate.in_a_minute().into());
    }
    let asked = Get { url, headers, most_bytes: MOST_BYTES, most_redirects: 0, timeout: PATIENCE, tenant };
    Ok((origin.to_owned(), client.options(asked).await))
}
