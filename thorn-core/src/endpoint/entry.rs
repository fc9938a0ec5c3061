//! The way of a delivery through the lanes of its endpoint.

use std::sync::Arc;

use tokio::sync::OwnedSemaphorePermit;

use super::{
    Endpoint,
    lane::{Lane, Line, Place, Places},
    limited::Limited,
};
use crate::{attempt::Attempt, timestamp::Timestamp};

/// So many requests of a tenant may take the reserved places of lanes that all tenants share.
const FEW: usize = 2;

/// Whether a delivery may be tried now.
#[derive(Debug)]
pub(crate) enum Entry {
    /// The delivery may be tried now.
    Open(Permit),
    /// A lane is full: try again at this time.
    Full(Timestamp),
}

/// The right to make one request. Dropping the permit gives the right back.
#[derive(Debug)]
pub(crate) struct Permit {
    url: Place,
    /// In the lanes of the owner, and of all owners at the host. `None` for the operator.
    owner: Option<Box<[Place; 2]>>,
    /// In the lanes of the tenant, the host and the process. `None` if the endpoint is known to answer quickly.
    shared: Option<Box<[Place; 3]>>,
    /// In the lane of a subscription that limits its requests, and in that of an endpoint that has asked for fewer.
    rare: Option<Box<[Option<Place>; 2]>>,
    /// `None` is never seen: the semaphore isn't closed.
    _in_flight: Option<OwnedSemaphorePermit>,
}

impl Endpoint {
    /// Enters the lane of the subscription, if it has a limit, and those of the endpoint. If one of them is full, the
    /// call waits unless that lane is slow.
    pub(crate) async fn enter(&self, limited: Option<Limited>) -> Entry {
        match self.permit(limited, None).await {
            Ok(permit) => Entry::Open(permit),
            Err(until) => Entry::Full(until),
        }
    }

    /// The same with a place in the lane of the URL.
    pub(crate) async fn enter_from(&self, url: Place) -> Entry {
        if self.wary_lane().is_some() {
            // That lane comes first. A delivery that waited for it with a place of the URL could hold up those that have passed it.
            drop(url);
            return self.enter(None).await;
        }
        match self.permit(None, Some(url)).await {
            Ok(permit) => Entry::Open(permit),
            Err(until) => Entry::Full(until),
        }
    }

    /// The address of the lane of its URL, which endpoints may share. `None` while the endpoint has another lane before it.
    pub(crate) fn url_lane(&self) -> Option<usize> {
        self.wary_lane().is_none().then(|| Arc::as_ptr(&self.lane).addr())
    }

    /// Takes a place in the lane of the URL, if there is one. `None` if the delivery is to wait in a [`line`](Self::line),
    /// in which it counts already. If it shouldn't wait, returns the time at which the lane should have room.
    pub(crate) fn ask(&self) -> Result<Option<Place>, Timestamp> {
        self.lane.ask(Places::Common)
    }

    /// The line of so many deliveries that are to wait.
    pub(crate) fn line(&self, waiting: u32) -> Line<'_> {
        Line::new(&self.lane, Places::Common, waiting)
    }

    async fn permit(&self, limited: Option<Limited>, url: Option<Place>) -> Result<Permit, Timestamp> {
        // Few deliveries enter these lanes, so the others shouldn't pay with memory for the wait in them.
        let wary = if url.is_some() { None } else { self.wary_lane() };
        let rare = match (limited, wary) {
            (None, None) => None,
            (limited, wary) => Some(Box::pin(enter_rare(limited, wary)).await?),
        };
        let url = match url {
            Some(place) => place,
            None => self.lane.enter(Places::Common).await?,
        };
        let owner = match &self.owner {
            Some([owner, host]) => {
                Some(Box::new([owner.enter(Places::Common).await?, host.enter(self.places()).await?]))
            }
            None => None,
        };
        let shared = match self.lane.is_quick() {
            true => None,
            false => Some(Box::pin(self.enter_shared()).await?),
        };
        // Requests that may hang leave a quarter of these free, so there is one soon.
        let in_flight = Arc::clone(&self.in_flight).acquire_owned().await.ok();
        Ok(Permit { url, owner, shared, rare, _in_flight: in_flight })
    }

    /// Enters the lanes of the tenant, the host and the process.
    async fn enter_shared(&self) -> Result<Box<[Place; 3]>, Timestamp> {
        let places = self.places();
        let tenant = self.tenant.enter(Places::Common).await?;
        Ok(Box::new([tenant, self.host.enter(places).await?, self.process.enter(places).await?]))
    }

    /// The places that its tenant may take in lanes which it shares with others.
    fn places(&self) -> Places {
        let tenants = self.owner.as_ref().map_or(&self.tenant, |[owner, _]| owner);
        // One of them is the request that asks.
        if tenants.in_flight() <= FEW { Places::Reserved } else { Places::Common }
    }
}

/// Enters the lane of a subscription that limits its requests, and that of an endpoint that has asked for fewer.
async fn enter_rare(limited: Option<Limited>, wary: Option<&Arc<Lane>>) -> Result<Box<[Option<Place>; 2]>, Timestamp> {
    let limited = match limited {
        Some(limited) => Some(limited.enter().await?),
        None => None,
    };
    let wary = match wary {
        Some(lane) => Some(lane.enter(Places::Common).await?),
        None => None,
    };
    Ok(Box::new([limited, wary]))
}

impl Permit {
    /// Tells the lanes how the request went.
    pub(crate) fn done(self, attempt: &Attempt) {
        let Self { url, owner, shared, rare, .. } = self;
        url.done(attempt);
        owner.into_iter().flat_map(|places| *places).for_each(|place| place.done(attempt));
        shared.into_iter().flat_map(|places| *places).for_each(|place| place.done(attempt));
        rare.into_iter().flat_map(|places| *places).flatten().for_each(|place| place.done(attempt));
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures::future::join_all;

    use super::*;
    use crate::{
        endpoint::{Endpoints, fixture::quick},
        tenant::Tenant,
    };

    fn tenant(name: &str) -> Tenant {
        Tenant::of(Some(name))
    }

    /// Enters the lanes of these URLs at once, and returns the permits.
    async fn enter_all(endpoints: &Endpoints, owner: &str, urls: impl IntoIterator<Item = String>) -> Vec<Permit> {
        let enter = urls.into_iter().map(|url| {
            let endpoint = endpoints.get(tenant(owner), &url);
            async move { endpoint.enter(None).await }
        });
        let entered = join_all(enter).await.into_iter();
        entered.filter_map(|entry| if let Entry::Open(permit) = entry { Some(permit) } else { None }).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_endpoints_of_an_owner_hang_few_requests_do_and_no_neighbour_waits() {
        let endpoints = Endpoints::default();
        let urls = || (0..2_000).map(|n| format!("http://host-{}.test/{n}", n % 40));
        let mut hanging = enter_all(&endpoints, "alice", urls()).await;
        assert_eq!(hanging.len(), 128);
        // From now on the others don't even wait, and are queued apart.
        hanging.extend(enter_all(&endpoints, "alice", urls()).await);
        assert_eq!(hanging.len(), 128);
        assert!(endpoints.get(tenant("alice"), "http://new.test/").is_slow());

        let neighbour = endpoints.get(tenant("bob"), "http://host-1.test/bob");
        assert!(!neighbour.is_slow());
        assert!(matches!(neighbour.enter(None).await, Entry::Open(_)));
    }

    #[tokio::test(start_paused = true)]
    async fn quick_endpoints_of_an_owner_go_on_beside_those_that_hang() {
        let endpoints = Endpoints::default();
        let url = "http://quick.test/";
        for permit in enter_all(&endpoints, "alice", [url.to_owned()]).await {
            permit.done(&quick());
        }
        let hanging = enter_all(&endpoints, "alice", (0..500).map(|n| format!("http://{n}.test/"))).await;
        assert_eq!(hanging.len(), 128 + 1, "the quick answer has made room for one more");
        assert_eq!(enter_all(&endpoints, "alice", [url.to_owned()]).await.len(), 1);
        assert!(!endpoints.get(tenant("alice"), url).is_slow());
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_owners_have_endpoints_of_one_host_few_requests_to_it_hang() {
        let endpoints = Endpoints::default();
        let url = "http://host.test/quick";
        for permit in enter_all(&endpoints, "bob", [url.to_owned()]).await {
            permit.done(&quick());
        }
        let mut hanging = Vec::new();
        for owner in 0..40 {
            let urls = (0..20).map(|n| format!("http://host.test:{}/{owner}/{n}", 8000 + n % 2));
            hanging.extend(enter_all(&endpoints, &owner.to_string(), urls).await);
        }
        assert_eq!(hanging.len(), 256 + 1 + 32, "the quick answer has made room for one more, and some are reserved");
        assert!(endpoints.get(tenant("carol"), "http://host.test/new").is_slow());
        assert_eq!(enter_all(&endpoints, "bob", [url.to_owned()]).await.len(), 1, "known to be quick");
        assert_eq!(enter_all(&endpoints, "carol", ["http://other.test/".to_owned()]).await.len(), 1, "another host");
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_have_few_requests_find_a_place_at_a_host_and_in_a_process_that_others_fill() {
        let endpoints = Endpoints::default();
        let mut hanging = Vec::new();
        for owner in 0..12 {
            let urls = (0..40).map(|n| format!("http://host.test/{owner}/{n}"));
            hanging.extend(enter_all(&endpoints, &owner.to_string(), urls).await);
        }
        assert_eq!(hanging.len(), 256 + 2 * 5, "the first two of each who came when the others' places were taken");
        let carols = |n| format!("http://host.test/carol/{n}");
        assert_eq!(enter_all(&endpoints, "carol", (0..8).map(carols)).await.len(), 2);

        let endpoints = Endpoints::new(128);
        let mut hanging = Vec::new();
        for owner in 0..8 {
            let urls = (0..40).map(|n| format!("http://{owner}-{n}.test/"));
            hanging.extend(enter_all(&endpoints, &owner.to_string(), urls).await);
        }
        assert_eq!(
            hanging.len(),
            86 + 2 * 4,
            "three quarters of all requests, but for two reserved places that nobody has taken yet"
        );
        assert_eq!(enter_all(&endpoints, "carol", ["http://carol.test/".to_owned()]).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn when_all_quick_endpoints_of_a_host_hang_half_of_all_requests_are_left_to_other_hosts() {
        let endpoints = Endpoints::new(64);
        let url = |n: usize| format!("http://host.test/{n}");
        for n in 0..64 {
            for permit in enter_all(&endpoints, &n.to_string(), [url(n)]).await {
                permit.done(&quick());
            }
        }
        let mut hanging = Vec::new();
        for n in 0..64 {
            hanging.extend(enter_all(&endpoints, &n.to_string(), [url(n), url(n)]).await);
        }
        assert_eq!(hanging.len(), 32);
        assert_eq!(enter_all(&endpoints, "bob", ["http://bob.test/".to_owned()]).await.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn however_many_owners_endpoints_hang_a_quick_one_is_let_in() {
        let endpoints = Endpoints::new(64);
        let url = "http://quick.test/";
        for permit in enter_all(&endpoints, "bob", [url.to_owned()]).await {
            permit.done(&quick());
        }
        let mut hanging = Vec::new();
        for owner in 0..20 {
            let urls = (0..50).map(|n| format!("http://{owner}-{n}.test/"));
            hanging.extend(enter_all(&endpoints, &owner.to_string(), urls).await);
        }
        assert_eq!(hanging.len(), 48, "three quarters of all requests, with those that are reserved");
        let permits = enter_all(&endpoints, "bob", (0..16).map(|_| url.to_owned())).await;
        assert_eq!(permits.len(), 16);
        let beyond = enter_all(&endpoints, "bob", [url.to_owned()]);
        assert!(tokio::time::timeout(Duration::from_secs(60), beyond).await.is_err(), "all are under way");
    }

    #[tokio::test(start_paused = true)]
    async fn endpoints_that_answered_quickly_and_then_hang_leave_half_of_all_requests_to_others() {
        let endpoints = Endpoints::new(64);
        let urls = || (0..20).map(|n| format!("http://{n}.test/"));
        for permit in enter_all(&endpoints, "alice", urls()).await {
            permit.done(&quick());
        }
        let hanging = enter_all(&endpoints, "alice", urls().chain(urls()).chain(urls()).chain(urls())).await;
        assert_eq!(hanging.len(), 32);
        assert!(!endpoints.get(tenant("bob"), "http://bob.test/").is_slow());
        assert_eq!(enter_all(&endpoints, "bob", ["http://bob.test/".to_owned()]).await.len(), 1);

        let endpoints = Endpoints::new(16_384);
        let urls = || (0..3_000).map(|n| format!("http://{n}.test/"));
        for _ in 0..40 {
            for permit in enter_all(&endpoints, "alice", urls()).await {
                permit.done(&quick());
            }
        }
        assert_eq!(enter_all(&endpoints, "alice", urls()).await.len(), 384);
    }
}
