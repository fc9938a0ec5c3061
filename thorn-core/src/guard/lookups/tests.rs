//! Names that hang, as a silent name server makes them, beside names that don't.

use std::sync::{
    Weak,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use tokio::sync::watch;

use super::*;

const ADDRESS: [u8; 4] = [192, 0, 2, 1];

/// A DNS in which each name that begins with `silent` hangs until the DNS is dropped.
struct Dns {
    lookups: Lookups,
    seen: Arc<Seen>,
    /// Lookups that hang wait for this to be dropped.
    alive: Option<Arc<()>>,
}

#[derive(Default)]
struct Seen {
    asked: AtomicUsize,
    hanging: watch::Sender<usize>,
}

impl Dns {
    fn new() -> Self {
        let (seen, alive) = (Arc::<Seen>::default(), Arc::new(()));
        let lookups = Lookups::by({
            let (seen, alive) = (Arc::clone(&seen), Arc::downgrade(&alive));
            move |host| seen.answer(host, &alive)
        });
        Self { lookups, seen, alive: Some(alive) }
    }

    async fn look_up(&self, host: &str, owner: &str) -> Answer {
        self.lookups.look_up(host, Tenant::of(Some(owner))).await
    }

    fn asked(&self) -> usize {
        self.seen.asked.load(Ordering::SeqCst)
    }

    /// Asks for many silent names of one owner, and waits until as many lookups hang as may.
    async fn hang(&self, owner: &str, names: usize) -> Vec<tokio::task::JoinHandle<Answer>> {
        let mut hanging = self.seen.hanging.subscribe();
        let before = *hanging.borrow();
        let tenant = Tenant::of(Some(owner));
        let ask = |n: usize| {
            let (lookups, host) = (self.lookups.clone(), format!("silent-{n}.{owner}.test"));
            tokio::spawn(async move { lookups.look_up(&host, tenant).await })
        };
        let asked = (0..names).map(ask).collect();
        hanging.wait_for(|now| now - before >= names.min(PER_TENANT)).await.unwrap();
        asked
    }
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.alive = None;
    }
}

impl Seen {
    fn answer(&self, host: &str, alive: &Weak<()>) -> Answer {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if host.starts_with("missing") {
            return Err("no such host".to_owned());
        }
        if host.starts_with("silent") {
            self.hanging.send_modify(|hanging| *hanging += 1);
            while alive.strong_count() > 0 {
                thread::park_timeout(Duration::from_millis(5));
            }
        }
        Ok(vec![IpAddr::from(ADDRESS)])
    }
}

#[tokio::test]
async fn an_owner_whose_names_hang_delays_nobody_else() {
    let dns = Dns::new();
    let asked = dns.hang("alice", 900).await;
    // A second owner of this kind has a share of its own.
    let others = dns.hang("carol", 900).await;
    assert_eq!(*dns.seen.hanging.borrow(), 2 * PER_TENANT);
    for n in 0..100 {
        assert_eq!(dns.look_up(&format!("good-{n}.test"), "bob").await, Ok(vec![IpAddr::from(ADDRESS)]));
    }
    assert_eq!(dns.asked(), 2 * PER_TENANT + 100, "no further name of alice's or carol's was asked for");
    assert!(asked.iter().chain(&others).all(|one| !one.is_finished()));
    asked.into_iter().chain(others).for_each(|one| one.abort());
}

#[tokio::test]
async fn all_names_of_an_owner_get_their_answer() {
    let dns = Dns::new();
    let answers = join_all((0..500).map(|n| {
        let (lookups, host) = (dns.lookups.clone(), format!("good-{n}.test"));
        async move { lookups.look_up(&host, Tenant::of(Some("alice"))).await }
    }));
    assert!(answers.await.iter().all(Result::is_ok));
    assert!(dns.lookups.0.state().tenants.is_empty(), "nothing is kept about an owner who asks nothing");
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_awaited_for_a_limited_time() {
    let dns = Dns::new();
    let error = dns.look_up("silent.test", "alice").await.unwrap_err();
    assert!(error.contains("too long"), "{error}");
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_all_who_ask_at_the_same_time() {
    let dns = Dns::new();
    let asked = dns.hang("alice", 1).await;
    let lookups = dns.lookups.clone();
    let again = async move { lookups.look_up("silent-0.alice.test", Tenant::of(Some("alice"))).await };
    let again = tokio::spawn(again);
    dns.look_up("good.test", "alice").await.unwrap();
    assert_eq!(dns.asked(), 2);
    drop(dns);
    for one in asked.into_iter().chain([again]) {
        assert!(one.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_failure_is_remembered_and_an_address_is_not() {
    let dns = Dns::new();
    for _ in 0..3 {
        assert_eq!(dns.look_up("missing.test", "alice").await, Err("no such host".to_owned()));
    }
    assert_eq!(dns.asked(), 1);
    for _ in 0..3 {
        dns.look_up("good.test", "alice").await.unwrap();
    }
    assert_eq!(dns.asked(), 4);
}

#[tokio::test]
async fn too_many_waiting_names_are_refused() {
    let dns = Dns::new();
    let asked = dns.hang("alice", PER_TENANT).await;
    let waiting: Vec<_> = (0..WAITING_PER_TENANT)
        .map(|n| {
            let (sender, answer) = oneshot::channel();
            dns.lookups.ask(&format!("silent-more-{n}.test"), Tenant::of(Some("alice")), sender).unwrap();
            answer
        })
        .collect();
    let error = dns.look_up("silent-last.test", "alice").await.unwrap_err();
    assert!(error.contains("1000 other names"), "{error}");
    assert!(dns.look_up("good.test", "bob").await.is_ok());
    drop(waiting);
    asked.into_iter().for_each(|one| one.abort());
}
