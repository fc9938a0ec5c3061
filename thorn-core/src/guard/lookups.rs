//! Lookups of host names on threads of their own, shared fairly.
//!
//! The system's resolver (`getaddrinfo`) blocks its thread, for ten seconds and more if a name server is silent, and
//! nobody can cancel it. On tokio's blocking threads, names that hang would take the threads from the application. Here
//! they take only a part of the threads, and of that the share of the owner who gave them.

mod memory;
mod state;

use std::{
    fmt,
    net::IpAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout};

use self::{
    memory::{End, Memory},
    state::{Progress, State, WAITING_PER_TENANT},
};
use crate::tenant::Tenant;

/// How long a lookup may take, from its start. The deadline of a delivery may be shorter.
const DEADLINE: Duration = Duration::from_secs(5);

/// A lookup leaves its place to another one after this part of its deadline. So silent names of a hundred new owners at
/// once delay the new names of others by a second.
const LEAVES: u32 = 5;

/// How long a name waits for the start of its lookup.
const PATIENCE: Duration = Duration::from_secs(20);

/// A name whose lookup fails after that time counts as silent, because it holds a thread for so long.
const SLOW: Duration = Duration::from_secs(1);

/// How often a name that waits looks for lookups that hang.
const LOOK: Duration = Duration::from_millis(500);

/// How long a thread without work stays.
const IDLE: Duration = Duration::from_secs(10);

/// Enough for `getaddrinfo` with its plug-ins.
const STACK_BYTES: usize = 512 * 1024;

const TOO_LONG: &str = "the name servers took too long to answer";

const NO_THREAD: &str = "no thread could be started to look it up";

/// The addresses of a host, or the reason why there are none.
pub(super) type Answer = Result<Vec<IpAddr>, String>;

type LookUp = dyn Fn(&str) -> Answer + Send + Sync;

/// Lookups that share threads. Clones share them, too.
#[derive(Clone)]
pub(super) struct Lookups(Arc<Shared>);

struct Shared {
    look_up: Box<LookUp>,
    /// [`DEADLINE`], which tests shorten.
    deadline: Duration,
    state: Mutex<State>,
    /// Wakes an idle thread.
    work: Condvar,
    memory: Memory,
}

impl Lookups {
    /// Lookups by this function, which may block.
    pub(super) fn by(look_up: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self::within(DEADLINE, look_up)
    }

    fn within(deadline: Duration, look_up: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            look_up: Box::new(look_up),
            deadline,
            state: Mutex::default(),
            work: Condvar::new(),
            memory: Memory::default(),
        }))
    }

    /// Looks up a host for this tenant.
    pub(super) async fn look_up(&self, host: &str, tenant: Tenant) -> Answer {
        let mut progress = self.ask(host, tenant)?;
        let since = match timeout(PATIENCE, self.start(&mut progress)).await {
            Ok(Progress::Running(since)) => since,
            Ok(Progress::Ended(answer)) => return answer,
            Ok(Progress::Waiting) | Err(_) => return Err("too many other names wait for the name servers".to_owned()),
        };
        let end = async {
            let ended = progress.wait_for(|now| matches!(now, Progress::Ended(_))).await;
            ended.map(|ended| ended.clone())
        };
        match timeout(self.0.deadline.saturating_sub(since.elapsed()), end).await {
            Ok(Ok(Progress::Ended(answer))) => answer,
            Ok(Ok(_) | Err(_)) => Err(NO_THREAD.to_owned()),
            Err(_) => Err(TOO_LONG.to_owned()),
        }
    }

    /// Waits until the lookup has begun. Lookups that hang don't tell, so this looks for them now and then.
    async fn start(&self, progress: &mut watch::Receiver<Progress>) -> Progress {
        loop {
            let begun = async {
                let begun = progress.wait_for(|now| !matches!(now, Progress::Waiting)).await;
                begun.map(|begun| begun.clone())
            };
            match timeout(LOOK.min(self.0.deadline), begun).await {
                Ok(begun) => return begun.unwrap_or_else(|_| Progress::Ended(Err(NO_THREAD.to_owned()))),
                Err(_) => self.wake(self.0.state()),
            }
        }
    }

    fn ask(&self, host: &str, tenant: Tenant) -> Result<watch::Receiver<Progress>, String> {
        let now = Instant::now();
        if let Some(reason) = self.0.memory.refusal(host, now) {
            return Err(reason);
        }
        let mut state = self.0.state();
        if state.is_overdue(host, now, self.0.deadline) {
            return Err(TOO_LONG.to_owned());
        }
        let asked = state.ask(host, tenant, self.0.memory.class(host, tenant, now));
        let progress =
            asked.ok_or_else(|| format!("{WAITING_PER_TENANT} other names of this owner wait for the name servers"))?;
        self.wake(state);
        Ok(progress)
    }

    /// Sees to it that threads take the names that may be looked up.
    fn wake(&self, mut state: MutexGuard<'_, State>) {
        while state.idle == 0 {
            let Some(host) = self.take(&mut state) else { return };
            state.threads += 1;
            let (lookups, taken) = (self.clone(), Arc::clone(&host));
            let thread = thread::Builder::new().name("thorn-names".to_owned()).stack_size(STACK_BYTES);
            if let Err(error) = thread.spawn(move || lookups.run(taken)) {
                tracing::error!(%error, "can't start a thread for lookups");
                // Those who wait notice that nobody will tell them the answer.
                drop(state.end(&host));
                state.lose_thread();
                return;
            }
        }
        // The thread wakes the next one.
        self.0.work.notify_one();
    }

    /// The work of one thread.
    fn run(&self, mut host: Arc<str>) {
        loop {
            let answer = (self.0.look_up)(&host);
            self.end(&host, answer);
            match self.next() {
                Some(next) => host = next,
                None => return,
            }
        }
    }

    /// Remembers the answer, and then tells it.
    fn end(&self, host: &str, answer: Answer) {
        let (memory, now) = (&self.0.memory, Instant::now());
        let mut state = self.0.state();
        let Some(ended) = state.end(host) else { return };
        let took = now.duration_since(ended.since);
        let is_silent = took >= self.0.deadline || answer.is_err() && took >= SLOW;
        if is_silent && !ended.was_overdue {
            memory.doubt(ended.tenant, now);
        }
        let end = if is_silent { End::Silent } else { End::Failed };
        match &answer {
            Ok(_) if is_silent => memory.failed(host, end, TOO_LONG.to_owned(), now),
            Ok(_) => memory.resolved(host),
            Err(reason) => memory.failed(host, end, reason.clone(), now),
        }
        ended.progress.send_replace(Progress::Ended(answer));
    }

    /// Waits for a name. Returns `None` if there was none for a while.
    fn next(&self) -> Option<Arc<str>> {
        let (mut state, mut is_over) = (self.0.state(), false);
        loop {
            if let Some(taken) = self.take(&mut state) {
                self.wake(state);
                return Some(taken);
            }
            if is_over {
                state.threads -= 1;
                return None;
            }
            state.idle += 1;
            let (woken, waited) = self.0.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            (state, is_over) = (woken, waited.timed_out());
            state.idle -= 1;
        }
    }

    fn take(&self, state: &mut State) -> Option<Arc<str>> {
        let now = Instant::now();
        for tenant in state.leave_places(now, self.0.deadline / LEAVES, self.0.deadline) {
            self.0.memory.doubt(tenant, now);
        }
        state.take(now)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Lookups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state();
        write!(f, "lookups of {} names on {} threads", state.len(), state.threads)
    }
}

#[cfg(test)]
mod tests;
