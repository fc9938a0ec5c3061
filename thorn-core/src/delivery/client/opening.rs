//! Notes the connections that a client opens.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::Extensions;
use hyper_util::client::legacy::connect::{Connection, HttpInfo};
use tower::{Layer, Service, ServiceExt as _};

use super::{connection, counting::OfClient, watch::Watch};

/// Notes the connections that a client opens: for the [`Watch`], and in the count of a client that keeps them. The client
/// holds this until its last request has ended.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    of_client: Option<Arc<OfClient>>,
}

/// A connector whose connections are noted.
///
/// hyper-util clones it for each request, and uses the clone only if no kept connection is free. So the connector itself is
/// cloned when it is used.
#[derive(Debug)]
pub(super) struct Noted<S> {
    connector: Arc<S>,
    of_client: Option<Arc<OfClient>>,
}

impl<S> Clone for Noted<S> {
    fn clone(&self) -> Self {
        Self { connector: Arc::clone(&self.connector), of_client: self.of_client.clone() }
    }
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
        Noted { connector: Arc::new(connector), of_client: self.of_client.clone() }
    }
}

impl<S, R> Service<R> for Noted<S>
where
    R: Send + 'static,
    S: Service<R> + Clone + Send + Sync + 'static,
    S::Response: Connection,
    S::Future: Send,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    /// The clone that [`call`](Service::call) makes is asked instead.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (connector, of_client) = (S::clone(&self.connector), self.of_client.clone());
        let opening = connection::opening();
        Box::pin(async move {
            let connected = connector.oneshot(request).await?;
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
