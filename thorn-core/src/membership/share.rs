//! The share that this process's worker has now.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use sea_orm::prelude::Uuid;
use tokio::time::Instant;

use super::view::View;
use crate::id::SubscriptionId;

/// The place of this process's worker among all workers. `None` in a process without a worker.
#[derive(Debug, Default)]
pub(crate) struct Membership(ArcSwapOption<Member>);

#[derive(Debug)]
struct Member {
    worker: Uuid,
    /// The workers that all of them last agreed on; empty until the first time.
    agreed: View,
    /// The workers that this one counts as alive.
    current: View,
    /// Until when the others count this one as alive.
    until: Instant,
}

impl Membership {
    /// Notes whom the worker counts as alive, and until when the others count it as alive.
    pub(crate) fn renew(&self, worker: Uuid, current: &View, until: Instant) {
        let agreed =
            self.0.load().as_ref().filter(|before| before.worker == worker).map(|before| before.agreed.clone());
        let (agreed, current) = (agreed.unwrap_or_default(), current.clone());
        self.0.store(Some(Arc::new(Member { worker, agreed, current, until })));
    }

    /// Notes that all workers count the same ones as alive.
    pub(crate) fn agree(&self, worker: Uuid, view: &View, until: Instant) {
        let (agreed, current) = (view.clone(), view.clone());
        self.0.store(Some(Arc::new(Member { worker, agreed, current, until })));
    }

    /// Ends the worker's membership.
    pub(crate) fn leave(&self, worker: Uuid) {
        if self.0.load().as_ref().is_some_and(|member| member.worker == worker) {
            self.0.store(None);
        }
    }

    /// How many requests of the subscription this process may have under way, of `limit` in all. 0 if the process has no
    /// worker, or if that is too new or too long out of touch with the others.
    pub(crate) fn share(&self, subscription: SubscriptionId, limit: usize) -> usize {
        let member = self.0.load();
        let Some(Member { worker, agreed, current, until }) = member.as_deref() else { return 0 };
        if *until <= Instant::now() {
            return 0;
        }
        // Until all agree, some may still divide by fewer workers, and others already by more.
        agreed.share(*worker, subscription, limit).min(current.share(*worker, subscription, limit))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_share_shrinks_at_once_and_grows_when_all_workers_agree() {
        let membership = Membership::default();
        let (id, limit) = (SubscriptionId::from_uuid(Uuid::nil()), 6);
        let [a, b, c] = [1, 2, 3].map(Uuid::from_u128);
        let until = Instant::now() + Duration::from_secs(20);
        assert_eq!(membership.share(id, limit), 0, "no worker");

        membership.renew(a, &View::of([a, b]), until);
        assert_eq!(membership.share(id, limit), 0, "b doesn't know of it yet");
        membership.agree(a, &View::of([a, b]), until);
        assert_eq!(membership.share(id, limit), 3);
        membership.renew(a, &View::of([a, b, c]), until);
        assert_eq!(membership.share(id, limit), 2, "c may begin as soon as b knows of it, too");
        membership.renew(a, &View::of([a]), until);
        assert_eq!(membership.share(id, limit), 3, "the others may be there still");
        membership.agree(a, &View::of([a]), until);
        assert_eq!(membership.share(id, limit), 6);

        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!(membership.share(id, limit), 0, "the others divide without it now");
        membership.agree(a, &View::of([a]), Instant::now() + Duration::from_secs(20));
        membership.leave(b);
        assert_eq!(membership.share(id, limit), 6, "another worker has left");
        membership.leave(a);
        assert_eq!(membership.share(id, limit), 0);
    }
}
