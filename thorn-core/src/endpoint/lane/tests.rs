use super::*;
use crate::{
    endpoint::{Endpoints, Entry, Permit, Rooms},
    tenant::Tenant,
};

const START: usize = 16;

fn attempt(outcome: Outcome, duration: Duration) -> Attempt {
    Attempt {
        outcome,
        attempted_at: Timestamp::now(),
        duration,
        status: None,
        response: None,
        error: None,
        retry_after: None,
    }
}

async fn open(lanes: &Endpoints, url: &str) -> Permit {
    match lanes.get(Tenant::default(), url).enter(None).await {
        Entry::Open(permit) => permit,
        Entry::Full(_) => panic!("full"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_hanging_endpoint_is_left_after_a_moment_and_others_go_on() {
    let lanes = Endpoints::default();
    let mut held = Vec::new();
    for _ in 0..START {
        held.push(open(&lanes, "http://hangs").await);
    }
    assert!(matches!(lanes.get(Tenant::default(), "http://hangs").enter(None).await, Entry::Full(_)));
    assert!(lanes.get(Tenant::default(), "http://hangs").is_slow());
    let others = open(&lanes, "http://fine").await;
    assert!(!lanes.get(Tenant::default(), "http://fine").is_slow());
    drop(others);
}

#[tokio::test(start_paused = true)]
async fn a_quick_endpoint_is_waited_for_and_grows() {
    let lanes = Endpoints::default();
    let mut held = Vec::new();
    for _ in 0..START {
        held.push(open(&lanes, "http://quick").await);
    }
    let waiting = tokio::spawn({
        let lanes = lanes.clone();
        async move { matches!(lanes.get(Tenant::default(), "http://quick").enter(None).await, Entry::Open(_)) }
    });
    tokio::task::yield_now().await;
    held.pop().unwrap().done(&attempt(Outcome::Delivered, Duration::from_millis(3)));
    assert!(waiting.await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn room_is_what_can_be_tried_at_once_and_a_line_once_the_endpoint_is_known_to_be_quick() {
    let (lanes, url) = (Endpoints::default(), "http://some");
    assert_eq!(Rooms::default().of(&lanes.get(Tenant::default(), url), None), START);
    lanes.get(Tenant::default(), url).expect(START);
    assert_eq!(Rooms::default().of(&lanes.get(Tenant::default(), url), None), 0);
    let mut held = Vec::new();
    for _ in 0..START {
        held.push(open(&lanes, url).await);
    }
    assert_eq!(Rooms::default().of(&lanes.get(Tenant::default(), url), None), 0, "all that was expected has come");
    for permit in held.drain(..) {
        permit.done(&attempt(Outcome::Delivered, Duration::from_millis(80)));
    }
    // The limit is 32 by now and the smoothed duration about 70 ms. Half a second's worth is some hundreds.
    let quick = Rooms::default().of(&lanes.get(Tenant::default(), url), None);
    assert!((100..2000).contains(&quick), "{quick}");

    // The lane doesn't expect a delivery that went to another worker forever.
    lanes.get(Tenant::default(), url).expect(quick);
    assert_eq!(Rooms::default().of(&lanes.get(Tenant::default(), url), None), 0);
    tokio::time::advance(AHEAD * 4 + Duration::from_millis(1)).await;
    assert_eq!(Rooms::default().of(&lanes.get(Tenant::default(), url), None), quick);

    held.push(open(&lanes, url).await);
    open(&lanes, url).await.done(&attempt(Outcome::TimedOut, Duration::from_secs(15)));
    let limit = lanes.get(Tenant::default(), url).lane.state().limit;
    assert_eq!(
        Rooms::default().of(&lanes.get(Tenant::default(), url), None),
        limit - held.len(),
        "a slow one has no line"
    );
}

#[tokio::test(start_paused = true)]
async fn a_long_line_is_no_slowness_and_what_it_cannot_hold_is_spread_over_its_pace() {
    let lanes = Endpoints::default();
    let deliver = || async {
        match lanes.get(Tenant::default(), "http://busy").enter(None).await {
            Entry::Open(permit) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                permit.done(&attempt(Outcome::Delivered, Duration::from_millis(100)));
                None
            }
            Entry::Full(until) => Some(until),
        }
    };
    for _ in 0..20 {
        deliver().await;
    }
    let now = Timestamp::now();
    let outcomes = futures::future::join_all((0..2500).map(|_| deliver())).await;
    let put_off: Vec<_> = outcomes.into_iter().flatten().map(|until| until.since(now)).collect();
    // The limit is 36 to 64, and an attempt takes 0.1 s. Two seconds' worth waits in memory, and the rest is put off.
    assert!((1000..2000).contains(&put_off.len()), "{}", put_off.len());
    assert!(put_off.iter().all(|wait| (1..10).contains(&wait.as_secs())), "{put_off:?}");
    assert!(!lanes.get(Tenant::default(), "http://busy").is_slow());
    let lane = lanes.get(Tenant::default(), "http://busy").lane.clone();
    let state = lane.state();
    assert_eq!((state.line, state.in_flight), (0, 0));
}

/// The most requests that a lane lets through, after as many attempts as it lets through now have ended so.
async fn limit_after(lanes: &Endpoints, url: &str, status: u16) -> usize {
    let limit = lanes.get(Tenant::default(), url).lane.state().limit;
    let mut held = Vec::new();
    for _ in 0..limit {
        held.push(open(lanes, url).await);
    }
    let outcome = if status < 300 { Outcome::Delivered } else { Outcome::Rejected };
    for permit in held {
        permit.done(&Attempt { status: Some(status), ..attempt(outcome, Duration::from_millis(5)) });
    }
    let endpoint = lanes.get(Tenant::default(), url);
    endpoint.lane.state().limit
}

#[tokio::test(start_paused = true)]
async fn after_a_hold_a_lane_lets_one_through_and_doubles_with_each_success_and_with_no_failure() {
    let (lanes, url) = (Endpoints::default(), "http://held");
    let endpoint = lanes.get(Tenant::default(), url);
    endpoint.recover();
    assert_eq!(endpoint.lane.state().limit, START, "it wasn't held");
    endpoint.note_hold();
    endpoint.recover();
    assert_eq!(endpoint.lane.state().limit, 1);
    assert_eq!(limit_after(&lanes, url, 500).await, 1);
    assert_eq!(limit_after(&lanes, url, 200).await, 2);
    assert_eq!(limit_after(&lanes, url, 200).await, 8, "two successes");
    assert_eq!(limit_after(&lanes, url, 200).await, START);
    assert_eq!(limit_after(&lanes, url, 200).await, START, "the first second isn't over");
    tokio::time::advance(RECOVERS).await;
    assert_eq!(
        limit_after(&lanes, url, 200).await,
        START * 2 - 1,
        "it has recovered after one, and grows by one with each"
    );
    assert_eq!(limit_after(&lanes, url, 500).await, START * 2 - 1);
}

#[tokio::test(start_paused = true)]
async fn a_hold_of_this_process_doubles_until_a_success() {
    let (lanes, now) = (Endpoints::default(), Timestamp::now());
    let endpoint = lanes.get(Tenant::default(), "http://brought");
    assert_eq!((endpoint.held_here_until(now), endpoint.holds_here()), (None, None));
    let until = now + Duration::from_secs(5);
    endpoint.hold_here(until);
    assert_eq!((endpoint.held_here_until(now), endpoint.held_here_until(until)), (Some(until), None));
    assert_eq!((endpoint.holds_here(), endpoint.lane.state().limit), (Some(1), 1));
    endpoint.hold_here(until);
    assert_eq!(endpoint.holds_here(), Some(2));
    endpoint.release_here();
    assert_eq!((endpoint.held_here_until(now), endpoint.holds_here()), (None, None));
}

#[tokio::test(start_paused = true)]
async fn those_put_off_are_spread_and_a_recovered_endpoint_is_trusted_again() {
    let lanes = Endpoints::default();
    let first = open(&lanes, "http://slow").await;
    first.done(&attempt(Outcome::TimedOut, Duration::from_secs(15)));
    assert!(lanes.get(Tenant::default(), "http://slow").is_slow());
    let lane = lanes.get(Tenant::default(), "http://slow").lane.clone();
    let now = Timestamp::now();
    // Two statements, because a lock guard lives until the end of its statement.
    let one = lane.state().book(now);
    let two = lane.state().book(now);
    assert!(one > now && two > one && two <= now + LONGEST_DETOUR);
    for _ in 0..40 {
        open(&lanes, "http://slow").await.done(&attempt(Outcome::Delivered, Duration::from_millis(5)));
    }
    assert!(!lanes.get(Tenant::default(), "http://slow").is_slow());
}

/// A lane that one request fills. The request is under way.
fn full() -> (Arc<Lane>, Place) {
    let lane = Arc::new(Lane::new(Size { start: 1, most: 1, least: 1 }));
    let place = lane.ask(Places::Common).unwrap().unwrap();
    (lane, place)
}

/// A line of so many further deliveries.
fn line(lane: &Arc<Lane>, waiting: u32) -> Line<'_> {
    for _ in 0..waiting {
        assert!(lane.ask(Places::Common).unwrap().is_none());
    }
    Line::new(lane, Places::Common, waiting)
}

#[tokio::test(start_paused = true)]
async fn lines_take_turns_in_the_order_in_which_they_came_and_each_keeps_its_turn_to_its_end() {
    let (lane, place) = full();
    let entered = Mutex::new(Vec::new());
    let enter = async |name: &'static str, mut line: Line<'_>, deliveries: usize| {
        for _ in 0..deliveries {
            let place = line.next().await.unwrap();
            entered.lock().unwrap().push(name);
            tokio::time::sleep(Duration::from_millis(3)).await;
            drop(place);
        }
    };
    let (first, second) = (enter("first", line(&lane, 3), 3), enter("second", line(&lane, 2), 2));
    let alone = async {
        drop(lane.enter(Places::Common).await.unwrap());
        entered.lock().unwrap().push("alone");
    };
    let waiting = || lane.state().line;
    assert_eq!(waiting(), 5);
    let free = async {
        tokio::task::yield_now().await;
        assert_eq!((waiting(), entered.lock().unwrap().len()), (6, 0));
        drop(place);
    };
    futures::join!(first, second, alone, free);
    assert_eq!(*entered.lock().unwrap(), ["first", "first", "first", "second", "second", "alone"]);
    let state = lane.state();
    assert_eq!((state.line, state.in_flight), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_the_line_holds_nobody_up() {
    let (lane, place) = full();
    let (mut first, mut second) = (line(&lane, 9), line(&lane, 1));
    {
        let (next, other) = (&mut std::pin::pin!(first.next()), &mut std::pin::pin!(second.next()));
        assert!(futures::poll!(&mut *next).is_pending() && futures::poll!(&mut *other).is_pending());
        drop(place);
    }
    drop(first);
    assert_eq!(lane.state().line, 1);
    drop(second.next().await.unwrap());
    assert_eq!(lane.state().line, 0);
}

#[tokio::test(start_paused = true)]
async fn when_all_requests_hang_each_delivery_of_each_line_is_put_off_soon() {
    let (lane, _place) = full();
    let (mut first, mut second) = (line(&lane, 3), line(&lane, 2));
    let began = Instant::now();
    let put_off = async |line: &mut Line<'_>, deliveries: usize| {
        for _ in 0..deliveries {
            assert!(line.next().await.is_err());
        }
    };
    futures::join!(put_off(&mut first, 3), put_off(&mut second, 2));
    assert!(began.elapsed() < QUICK * 2, "{:?}", began.elapsed());
    assert_eq!(lane.state().line, 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_may_take_a_reserved_place_waits_for_nobody_in_the_line() {
    let lane = Arc::new(Lane::new(Size { start: RESERVED, most: RESERVED, least: RESERVED }));
    let held: Vec<_> = (0..RESERVED).map(|_| lane.ask(Places::Common).unwrap().unwrap()).collect();
    let reserved = lane.enter(Places::Reserved).await.unwrap();
    let mut common = line(&lane, 1);
    let mut waits = std::pin::pin!(common.next());
    let mut other = std::pin::pin!(lane.enter(Places::Reserved));
    assert!(futures::poll!(&mut waits).is_pending() && futures::poll!(&mut other).is_pending());
    drop(reserved);
    drop(other.await.unwrap());
    assert!(futures::poll!(&mut waits).is_pending());
    drop(held);
    waits.await.unwrap();
}
