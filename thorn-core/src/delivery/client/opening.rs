//! Notes the connections that a client opens.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use tower::{Layer, Service};

use super::{connection, counting::OfClient, watch::Watch};

/// Notes the connections that a client opens: for the [`Watch`], and in the count of a client that keeps them. The client
/// holds this until its last request has ended.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    of_client: Option<Arc<OfClient>>,
}

/// A connector whose connections are noted.
#[derive(Clone, Debug)]
pub(super) struct Noted<S> {
    connector: S,
    of_client: Option<Arc<OfClient>>,
}

impl Opening {
    /// Counts with `of_client`, if the client keeps its connections.
    pub(super) const fn new(of_client: Option<Arc<OfClient>>) -> Self {
        Self { of_client }
    }
}

impl<S> Layer<S> for Opening {
    type Service = Noted<S>;

    fn layer(&self, connector: S) -> Noted<S> {
        Noted { connector, of_client: self.of_client.clone() }
    }
}

impl<S, R> Service<R> for Noted<S>
where
    S: Service<R>,
    S::Response: Connection,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (connecting, of_client) = (self.connector.call(request), self.of_client.clone());
        let opening = connection::opening();
        Box::pin(async move {
            let connected = connecting.await?;
            if let Some(of_client) = of_client {
                of_client.count();
            }
            if let Some((origin, leave)) = opening {
                let mut facts = Extensions::new();
                connected.connected().get_extras(&mut facts);
                if let Some(info) = facts.get::<HttpInfo>() {
                    Watch::of_process().opened(info.local_addr(), origin);
                }
                // Not before the count, so that the connection is never missing there.
                drop(leave);
            }
            Ok(connected)
        })
    }
}
