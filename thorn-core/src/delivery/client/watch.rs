//! Ends exchanges whose receiver sends without end and has nothing to say.
//!
//! A response may begin with any number of informational ones (RFC 9110, section 15.2), and the size of a chunk may have
//! any number of zeros. hyper reads them all in one go. So a receiver that streams them keeps a thread of the runtime busy,
//! a few such receivers keep all of them busy, and every other delivery of the process waits. reqwest has no limit to set,
//! and nothing can be put between its client and the connection.
//!
//! But the kernel tells how many bytes wait on each connection. Many bytes wait where the runtime can't keep up with a
//! receiver. A thread of its own looks at them, because the threads of the runtime may all be busy. It ends an exchange if
//! many bytes wait on a connection to its origin, while nothing of its response has arrived for a while. It ends the other
//! exchanges of the same owner, too, of which nothing has arrived: they may be about to do the same. What other slow receivers
//! send is read at once, so they aren't concerned.
//!
//! A receiver that isn't [trusted](crate::endpoint::Endpoint::is_trusted) is read by a thread [apart](super::apart), so that it
//! keeps no other one busy until it is looked at.
//!
//! Only Linux tells the bytes (`/proc/self/net/tcp`). Elsewhere no exchange is ended.

mod unread;

use std::{
    collections::{HashMap, HashSet},
    net::SocketAddr,
    sync::{Arc, Condvar, LazyLock, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use self::unread::unread;
use super::{
    exchange::{Ended, Exchange},
    origin::Origin,
};
use crate::tenant::Tenant;

/// As many unread bytes as this are many. A kernel keeps 64 kB for a connection that nobody has read from yet.
pub(super) const MANY: u64 = 32 * 1_024;

/// How long nothing of a response has arrived before its connection is looked at, and how often the thread looks.
const LOOK_AFTER: Duration = Duration::from_millis(250);

/// The thread rests this many times as long as it has looked.
const REST: u32 = 50;

/// So many connections are known before those that are closed are looked for.
const CONNECTIONS: usize = 4_096;

/// The exchanges of a process that are under way, and the connections that it has opened for them.
#[derive(Debug)]
pub(super) struct Watch {
    known: Mutex<Known>,
    /// An exchange has begun while the thread waited for one.
    begun: Condvar,
}

#[derive(Debug)]
struct Known {
    /// By their addresses in memory.
    exchanges: HashMap<usize, Arc<Exchange>>,
    /// The origin that each connection leads to, by the connection's own address.
    connections: HashMap<SocketAddr, Origin>,
    /// Closed connections are looked for when so many are known.
    most_connections: usize,
    /// Whether the thread waits for an exchange.
    is_waiting: bool,
}

impl Watch {
    /// The watch over all clients of the process.
    pub(super) fn of_process() -> &'static Self {
        static OF_PROCESS: LazyLock<Watch> = LazyLock::new(|| {
            let started = thread::Builder::new().name("thorn-watch".to_owned()).spawn(|| Watch::of_process().run());
            if let Err(error) = started {
                tracing::error!(%error, "can't start the thread that ends exchanges with receivers that send without end");
            }
            Watch::new()
        });
        &OF_PROCESS
    }

    fn new() -> Self {
        let known = Known {
            exchanges: HashMap::new(),
            connections: HashMap::new(),
            most_connections: CONNECTIONS,
            is_waiting: false,
        };
        Self { known: Mutex::new(known), begun: Condvar::new() }
    }

    /// Watches an exchange from now on.
    pub(super) fn begin(&self, exchange: &Arc<Exchange>) {
        let mut known = self.known();
        known.exchanges.insert(key(exchange), Arc::clone(exchange));
        if known.is_waiting {
            known.is_waiting = false;
            drop(known);
            self.begun.notify_one();
        }
    }

    /// No longer watches an exchange.
    pub(super) fn finish(&self, exchange: &Arc<Exchange>) {
        self.known().exchanges.remove(&key(exchange));
    }

    /// Notes that a connection leads to this origin.
    pub(super) fn opened(&self, local: SocketAddr, origin: Origin) {
        self.known().connections.insert(local, origin);
    }

    fn run(&self) {
        loop {
            let known = self.known();
            let waited = self.begun.wait_while(known, |known| {
                known.is_waiting = known.exchanges.is_empty();
                known.is_waiting
            });
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            // Exchanges that end within this time cost the thread nothing.
            thread::sleep(LOOK_AFTER);
            let began = Instant::now();
            if let Err(error) = self.look() {
                tracing::warn!(
                    %error,
                    "can't tell how many bytes wait on each connection; receivers that send without end aren't stopped"
                );
                return;
            }
            thread::sleep((began.elapsed() * REST).saturating_sub(LOOK_AFTER));
        }
    }

    /// Ends the exchanges whose receivers have sent too much.
    fn look(&self) -> std::io::Result<()> {
        let standing = {
            let known = self.known();
            let all = known.exchanges.values();
            let standing: Vec<_> = all.filter(|exchange| exchange.stands_still() >= LOOK_AFTER).cloned().collect();
            if known.connections.len() < known.most_connections && standing.is_empty() {
                return Ok(());
            }
            standing
        };
        let unread = unread()?;
        let flooding: HashSet<_> = {
            let mut known = self.known();
            known.connections.retain(|local, _| unread.contains_key(local));
            known.most_connections = CONNECTIONS.max(known.connections.len() * 2);
            let connections = known.connections.iter();
            connections.filter(|(local, _)| unread[local] >= MANY).map(|(_, origin)| *origin).collect()
        };
        let flooded = |exchange: &Exchange| flooding.contains(&exchange.origin);
        let owners: HashSet<_> = standing.iter().filter(|exchange| flooded(exchange)).map(|one| one.tenant).collect();
        for exchange in standing {
            if flooded(&exchange) {
                exchange.end(Ended::Flooded);
            } else if exchange.tenant != Tenant::default() && owners.contains(&exchange.tenant) {
                exchange.end(Ended::BesideFlood);
            }
        }
        Ok(())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(exchange: &Arc<Exchange>) -> usize {
    Arc::as_ptr(exchange).addr()
}
