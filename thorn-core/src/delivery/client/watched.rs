//! Requests and responses that the [`Watch`] knows of.

use std::{future::poll_fn, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::{
    exchange::{Exchange, ExchangeError, Head},
    origin::Origin,
    watch::Watch,
};
use crate::tenant::Tenant;

/// A response whose body can be read.
#[derive(Debug)]
pub(super) struct Response {
    head: Head,
    exchange: Watched,
}

/// An exchange that the [`Watch`] knows of until this is dropped.
#[derive(Debug)]
struct Watched(Arc<Exchange>);

/// Sends a tenant's request. The [`Watch`] may end it from now on, until the response is dropped.
pub(super) async fn exchange(
    tenant: Tenant,
    origin: Origin,
    sending: impl Future<Output = Result<reqwest::Response, reqwest::Error>> + Send + 'static,
) -> Result<Response, ExchangeError> {
    let exchange = Watched(Arc::new(Exchange::new(tenant, origin, sending)));
    Watch::of_process().begin(&exchange.0);
    let head = poll_fn(|context| exchange.0.poll_head(context)).await?;
    Ok(Response { head, exchange })
}

impl Response {
    pub(super) const fn status(&self) -> StatusCode {
        self.head.status
    }

    pub(super) const fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The length of the body, if the head tells it.
    pub(super) const fn content_length(&self) -> Option<u64> {
        self.head.content_length
    }

    /// The next part of the body. `None` if the body is complete.
    pub(super) async fn chunk(&mut self) -> Result<Option<Bytes>, ExchangeError> {
        poll_fn(|context| self.exchange.0.poll_chunk(context)).await
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        Watch::of_process().finish(&self.0);
    }
}
