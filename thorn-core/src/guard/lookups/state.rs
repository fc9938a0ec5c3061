//! Which name is looked up next.
//!
//! Somebody may have any number of silent names, and any number of owners. So the threads have parts: no kind of name and
//! no tenant gets all of them.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::watch;

use super::Answer;
use crate::tenant::Tenant;

/// How many lookups run at once, not counting those that hang.
pub(super) const THREADS: usize = 128;

/// How many of them may be of names that haven't resolved before. The others, a quarter, are reserved for names that have.
pub(super) const UNPROVEN: usize = THREADS / 4 * 3;

/// How many of them may be of doubtful names.
pub(super) const DOUBTFUL: usize = THREADS / 8;

/// With so many lookups running, a tenant gets a further one only if it has none.
pub(super) const CROWD: usize = 48;

/// How many lookups may hang without taking the place of another one. Each holds its thread until the system gives up.
pub(super) const HANGING: usize = 64;

/// How many lookups of one tenant run at once, those that hang included.
pub(super) const PER_TENANT: usize = 8;

/// How many of them may be of names that haven't resolved before.
pub(super) const UNPROVEN_PER_TENANT: usize = 4;

/// How many names of one tenant wait for their lookup.
pub(super) const WAITING_PER_TENANT: usize = 1_000;

/// The knowledge of a name before its lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// It has resolved, and its name servers haven't been silent since.
    Proven,
    New,
    /// Its name servers were silent last time, or those of other names of its tenant.
    Doubtful,
}

impl Class {
    /// All of them. Those that are likely to take less time come first.
    const ALL: [Self; 3] = [Self::Proven, Self::New, Self::Doubtful];
}

/// The progress of a lookup.
#[derive(Clone, Debug)]
pub(super) enum Progress {
    Waiting,
    Running(Instant),
    Ended(Answer),
}

/// The names that wait, and the lookups that run.
#[derive(Default)]
pub(super) struct State {
    names: HashMap<Arc<str>, Name>,
    running: HashMap<Arc<str>, Running>,
    /// The waiting names of each class.
    lines: [Lines; 3],
    tenants: HashMap<Tenant, Places>,
    /// The lookups of each class that run and don't hang.
    counts: [usize; 3],
    hanging: usize,
    pub(super) threads: usize,
    pub(super) idle: usize,
}

/// A name whose lookup waits or runs.
struct Name {
    progress: watch::Sender<Progress>,
    /// The tenants in whose lines it waits. Whoever's turn is first has it looked up for all.
    lines: Vec<Tenant>,
}

#[derive(Clone, Copy)]
struct Running {
    since: Instant,
    tenant: Tenant,
    class: Class,
    /// Whether it was noticed that it has run for longer than its deadline.
    is_overdue: bool,
    /// Whether it has left its place to another lookup.
    hangs: bool,
}

#[derive(Default)]
struct Lines {
    /// The lines that aren't empty. A name whose lookup has begun elsewhere is left out when its turn comes.
    waiting: HashMap<Tenant, VecDeque<Arc<str>>>,
    /// Their tenants, in the order of their turns.
    turns: VecDeque<Tenant>,
}

/// The running lookups of one tenant.
#[derive(Clone, Copy, Default)]
struct Places {
    all: usize,
    unproven: usize,
}

impl State {
    /// Adds a request for a name. `None` if the tenant has too many that wait.
    pub(super) fn ask(&mut self, host: &str, tenant: Tenant, class: Class) -> Option<watch::Receiver<Progress>> {
        let known = self.names.get_key_value(host);
        if let Some((host, name)) = known
            && (self.running.contains_key(host) || name.lines.contains(&tenant))
        {
            return Some(name.progress.subscribe());
        }
        let waiting =
            self.lines.iter().filter_map(|lines| lines.waiting.get(&tenant)).map(VecDeque::len).sum::<usize>();
        if waiting >= WAITING_PER_TENANT {
            return None;
        }
        let host = known.map_or_else(|| host.into(), |(host, _)| Arc::clone(host));
        self.lines[class as usize].push(tenant, Arc::clone(&host));
        let name = self
            .names
            .entry(host)
            .or_insert_with(|| Name { progress: watch::Sender::new(Progress::Waiting), lines: Vec::new() });
        name.lines.push(tenant);
        Some(name.progress.subscribe())
    }

    /// Begins the next lookup that somebody still awaits.
    pub(super) fn take(&mut self, now: Instant) -> Option<Arc<str>> {
        for class in Class::ALL {
            while let Some((tenant, host)) = self.next(class) {
                let Some(name) = self.names.get_mut(&host) else { continue };
                if self.running.contains_key(&host) {
                    continue;
                }
                if name.progress.receiver_count() == 0 {
                    self.names.remove(&host);
                    continue;
                }
                name.progress.send_replace(Progress::Running(now));
                self.counts[class as usize] += 1;
                let places = self.tenants.entry(tenant).or_default();
                places.all += 1;
                places.unproven += usize::from(class != Class::Proven);
                let running = Running { since: now, tenant, class, is_overdue: false, hangs: false };
                self.running.insert(Arc::clone(&host), running);
                return Some(host);
            }
        }
        None
    }

    /// The next name of this class whose tenant may have one looked up.
    fn next(&mut self, class: Class) -> Option<(Tenant, Arc<str>)> {
        if !self.has_room(class) {
            return None;
        }
        let is_crowded = self.counts.iter().sum::<usize>() >= CROWD;
        let tenants = &self.tenants;
        self.lines[class as usize].next(|tenant| {
            let places = tenants.get(&tenant).copied().unwrap_or_default();
            let is_full = places.all >= PER_TENANT || class != Class::Proven && places.unproven >= UNPROVEN_PER_TENANT;
            !is_full && (places.all == 0 || !is_crowded)
        })
    }

    fn has_room(&self, class: Class) -> bool {
        let [proven, new, doubtful] = self.counts;
        let is_free = proven + new + doubtful < THREADS;
        match class {
            Class::Proven => is_free,
            Class::New => is_free && new + doubtful < UNPROVEN,
            Class::Doubtful => is_free && new + doubtful < UNPROVEN && doubtful < DOUBTFUL,
        }
    }

    /// Whether the name's lookup has run for longer than `deadline`.
    pub(super) fn is_overdue(&self, host: &str, now: Instant, deadline: Duration) -> bool {
        self.running.get(host).is_some_and(|running| now.duration_since(running.since) >= deadline)
    }

    /// Lets lookups that have run for `patience` leave their places. Returns the tenants of those that have run for
    /// `deadline`, if this hasn't been noticed before.
    pub(super) fn leave_places(&mut self, now: Instant, patience: Duration, deadline: Duration) -> Vec<Tenant> {
        let mut tenants = Vec::new();
        for running in self.running.values_mut() {
            let took = now.duration_since(running.since);
            if took >= deadline && !running.is_overdue {
                running.is_overdue = true;
                tenants.push(running.tenant);
            }
            // Doubtful names have a small part, and that is all of it.
            if took >= patience && !running.hangs && self.hanging < HANGING && running.class != Class::Doubtful {
                running.hangs = true;
                self.hanging += 1;
                self.counts[running.class as usize] -= 1;
            }
        }
        tenants
    }

    /// Ends a lookup.
    pub(super) fn end(&mut self, host: &str) -> Option<Ended> {
        let running = self.running.remove(host)?;
        if running.hangs {
            self.hanging -= 1;
        } else {
            self.counts[running.class as usize] -= 1;
        }
        if let Some(places) = self.tenants.get_mut(&running.tenant) {
            places.all -= 1;
            places.unproven -= usize::from(running.class != Class::Proven);
            if places.all == 0 {
                self.tenants.remove(&running.tenant);
            }
        }
        let progress = self.names.remove(host)?.progress;
        Some(Ended { progress, tenant: running.tenant, since: running.since, was_overdue: running.is_overdue })
    }

    /// Counts a thread less. Without any thread nobody would answer, so all names are given up.
    pub(super) fn lose_thread(&mut self) {
        self.threads -= 1;
        if self.threads == 0 {
            *self = Self { idle: self.idle, ..Self::default() };
        }
    }

    /// How many lookups run or wait.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Whether nothing is kept about any tenant.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        let lines = self.lines.iter().all(|lines| lines.waiting.is_empty() && lines.turns.is_empty());
        lines && self.names.is_empty() && self.tenants.is_empty() && self.counts == [0; 3] && self.hanging == 0
    }
}

/// A lookup that has ended.
pub(super) struct Ended {
    /// Tells those who await the answer.
    pub(super) progress: watch::Sender<Progress>,
    pub(super) tenant: Tenant,
    pub(super) since: Instant,
    /// Whether it was noticed that the lookup took too long.
    pub(super) was_overdue: bool,
}

impl Lines {
    fn push(&mut self, tenant: Tenant, host: Arc<str>) {
        let line = self.waiting.entry(tenant).or_default();
        if line.is_empty() {
            self.turns.push_back(tenant);
        }
        line.push_back(host);
    }

    /// The next name of the first tenant that may have one looked up. Then it is the turn of the others.
    fn next(&mut self, may: impl Fn(Tenant) -> bool) -> Option<(Tenant, Arc<str>)> {
        let turn = self.turns.iter().position(|tenant| may(*tenant))?;
        let tenant = self.turns.remove(turn)?;
        let line = self.waiting.get_mut(&tenant)?;
        let host = line.pop_front()?;
        if line.is_empty() {
            self.waiting.remove(&tenant);
        } else {
            self.turns.push_back(tenant);
        }
        Some((tenant, host))
    }
}
