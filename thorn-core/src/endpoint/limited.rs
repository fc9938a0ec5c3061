//! Lanes of subscriptions that limit how many of their requests are under way at once.

use std::{sync::Arc, time::Duration};

use super::{
    Endpoints,
    lane::{Lane, Place, Places},
};
use crate::{attempt::spread_pause, id::SubscriptionId, spec::MaxInFlight, timestamp::Timestamp};

/// How long a delivery is put off while this process has no share in the limit.
const NO_SHARE: Duration = Duration::from_secs(1);

/// The lane of a subscription with a limit. It holds as many requests as this process has a share in the limit.
#[derive(Clone, Debug)]
pub(crate) struct Limited(pub(super) Arc<Lane>);

impl Limited {
    pub(super) async fn enter(self) -> Result<Place, Timestamp> {
        self.0.enter(Places::Common).await
    }

    /// Tells the lane how many due deliveries the relay puts on the queue.
    pub(crate) fn expect(&self, deliveries: usize) {
        self.0.expect(deliveries);
    }
}

impl Endpoints {
    /// The lane of a subscription with a limit. If this process has no share in the limit, tells when to try again.
    pub(crate) fn limited(&self, id: SubscriptionId, limit: MaxInFlight) -> Result<Limited, Timestamp> {
        let share = self.membership().share(id, limit.get());
        if share == 0 {
            return Err(Timestamp::now() + spread_pause(NO_SHARE, rand::random()));
        }
        let lane = self.limited_lane(id);
        lane.resize(share);
        Ok(Limited(lane))
    }

    /// Gives each such lane the present share of its subscription's limit. Returns whether no lane has more requests
    /// under way than that.
    pub(crate) fn divide(&self, limit: impl Fn(SubscriptionId) -> Option<MaxInFlight>) -> bool {
        let mut all_keep = true;
        for (id, lane) in self.limited_lanes() {
            if let Some(limit) = limit(id) {
                let share = self.membership().share(id, limit.get());
                lane.resize(share);
                all_keep &= lane.in_flight() <= share;
            }
        }
        all_keep
    }
}

#[cfg(test)]
mod tests {
    use sea_orm::prelude::Uuid;
    use tokio::time::Instant;

    use super::*;
    use crate::{endpoint::fixture::quick, membership::View};

    #[tokio::test(start_paused = true)]
    async fn a_lane_holds_this_process_s_share_of_a_limit_as_workers_come_and_go() {
        let endpoints = Endpoints::default();
        let (id, limit) = (SubscriptionId::generate(), MaxInFlight::new(4).unwrap());
        let [a, b] = [1, 2].map(Uuid::from_u128);
        let until = Instant::now() + Duration::from_secs(600);
        endpoints.limited(id, limit).map(drop).expect_err("there is no worker");

        let of_two = View::of([a, b]);
        endpoints.membership().agree(a, &of_two, until);
        let enter = async || endpoints.limited(id, limit).unwrap().enter().await;
        let under_way = [enter().await.unwrap(), enter().await.unwrap()];
        let third = enter();
        tokio::pin!(third);
        assert!(futures::poll!(&mut third).is_pending(), "two are half of four");

        // The other worker leaves.
        endpoints.membership().agree(a, &View::of([a]), until);
        assert!(endpoints.divide(|_| Some(limit)));
        let third = third.await.unwrap();
        let fourth = enter().await.unwrap();

        // It comes back, so there is room for two again, but four are under way.
        endpoints.membership().renew(a, &of_two, until);
        assert!(!endpoints.divide(|_| Some(limit)));
        drop((third, fourth));
        assert!(endpoints.divide(|_| Some(limit)));
        assert_eq!(endpoints.limited(id, limit).unwrap().0.room(), 0);
        let quick = quick();
        under_way.into_iter().for_each(|place| place.done(&quick));
        assert!(endpoints.limited(id, limit).unwrap().0.room() > 0);
        assert_eq!(endpoints.limited(id, limit).unwrap().0.in_flight(), 0);
    }
}
