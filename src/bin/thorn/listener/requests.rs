//! The requests of a connection of HTTP/2, each of which is a task.

use std::{sync::Arc, time::Duration};

use hyper::rt::Executor;
use tokio::{
    sync::watch,
    time::{error::Elapsed, timeout},
};

use super::response::{PACE, Pace};

/// Runs requests, and knows how many there are.
#[derive(Clone, Debug)]
pub(super) struct Requests(watch::Sender<usize>);

impl Default for Requests {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

/// Counts a request as long as it is under way.
struct UnderWay(watch::Sender<usize>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|requests| *requests -= 1);
    }
}

impl Requests {
    /// Resolves once no request has been under way for so long.
    pub(super) async fn none_for(&self, time: Duration) {
        let mut requests = self.0.subscribe();
        loop {
            // The sender is here, so waiting doesn't fail.
            let _ = requests.wait_for(|requests| *requests == 0).await;
            if let Err(Elapsed { .. }) = timeout(time, requests.changed()).await {
                return;
            }
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Requests {
    /// Also ends a response that the client takes nothing of. On a connection of HTTP/1.1 the system does that.
    fn execute(&self, request: F) {
        self.0.send_modify(|requests| *requests += 1);
        let under_way = UnderWay(self.0.clone());
        let pace = Arc::<Pace>::default();
        tokio::spawn(async move {
            let _under_way = under_way;
            tokio::select! {
                _ = PACE.scope(pace.clone(), request) => {}
                () = pace.stalled() => tracing::debug!("a client takes nothing of a response"),
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_connection_has_no_requests_once_none_has_been_under_way_for_the_time() {
        let time = Duration::from_millis(50);
        let requests = Requests::default();
        requests.none_for(time).await;
        let (end, ended) = oneshot::channel::<()>();
        requests.execute(ended);
        timeout(time * 3, requests.none_for(time)).await.expect_err("one is under way");
        drop(end);
        requests.none_for(time).await;
        assert_eq!(*requests.0.borrow(), 0);
    }
}
