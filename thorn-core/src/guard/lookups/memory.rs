//! The memory of earlier lookups: of names, and of the tenants who gave them.

use std::time::{Duration, Instant};

use quick_cache::sync::Cache;

use super::state::Class;
use crate::tenant::Tenant;

/// How long a failed lookup is remembered. A new record in the DNS is seen after this time at the latest.
const FAILURE: Duration = Duration::from_secs(10);

/// The longest time that a name is remembered whose name servers stay silent. It begins with [`FAILURE`] and doubles.
const LONGEST_SILENCE: Duration = Duration::from_secs(300);

/// How long the silent names of a tenant count.
const DOUBT: Duration = Duration::from_secs(300);

/// A tenant with so many silent names is doubted.
const SILENT_NAMES: u32 = 2;

/// How many failed lookups are remembered, and how many tenants with silent names.
const FAILURES: usize = 10_000;

/// How many names are remembered that have resolved.
const RESOLVED: usize = 50_000;

/// How a lookup ended without addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The name servers have said soon that there are none.
    Failed,
    /// They were silent, or slow.
    Silent,
}

/// The names that are remembered, and the tenants.
pub(super) struct Memory {
    failures: Cache<String, Failure>,
    /// Names that have resolved, and whose name servers haven't been silent since.
    resolved: Cache<String, ()>,
    /// Tenants with silent names: until when these count, and how many there are.
    doubts: Cache<Tenant, (Instant, u32)>,
}

#[derive(Clone)]
struct Failure {
    until: Instant,
    reason: String,
    /// How often in a row the name servers were silent.
    silences: u32,
}

impl Default for Memory {
    fn default() -> Self {
        Self { failures: Cache::new(FAILURES), resolved: Cache::new(RESOLVED), doubts: Cache::new(FAILURES) }
    }
}

impl Memory {
    /// The reason why the name isn't looked up now.
    pub(super) fn refusal(&self, host: &str, now: Instant) -> Option<String> {
        self.failures.get(host).filter(|failure| now < failure.until).map(|failure| failure.reason)
    }

    /// Which part of the threads a lookup of the name may use for this tenant.
    pub(super) fn class(&self, host: &str, tenant: Tenant, now: Instant) -> Class {
        if self.failures.get(host).is_some_and(|failure| failure.silences > 0) {
            return Class::Doubtful;
        }
        if self.resolved.get(host).is_some() {
            return Class::Proven;
        }
        let is_doubted = |(until, names): (Instant, u32)| now < until && names >= SILENT_NAMES;
        if self.doubts.get(&tenant).is_some_and(is_doubted) { Class::Doubtful } else { Class::New }
    }

    pub(super) fn resolved(&self, host: &str) {
        self.failures.remove(host);
        self.resolved.insert(host.to_owned(), ());
    }

    pub(super) fn failed(&self, host: &str, end: End, reason: String, now: Instant) {
        let silences = match end {
            End::Failed => 0,
            End::Silent => {
                self.resolved.remove(host);
                self.failures.get(host).map_or(0, |failure| failure.silences).saturating_add(1)
            }
        };
        let doublings = silences.saturating_sub(1).min(16);
        let remembered = FAILURE.saturating_mul(1 << doublings).min(LONGEST_SILENCE);
        self.failures.insert(host.to_owned(), Failure { until: now + remembered, reason, silences });
    }

    /// Notes that a name of this tenant is silent. The operator isn't doubted, since nobody else gives him names.
    pub(super) fn doubt(&self, tenant: Tenant, now: Instant) {
        if tenant != Tenant::default() {
            let before = self.doubts.get(&tenant).filter(|(until, _)| now < *until).map_or(0, |(_, names)| names);
            self.doubts.insert(tenant, (now + DOUBT, before.saturating_add(1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "a.test";

    fn tenant(name: &str) -> Tenant {
        Tenant::of(Some(name))
    }

    #[test]
    fn a_name_that_stays_silent_is_remembered_ever_longer_and_forgotten_once_it_resolves() {
        let (memory, mut now) = (Memory::default(), Instant::now());
        let second = Duration::from_secs(1);
        let silent = || memory.failed(HOST, End::Silent, "silent".to_owned(), now);
        silent();
        for remembered in [10, 20, 40, 80, 160, 300, 300] {
            now += (remembered - 1) * second;
            assert_eq!(memory.refusal(HOST, now), Some("silent".to_owned()), "{remembered}");
            now += second;
            assert_eq!(memory.refusal(HOST, now), None, "{remembered}");
            assert_eq!(memory.class(HOST, tenant("bob"), now), Class::Doubtful);
            memory.failed(HOST, End::Silent, "silent".to_owned(), now);
        }
        memory.resolved(HOST);
        assert_eq!((memory.refusal(HOST, now), memory.class(HOST, tenant("bob"), now)), (None, Class::Proven));
        memory.failed(HOST, End::Failed, "missing".to_owned(), now);
        assert_eq!(memory.class(HOST, tenant("bob"), now), Class::Proven, "an answer costs little");
        now += 10 * second;
        assert_eq!(memory.refusal(HOST, now), None);
        memory.failed(HOST, End::Silent, "silent".to_owned(), now);
        assert_eq!(memory.refusal(HOST, now + 10 * second), None, "the first silence again");
    }

    #[test]
    fn new_names_of_a_tenant_with_silent_names_are_doubtful_for_a_while() {
        let (memory, now) = (Memory::default(), Instant::now());
        memory.resolved(HOST);
        for owner in ["alice", ""] {
            memory.doubt(tenant(owner), now);
        }
        assert_eq!(memory.class("new.test", tenant("alice"), now), Class::New, "one name may be bad luck");
        for _ in 0..3 {
            memory.doubt(tenant("alice"), now);
            memory.doubt(Tenant::default(), now);
        }
        assert_eq!(memory.class("new.test", tenant("alice"), now), Class::Doubtful);
        assert_eq!(memory.class(HOST, tenant("alice"), now), Class::Proven, "her receivers go on");
        for other in [tenant("bob"), Tenant::default()] {
            assert_eq!(memory.class("new.test", other, now), Class::New);
        }
        assert_eq!(memory.class("new.test", tenant("alice"), now + DOUBT), Class::New);
    }
}
