//! Lookups of host names on threads of their own, shared fairly.
//!
//! The system's resolver (`getaddrinfo`) blocks its thread, for ten seconds and more if a name server is silent, and
//! nobody can cancel it. On tokio's blocking threads, names that hang would take the threads from the application. Here
//! they take only the share of the owner who gave them.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    net::IpAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;
use tokio::{sync::oneshot, time::timeout};

use crate::tenant::Tenant;

/// How many lookups run at once.
const THREADS: usize = 64;

/// How many lookups of one tenant run at once.
const PER_TENANT: usize = 4;

/// How many names of one tenant wait for their lookup.
const WAITING_PER_TENANT: usize = 1_000;

/// How long an tenant waits for an answer. The deadline of a delivery may be shorter.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a failed lookup is remembered. A new record in the DNS is seen after this time at the latest.
const FAILURE_REMEMBERED: Duration = Duration::from_secs(10);

/// How many failed lookups are remembered.
const FAILURES: usize = 10_000;

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

/// Enough for `getaddrinfo` with its plug-ins.
const STACK_BYTES: usize = 512 * 1024;

/// The addresses of a host, or the reason why there are none.
pub(super) type Answer = Result<Vec<IpAddr>, String>;

type LookUp = dyn Fn(&str) -> Answer + Send + Sync;

/// Lookups that share threads. Clones share them, too.
#[derive(Clone)]
pub(super) struct Lookups(Arc<Shared>);

struct Shared {
    look_up: Box<LookUp>,
    state: Mutex<State>,
    /// Wakes an idle thread.
    work: Condvar,
    /// Failed lookups, with the time until which they count.
    failures: Cache<String, (Instant, String)>,
}

#[derive(Default)]
struct State {
    tenants: HashMap<Tenant, Line>,
    /// The tenants that have a name waiting and a free place, in the order of their turns.
    turns: VecDeque<Tenant>,
    threads: usize,
    idle: usize,
}

/// The names of one tenant.
#[derive(Default)]
struct Line {
    /// The requests that await each name, whether its lookup waits or runs.
    awaited: HashMap<String, Vec<oneshot::Sender<Answer>>>,
    waiting: VecDeque<String>,
    running: usize,
}

impl Lookups {
    /// Lookups by this function, which may block.
    pub(super) fn by(look_up: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            look_up: Box::new(look_up),
            state: Mutex::default(),
            work: Condvar::new(),
            failures: Cache::new(FAILURES),
        }))
    }

    /// Looks up a host for this tenant.
    pub(super) async fn look_up(&self, host: &str, tenant: Tenant) -> Answer {
        if let Some((until, reason)) = self.0.failures.get(host)
            && Instant::now() < until
        {
            return Err(reason);
        }
        let (sender, answer) = oneshot::channel();
        self.ask(host, tenant, sender)?;
        match timeout(DEADLINE, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err("no thread could be started to look it up".to_owned()),
            Err(_) => Err("the name servers took too long to answer".to_owned()),
        }
    }

    fn ask(&self, host: &str, tenant: Tenant, sender: oneshot::Sender<Answer>) -> Result<(), String> {
        let mut state = self.0.state();
        let line = state.tenants.entry(tenant).or_default();
        if let Some(awaiting) = line.awaited.get_mut(host) {
            awaiting.push(sender);
            return Ok(());
        }
        if line.waiting.len() >= WAITING_PER_TENANT {
            return Err(format!("{WAITING_PER_TENANT} other names of this owner wait for the name servers"));
        }
        line.awaited.insert(host.to_owned(), vec![sender]);
        line.waiting.push_back(host.to_owned());
        state.queue(tenant);
        self.wake(state);
        Ok(())
    }

    /// Sees to it that a thread takes the next name.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        if state.idle > 0 {
            self.0.work.notify_one();
        } else if state.threads < THREADS {
            state.threads += 1;
            drop(state);
            let lookups = self.clone();
            let thread = thread::Builder::new().name("thorn-names".to_owned()).stack_size(STACK_BYTES);
            if let Err(error) = thread.spawn(move || lookups.run()) {
                tracing::error!(%error, "can't start a thread for lookups");
                self.0.state().lose_thread();
            }
        }
    }

    /// The work of one thread.
    fn run(&self) {
        while let Some((tenant, host)) = self.next() {
            let answer = (self.0.look_up)(&host);
            if let Err(reason) = &answer {
                self.0.failures.insert(host.clone(), (Instant::now() + FAILURE_REMEMBERED, reason.clone()));
            }
            for awaiting in self.0.state().finish(tenant, &host) {
                // The request may have stopped waiting.
                let _ = awaiting.send(answer.clone());
            }
        }
    }

    /// Waits for a name. Returns `None` if there was none for a while.
    fn next(&self) -> Option<(Tenant, String)> {
        let mut state = self.0.state();
        loop {
            if let Some(taken) = state.take() {
                if !state.turns.is_empty() {
                    self.wake(state);
                }
                return Some(taken);
            }
            state.idle += 1;
            let (woken, waited) = self.0.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.turns.is_empty() {
                state.threads -= 1;
                return None;
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Gives the tenant a turn if a name of it waits, it has a free place, and it has no turn yet.
    fn queue(&mut self, tenant: Tenant) {
        let Some(line) = self.tenants.get(&tenant) else { return };
        if !line.waiting.is_empty() && line.running < PER_TENANT && !self.turns.contains(&tenant) {
            self.turns.push_back(tenant);
        }
    }

    /// Takes the next name that somebody still awaits.
    fn take(&mut self) -> Option<(Tenant, String)> {
        while let Some(tenant) = self.turns.pop_front() {
            let Some(line) = self.tenants.get_mut(&tenant) else { continue };
            while let Some(host) = line.waiting.pop_front() {
                let is_awaited = line.awaited.get(&host).is_some_and(|all| all.iter().any(|one| !one.is_closed()));
                if is_awaited {
                    line.running += 1;
                    self.queue(tenant);
                    return Some((tenant, host));
                }
                line.awaited.remove(&host);
            }
            self.forget_if_unused(tenant);
        }
        None
    }

    /// Ends a lookup, and returns those who await its answer.
    fn finish(&mut self, tenant: Tenant, host: &str) -> Vec<oneshot::Sender<Answer>> {
        let Some(line) = self.tenants.get_mut(&tenant) else { return Vec::new() };
        line.running -= 1;
        let awaiting = line.awaited.remove(host).unwrap_or_default();
        self.queue(tenant);
        self.forget_if_unused(tenant);
        awaiting
    }

    fn forget_if_unused(&mut self, tenant: Tenant) {
        if self.tenants.get(&tenant).is_some_and(|line| line.running == 0 && line.waiting.is_empty()) {
            self.tenants.remove(&tenant);
        }
    }

    /// Counts a thread less. Without any thread nobody would answer, so all names are given up.
    fn lose_thread(&mut self) {
        self.threads -= 1;
        if self.threads == 0 {
            self.tenants.clear();
            self.turns.clear();
        }
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state();
        write!(f, "lookups of {} tenants on {} threads", state.tenants.len(), state.threads)
    }
}

#[cfg(test)]
mod tests;
