//! Names of tests, which the system's resolver isn't asked for.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// No name below `test` exists in the DNS.
const ABOVE: &str = ".names.test";

const SILENT: &str = "silent-";

/// The domain of names that exist in each process.
const EVERYWHERE: &str = "everywhere.names.test";

/// Whether this process has made silent names of that domain.
static HAS_MADE: AtomicBool = AtomicBool::new(false);

/// The time after which the system's resolver usually gives up.
const GIVES_UP: Duration = Duration::from_secs(10);

/// The domains of the tests that run.
static DOMAINS: Mutex<Option<HashMap<String, Arc<NameServer>>>> = Mutex::new(None);

/// Host names that exist in this process only.
///
/// Those of [`silent`](Self::silent) hang, as names do whose name server is silent, until this is dropped.
#[derive(Debug)]
pub struct TestNames {
    domain: String,
    server: Arc<NameServer>,
}

#[derive(Debug, Default)]
struct NameServer {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_over: bool,
    hanging: usize,
}

impl TestNames {
    /// Names below this label, which nobody else may use at the same time.
    #[must_use]
    pub fn below(label: &str) -> Self {
        let (domain, server) = (format!("{label}{ABOVE}"), Arc::<NameServer>::default());
        domains().get_or_insert_default().insert(domain.clone(), Arc::clone(&server));
        Self { domain, server }
    }

    /// A name that resolves to 127.0.0.1.
    #[must_use]
    pub fn healthy(&self, label: &str) -> String {
        format!("{label}.{}", self.domain)
    }

    /// A name whose name server is silent.
    #[must_use]
    pub fn silent(&self, label: &str) -> String {
        format!("{SILENT}{label}.{}", self.domain)
    }

    /// As [`healthy`](Self::healthy), in each process.
    #[must_use]
    pub fn healthy_everywhere(label: &str) -> String {
        format!("{label}.{EVERYWHERE}")
    }

    /// A name that resolves to 127.0.0.1 in this process. In each other process its name server is silent, and its lookup
    /// ends after 10 s without an address.
    #[must_use]
    pub fn silent_elsewhere(label: &str) -> String {
        HAS_MADE.store(true, Ordering::Relaxed);
        format!("{SILENT}{label}.{EVERYWHERE}")
    }

    /// How many lookups hang.
    #[must_use]
    pub fn hanging(&self) -> usize {
        self.server.state().hanging
    }
}

impl Drop for TestNames {
    fn drop(&mut self) {
        self.server.state().is_over = true;
        self.server.changed.notify_all();
        if let Some(domains) = &mut *domains() {
            domains.remove(&self.domain);
        }
    }
}

impl NameServer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn hang(&self) {
        let mut state = self.state();
        state.hanging += 1;
        let waited = self.changed.wait_while(state, |state| !state.is_over);
        waited.unwrap_or_else(PoisonError::into_inner).hanging -= 1;
    }
}

/// The addresses of a name of a test. Any other name is the system's business.
pub(super) fn addresses(host: &str) -> Option<Vec<IpAddr>> {
    let (label, domain) = host.split_once('.').filter(|(_, domain)| domain.ends_with(ABOVE))?;
    if domain == EVERYWHERE {
        let is_silent = label.starts_with(SILENT) && !HAS_MADE.load(Ordering::Relaxed);
        if is_silent {
            thread::sleep(GIVES_UP);
        }
        return Some(if is_silent { Vec::new() } else { vec![Ipv4Addr::LOCALHOST.into()] });
    }
    let server = domains().as_ref()?.get(domain).cloned()?;
    if label.starts_with(SILENT) {
        server.hang();
    }
    Some(vec![Ipv4Addr::LOCALHOST.into()])
}

fn domains() -> MutexGuard<'static, Option<HashMap<String, Arc<NameServer>>>> {
    DOMAINS.lock().unwrap_or_else(PoisonError::into_inner)
}
