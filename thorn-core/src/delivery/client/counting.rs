//! Counts the connections of a client that keeps them.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use tower::{Layer, Service};

use super::{connection::opening, kept::KeptConnections};

/// The connections that one client has opened. They count until the client and its last request have ended.
#[derive(Debug)]
pub(super) struct OfClient {
    kept: Arc<KeptConnections>,
    opened: AtomicUsize,
}

impl OfClient {
    pub(super) fn new(kept: Arc<KeptConnections>) -> Arc<Self> {
        Arc::new(Self { kept, opened: AtomicUsize::new(0) })
    }

    /// Whether so many of the connections are this client's that closing its idle ones makes room.
    pub(super) fn has_most(&self) -> bool {
        self.opened.load(Ordering::Relaxed) >= self.kept.most().div_ceil(2)
    }

    fn count(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.kept.count();
    }
}

impl Drop for OfClient {
    fn drop(&mut self) {
        self.kept.forget(*self.opened.get_mut());
    }
}

/// Counts the connections that a client opens. The client holds this until its last request has ended.
#[derive(Clone, Debug)]
pub(super) struct Counting(pub(super) Arc<OfClient>);

/// A connector whose connections are counted.
#[derive(Clone, Debug)]
pub(super) struct Counted<S> {
    connector: S,
    of_client: Arc<OfClient>,
}

impl<S> Layer<S> for Counting {
    type Service = Counted<S>;

    fn layer(&self, connector: S) -> Counted<S> {
        Counted { connector, of_client: Arc::clone(&self.0) }
    }
}

impl<S, R> Service<R> for Counted<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let (connecting, of_client, leave) = (self.connector.call(request), Arc::clone(&self.of_client), opening());
        Box::pin(async move {
            let connected = connecting.await?;
            of_client.count();
            // Not earlier, so that the connection is never missing in the count.
            drop(leave);
            Ok(connected)
        })
    }
}
