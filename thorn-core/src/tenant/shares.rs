//! Permits of which each tenant gets a share.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::Tenant;

/// Permits of this process.
///
/// A tenant waits for a part of its own share first, and only then for a permit. So there are never more of one tenant in
/// the line for permits than its share has parts, and tenants alternate.
#[derive(Debug)]
pub(crate) struct Shares {
    permits: Semaphore,
    /// How many permits one tenant gets.
    share: usize,
    /// The tenants that have permits or wait for them.
    tenants: Mutex<HashMap<Tenant, Used>>,
}

#[derive(Debug)]
struct Used {
    share: Arc<Semaphore>,
    /// Those who have a part of the share or wait for one.
    users: usize,
}

/// A part of a tenant's share. Dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    shares: &'a Shares,
    /// `None` if the permits count for nobody.
    tenant: Option<Tenant>,
    part: Option<OwnedSemaphorePermit>,
}

/// A permit with the part of the share that it takes. Dropping it gives both back.
#[derive(Debug)]
pub(crate) struct Permit<'a> {
    _permit: Option<SemaphorePermit<'a>>,
    _part: Part<'a>,
}

impl Shares {
    /// So many permits, of which one tenant gets `share`.
    pub(crate) fn new(permits: usize, share: usize) -> Self {
        Self { permits: Semaphore::new(permits), share: share.max(1), tenants: Mutex::default() }
    }

    /// Waits for a part of the tenant's share. Without a tenant, there is no share to wait for.
    pub(crate) async fn part(&self, tenant: Option<Tenant>) -> Part<'_> {
        let share = tenant.map(|tenant| self.begin(tenant));
        // From here on, giving up counts as a use less.
        let mut part = Part { shares: self, tenant, part: None };
        if let Some(share) = share {
            part.part = share.acquire_owned().await.ok();
        }
        part
    }

    fn begin(&self, tenant: Tenant) -> Arc<Semaphore> {
        let mut tenants = self.tenants();
        let fresh = || Used { share: Arc::new(Semaphore::new(self.share)), users: 0 };
        let used = tenants.entry(tenant).or_insert_with(fresh);
        used.users += 1;
        Arc::clone(&used.share)
    }

    fn tenants(&self) -> MutexGuard<'_, HashMap<Tenant, Used>> {
        self.tenants.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> Part<'a> {
    /// Waits for a permit.
    pub(crate) async fn permit(self) -> Permit<'a> {
        // An error would mean that the semaphore is closed, and nobody closes it.
        let permit = self.shares.permits.acquire().await.ok();
        Permit { _permit: permit, _part: self }
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let Some(tenant) = self.tenant else { return };
        let mut tenants = self.shares.tenants();
        if let Some(used) = tenants.get_mut(&tenant) {
            used.users -= 1;
            if used.users == 0 {
                tenants.remove(&tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn tenant(name: &str) -> Option<Tenant> {
        Some(Tenant::of(Some(name)))
    }

    #[tokio::test]
    async fn one_tenant_gets_its_share_and_what_counts_for_nobody_gets_all() {
        let shares = Shares::new(4, 2);
        let take = |tenant| async { shares.part(tenant).await.permit().await }.now_or_never();
        let hers = [take(tenant("alice")), take(tenant("alice"))].map(Option::unwrap);
        assert!(take(tenant("alice")).is_none());
        let his = [take(tenant("bob")), take(tenant("bob"))].map(Option::unwrap);
        drop(his);
        assert!(take(tenant("alice")).is_none(), "what others don't need isn't hers");
        drop(hers);
        assert!(shares.tenants().is_empty(), "those who gave up have left nothing");
        let all = [(); 4].map(|()| take(None)).map(Option::unwrap);
        assert!(take(None).is_none() && take(tenant("bob")).is_none());
        drop(all);
        assert!(take(tenant("bob")).is_some());
    }

    #[tokio::test]
    async fn tenants_alternate_however_many_requests_one_has() {
        let (shares, order) = (Shares::new(1, 1), Mutex::new(String::new()));
        let work = async |name: &'static str| {
            let _permit = shares.part(tenant(name)).await.permit().await;
            order.lock().unwrap().push_str(name);
            tokio::task::yield_now().await;
        };
        let names = ["a"; 6].into_iter().chain(["b"; 2]);
        futures::future::join_all(names.map(work)).await;
        assert_eq!(*order.lock().unwrap(), "ababaaaa");
        assert!(shares.tenants().is_empty());
    }
}
