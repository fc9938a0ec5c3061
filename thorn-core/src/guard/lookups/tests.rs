//! Names that hang, as a silent name server makes them, beside names that don't.

use std::sync::{
    Weak,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;
use tokio::sync::watch;

use super::{
    state::{CROWD, DOUBTFUL, PER_TENANT, UNPROVEN, UNPROVEN_PER_TENANT},
    *,
};

const ADDRESS: [u8; 4] = [192, 0, 2, 1];

/// A DNS in which each name that begins with `silent` hangs until the DNS is dropped, and so does each that begins with
/// `later` once the name servers fall silent. Names that begin with `slow` take a while.
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
    is_silent: watch::Sender<bool>,
}

/// How long names that begin with `slow` take.
const SLOWLY: Duration = Duration::from_millis(40);

impl Dns {
    /// Lookups keep their places for longer than a test takes.
    fn new() -> Self {
        Self::within(DEADLINE * 100)
    }

    fn within(deadline: Duration) -> Self {
        let (seen, alive) = (Arc::<Seen>::default(), Arc::new(()));
        let lookups = Lookups::within(deadline, {
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

    /// Asks for many names of one owner.
    fn ask(&self, owner: &str, kind: &str, names: usize) -> Vec<watch::Receiver<Progress>> {
        let ask = |n| self.lookups.ask(&format!("{kind}-{n}.{owner}.test"), Tenant::of(Some(owner))).unwrap();
        (0..names).map(ask).collect()
    }

    /// Waits until exactly so many lookups hang.
    async fn hanging(&self, lookups: usize) {
        let mut hanging = self.seen.hanging.subscribe();
        let enough = timeout(Duration::from_secs(30), hanging.wait_for(|now| *now >= lookups)).await.map(drop);
        enough.unwrap_or_else(|_| panic!("{} of {lookups} lookups hang", *self.seen.hanging.borrow()));
        assert_eq!(*self.seen.hanging.borrow(), lookups);
    }

    async fn resolves(&self, host: &str, owner: &str) {
        assert_eq!(self.look_up(host, owner).await, Ok(vec![IpAddr::from(ADDRESS)]), "{host}");
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
        if host.starts_with("slow") {
            thread::sleep(SLOWLY);
        }
        if host.starts_with("silent") || host.starts_with("later") && *self.is_silent.borrow() {
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
    let hers = dns.ask("alice", "silent", 900);
    // A second owner of this kind has a share of its own.
    let others = dns.ask("carol", "silent", 900);
    dns.hanging(2 * UNPROVEN_PER_TENANT).await;
    for n in 0..100 {
        dns.resolves(&format!("good-{n}.test"), "bob").await;
    }
    assert_eq!(dns.asked(), 2 * UNPROVEN_PER_TENANT + 100, "no further name of alice's or carol's was asked for");
    assert!(hers.iter().chain(&others).all(|one| !matches!(*one.borrow(), Progress::Ended(_))));
}

#[tokio::test]
async fn forty_owners_whose_names_hang_delay_nobody_else() {
    let dns = Dns::new();
    let asked: Vec<_> = (0..40).map(|n| dns.ask(&format!("alice-{n}"), "silent", 30)).collect();
    // Beyond the crowd, each gets one lookup.
    dns.hanging(CROWD + 40 - CROWD / UNPROVEN_PER_TENANT).await;
    for n in 0..20 {
        dns.resolves(&format!("good-{n}.test"), &format!("bob-{n}")).await;
    }
    drop(asked);
}

#[tokio::test]
async fn names_that_have_resolved_resolve_however_many_owners_have_silent_names() {
    let dns = Dns::new();
    dns.resolves("good.test", "bob").await;
    let asked: Vec<_> = (0..300).map(|n| dns.ask(&format!("alice-{n}"), "silent", 30)).collect();
    dns.hanging(UNPROVEN).await;
    for _ in 0..20 {
        dns.resolves("good.test", "bob").await;
    }
    drop(asked);
}

#[tokio::test]
async fn lookups_that_take_too_long_leave_their_places_to_others() {
    let dns = Dns::within(Duration::from_millis(500));
    let asked: Vec<_> = (0..UNPROVEN + 20).map(|n| dns.ask(&format!("alice-{n}"), "silent", 1)).collect();
    // Bob's name waits behind those of twenty others.
    dns.resolves("good.test", "bob").await;
    dns.hanging(UNPROVEN + 20).await;
    drop(asked);
}

#[tokio::test]
async fn lookups_that_are_slow_leave_their_places_long_before_they_have_taken_too_long() {
    let dns = Dns::within(DEADLINE * 2);
    let began = Instant::now();
    let asked: Vec<_> = (0..UNPROVEN).map(|n| dns.ask(&format!("alice-{n}"), "silent", 1)).collect();
    dns.hanging(UNPROVEN).await;
    for n in 0..20 {
        dns.resolves(&format!("good-{n}.test"), &format!("bob-{n}")).await;
    }
    assert!(began.elapsed() < DEADLINE * 2, "the silent names can still get an answer");
    assert!(asked.iter().flatten().all(|one| matches!(*one.borrow(), Progress::Running(_))));
}

#[tokio::test]
async fn names_that_fall_silent_later_are_their_owner_s_trouble_alone() {
    let dns = Dns::new();
    let names: Vec<_> = (0..60).map(|n| format!("later-{n}.alice.test")).collect();
    for name in &names {
        dns.resolves(name, "alice").await;
    }
    dns.seen.is_silent.send_replace(true);
    let asked = dns.ask("alice", "later", 60);
    dns.hanging(PER_TENANT).await;
    dns.resolves("good.test", "bob").await;
    drop(asked);
}

#[tokio::test]
async fn a_silent_name_of_many_owners_takes_one_thread() {
    let dns = Dns::within(Duration::from_secs(1));
    let asked = (0..100).map(|n| {
        let lookups = dns.lookups.clone();
        async move { lookups.look_up("silent.test", Tenant::of(Some(&n.to_string()))).await }
    });
    let answers = join_all(asked).await;
    assert!(answers.iter().all(|answer| answer == &Err(TOO_LONG.to_owned())), "{answers:?}");
    assert_eq!((dns.asked(), dns.lookups.0.state().threads), (1, 1));
    // The system's resolver hasn't returned yet. Nobody waits for it again.
    let again = dns.lookups.ask("silent.test", Tenant::of(Some("bob")));
    assert_eq!(again.err().as_deref(), Some(TOO_LONG));
    assert_eq!(dns.asked(), 1);
}

#[tokio::test]
async fn a_name_that_waits_in_one_owner_s_line_is_looked_up_when_it_is_another_s_turn() {
    let dns = Dns::new();
    let hers = dns.ask("alice", "silent", 30);
    dns.hanging(UNPROVEN_PER_TENANT).await;
    let waiting = dns.lookups.ask("good.test", Tenant::of(Some("alice"))).unwrap();
    assert!(matches!(*waiting.borrow(), Progress::Waiting));
    dns.resolves("good.test", "bob").await;
    assert!(matches!(*waiting.borrow(), Progress::Ended(Ok(_))), "alice's request has the answer, too");
    drop(hers);
}

#[tokio::test]
async fn silent_names_and_the_new_names_of_their_owners_use_a_small_part_of_the_threads() {
    let dns = Dns::new();
    let now = Instant::now();
    for n in 0..40 {
        for _ in 0..2 {
            dns.lookups.0.memory.doubt(Tenant::of(Some(&format!("alice-{n}"))), now);
        }
    }
    let asked: Vec<_> = (0..40).map(|n| dns.ask(&format!("alice-{n}"), "silent", 30)).collect();
    dns.hanging(DOUBTFUL).await;
    dns.resolves("good.test", "bob").await;
    assert_eq!(*dns.seen.hanging.borrow(), DOUBTFUL);
    drop(asked);
}

#[tokio::test]
async fn all_names_of_an_owner_get_their_answer() {
    let dns = Dns::new();
    let answers = join_all((0..500).map(|n| {
        let (lookups, host) = (dns.lookups.clone(), format!("good-{n}.test"));
        async move { lookups.look_up(&host, Tenant::of(Some("alice"))).await }
    }));
    assert!(answers.await.iter().all(Result::is_ok));
    assert!(dns.lookups.0.state().is_empty(), "nothing is kept about an owner who asks nothing");
}

#[tokio::test]
async fn names_that_wait_longer_than_a_lookup_may_take_get_their_answer() {
    let deadline = SLOWLY * 20;
    let dns = Dns::within(deadline);
    let began = Instant::now();
    let answers = join_all((0..128).map(|n| {
        let (lookups, host) = (dns.lookups.clone(), format!("slow-{n}.test"));
        async move { lookups.look_up(&host, Tenant::of(Some("alice"))).await }
    }));
    let failed: Vec<_> = answers.await.into_iter().filter_map(Result::err).collect();
    assert_eq!(failed, Vec::<String>::new());
    assert!(began.elapsed() > deadline, "none had to wait");
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_all_who_ask_at_the_same_time() {
    let dns = Dns::new();
    let first = dns.ask("alice", "silent", 1);
    dns.hanging(1).await;
    let again = dns.ask("alice", "silent", 1);
    dns.resolves("good.test", "alice").await;
    assert_eq!(dns.asked(), 2);
    drop(dns);
    for mut one in first.into_iter().chain(again) {
        let ended = one.wait_for(|now| matches!(now, Progress::Ended(_))).await.unwrap();
        assert!(matches!(&*ended, Progress::Ended(Ok(_))), "{ended:?}");
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
async fn a_late_answer_is_remembered_as_silence() {
    let dns = Dns::within(Duration::from_millis(20));
    let mut first = dns.ask("alice", "slow", 1).remove(0);
    first.wait_for(|now| matches!(now, Progress::Ended(Ok(_)))).await.unwrap();
    assert_eq!(dns.look_up("slow-0.alice.test", "alice").await, Err(TOO_LONG.to_owned()));
    assert_eq!(dns.asked(), 1);
}

#[tokio::test]
async fn too_many_waiting_names_are_refused() {
    let dns = Dns::new();
    let asked = dns.ask("alice", "silent", UNPROVEN_PER_TENANT + WAITING_PER_TENANT);
    let error = dns.look_up("silent-last.test", "alice").await.unwrap_err();
    assert!(error.contains("1000 other names"), "{error}");
    dns.resolves("good.test", "bob").await;
    drop(asked);
}

#[tokio::test]
async fn nothing_is_looked_up_that_nobody_awaits_any_more() {
    let dns = Dns::new();
    let running = dns.ask("alice", "silent", UNPROVEN_PER_TENANT);
    dns.hanging(UNPROVEN_PER_TENANT).await;
    drop(dns.ask("alice", "good", 100));
    let Dns { lookups, seen, .. } = &dns;
    let (lookups, seen) = (lookups.clone(), Arc::clone(seen));
    drop(dns);
    for mut one in running {
        one.wait_for(|now| matches!(now, Progress::Ended(_))).await.unwrap();
    }
    lookups.look_up("last.test", Tenant::of(Some("alice"))).await.unwrap();
    assert_eq!(seen.asked.load(Ordering::SeqCst), UNPROVEN_PER_TENANT + 1);
}
