//! The pace of subscriptions with a rate limit. All workers share it through the database.
//!
//! The table `thorn_pace` has one number for each such subscription: the time up to which slots are taken, as in
//! the generic cell rate algorithm. A worker takes the slots of a quarter of a second with one statement, by the
//! database's clock, and uses them within a second. A response 429 moves the time of all workers forward.

use std::time::Duration;

use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Value};
use tokio::{sync::Mutex, time::Instant};

use crate::{
    db::{now_in_micros, statement, with_timeout},
    error::Error,
    id::SubscriptionId,
    spec::Rate,
    timestamp::Timestamp,
};

/// How long slots are good for. Slots that aren't used until then lapse.
const GOOD_FOR: Duration = Duration::from_secs(1);

/// A worker that got no slots asks again after this time.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// A subscription whose last slots are this old gets as many more. Workers look only now and then, and would otherwise
/// stay below the rate.
const CATCH_UP: Duration = Duration::from_millis(500);

/// How long nothing is sent after a response 429 that asks for no wait: the time of one delivery, within these bounds.
const SHORTEST_SLOWING: Duration = Duration::from_secs(1);
const LONGEST_SLOWING: Duration = Duration::from_secs(60);

/// The longest wait that a receiver may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(12 * 60 * 60);

/// The maximum time that a delivery is put off because of a rate.
const LONGEST_DETOUR: Duration = Duration::from_secs(60);

/// A subscription's slots in this process.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<Slots>);

#[derive(Debug)]
struct Slots {
    free: u32,
    lapse_at: Instant,
    /// When the database may have more.
    ask_at: Instant,
    /// When the last of the deliveries that were put off is due.
    booked: Timestamp,
    /// Whether the table has a row for the subscription.
    has_row: bool,
    /// When this process last let nobody have slots for a while.
    slowed_at: Option<Instant>,
}

/// Whether a delivery may be made now, as far as the rate goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    Taken,
    /// Try again at this time.
    Later(Timestamp),
}

impl Pace {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self(Mutex::new(Slots {
            free: 0,
            lapse_at: now,
            ask_at: now,
            booked: Timestamp::from_millis(0),
            has_row: false,
            slowed_at: None,
        }))
    }

    /// Takes a slot for one delivery. If there is none and none can be had, tells when to try again.
    pub(crate) async fn slot(&self, db: &DatabaseConnection, id: SubscriptionId, rate: Rate) -> Slot {
        // Others wait here while one asks the database.
        let mut slots = self.0.lock().await;
        if slots.take() {
            return Slot::Taken;
        }
        if slots.ask_at <= Instant::now() {
            match with_timeout(db, reserve(db, id, rate, &mut slots.has_row)).await {
                Ok(true) => (slots.free, slots.lapse_at) = (rate.batch(), Instant::now() + GOOD_FOR),
                Ok(false) => slots.ask_at = Instant::now() + ASK_AGAIN,
                Err(error) => {
                    tracing::warn!(subscription.id = %id, %error, "can't ask for the pace of a subscription, so nothing is sent");
                    slots.ask_at = Instant::now() + GOOD_FOR;
                }
            }
            if slots.take() {
                return Slot::Taken;
            }
        }
        Slot::Later(slots.book(rate, Timestamp::now()))
    }

    /// Lets no worker have slots for a while, because the receiver answered 429. `asked` is the wait that it asked for.
    pub(crate) async fn slow(&self, db: &DatabaseConnection, id: SubscriptionId, rate: Rate, asked: Option<Duration>) {
        let mut slots = self.0.lock().await;
        slots.free = 0;
        // The responses of requests that were under way at the same time say the same.
        if slots.slowed_at.is_some_and(|at| at.elapsed() < ASK_AGAIN) {
            return;
        }
        slots.slowed_at = Some(Instant::now());
        let wait = match asked {
            Some(asked) => asked.min(LONGEST_ASKED),
            None => rate.interval().clamp(SHORTEST_SLOWING, LONGEST_SLOWING),
        };
        if let Err(error) = with_timeout(db, slow(db, id, wait)).await {
            tracing::warn!(subscription.id = %id, %error, "can't slow the pace of a subscription");
        }
    }

    /// How many due deliveries may be tried now.
    pub(crate) fn room(&self, rate: Rate) -> usize {
        // While a worker's task asks the database, the relay needn't add more.
        let Ok(slots) = self.0.try_lock() else { return 0 };
        let now = Instant::now();
        let room = if slots.free > 0 && slots.lapse_at > now {
            slots.free
        } else if slots.ask_at <= now {
            rate.batch()
        } else {
            0
        };
        usize::try_from(room).unwrap_or(usize::MAX)
    }
}

impl Slots {
    fn take(&mut self) -> bool {
        let is_free = self.free > 0 && self.lapse_at > Instant::now();
        if is_free {
            self.free -= 1;
        }
        is_free
    }

    /// The turn of a delivery behind those that were put off before.
    fn book(&mut self, rate: Rate, now: Timestamp) -> Timestamp {
        let latest = now + LONGEST_DETOUR;
        self.booked = (self.booked.max(now) + rate.interval()).min(latest);
        self.booked
    }
}

/// Reserves the slots of one batch for this process. Returns `false` if the present ones reach beyond now.
async fn reserve(db: &DatabaseConnection, id: SubscriptionId, rate: Rate, has_row: &mut bool) -> Result<bool, Error> {
    let backend = db.get_database_backend();
    let (taken, catch_up) = (micros(rate.interval() * rate.batch()), micros(CATCH_UP.max(rate.interval())));
    let now = now_in_micros(backend);
    let (later, earlier) = if backend == DbBackend::Sqlite { ("MAX", "MIN") } else { ("GREATEST", "LEAST") };
    // A time that this rate can't have led to comes from a slower rate, or from before the database's clock was set.
    let advance = format!(
        "UPDATE thorn_pace SET taken_until = {later}({earlier}(taken_until, {now}), {now} - ?, \
         {earlier}(COALESCE(slowed_until, 0), {now})) + ? \
         WHERE subscription_id = ? AND (taken_until <= {now} OR taken_until > {now} + ?) \
         AND (slowed_until IS NULL OR slowed_until <= {now} OR slowed_until > {now} + ?)"
    );
    let slowed = micros(LONGEST_ASKED);
    let values = [Value::from(catch_up), taken.into(), id.as_uuid().into(), taken.into(), slowed.into()];
    if changed(db, &advance, values).await? {
        *has_row = true;
        return Ok(true);
    }
    if *has_row {
        return Ok(false);
    }
    let (insert, ignore) = match backend {
        DbBackend::MySql => ("INSERT IGNORE", ""),
        _ => ("INSERT", " ON CONFLICT DO NOTHING"),
    };
    let begin = format!("{insert} INTO thorn_pace (subscription_id, taken_until) VALUES (?, {now} + ?){ignore}");
    let begun = changed(db, &begin, [id.as_uuid().into(), taken.into()]).await?;
    *has_row = true;
    Ok(begun)
}

/// Lets no worker have slots for this long from now. A row that nobody has made yet needs none: its subscription has sent
/// nothing by its rate.
async fn slow(db: &DatabaseConnection, id: SubscriptionId, wait: Duration) -> Result<(), Error> {
    let now = now_in_micros(db.get_database_backend());
    // A wait that is longer than any can be comes from before the database's clock was set.
    let sql = format!(
        "UPDATE thorn_pace SET slowed_until = {now} + ? WHERE subscription_id = ? \
         AND (slowed_until IS NULL OR slowed_until < {now} + ? OR slowed_until > {now} + ?)"
    );
    let wait = micros(wait);
    let values = [Value::from(wait), id.as_uuid().into(), wait.into(), micros(LONGEST_ASKED).into()];
    changed(db, &sql, values).await?;
    Ok(())
}

/// Lets workers have slots again, because a user says that the endpoint works, or because it does.
pub(crate) async fn forget_slowing(db: &DatabaseConnection, id: SubscriptionId) -> Result<(), Error> {
    let sql = "UPDATE thorn_pace SET slowed_until = NULL WHERE subscription_id = ? AND slowed_until IS NOT NULL";
    changed(db, sql, [id.as_uuid().into()]).await?;
    Ok(())
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

async fn changed<const N: usize>(db: &DatabaseConnection, sql: &str, values: [Value; N]) -> Result<bool, DbErr> {
    let result = db.execute_raw(statement(db.get_database_backend(), sql, values)).await?;
    Ok(result.rows_affected() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn deliveries_that_are_put_off_have_turns_of_one_interval_within_a_minute() {
        let pace = Pace::new();
        let now = Timestamp::now();
        let mut slots = pace.0.try_lock().unwrap();
        let turns: Vec<_> = (0..3).map(|_| slots.book(rate("10/s"), now).since(now).as_millis()).collect();
        assert_eq!(turns, [100, 200, 300]);
        for _ in 0..1_000 {
            slots.book(rate("10/s"), now);
        }
        assert_eq!(slots.book(rate("10/s"), now), now + LONGEST_DETOUR);
    }

    #[tokio::test]
    async fn a_receiver_that_wants_less_gets_nothing_from_any_worker_until_the_time_is_over() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let slowed = async |id: SubscriptionId| {
            let now = now_in_micros(db.get_database_backend());
            let sql = format!("SELECT slowed_until - {now} AS left_over FROM thorn_pace WHERE subscription_id = ?");
            let query = statement(db.get_database_backend(), &sql, [id.as_uuid().into()]);
            let row = db.query_one_raw(query).await.unwrap().unwrap();
            row.try_get::<Option<i64>>("", "left_over").unwrap().map(|micros| micros / 1_000)
        };
        for (text, asked, least, most) in [
            ("100/s", Some(Duration::from_secs(3_600)), 3_500_000, 3_600_000),
            ("100/s", Some(Duration::from_secs(1_000_000)), 43_100_000, 43_200_000),
            ("100/s", None, 500, 1_000),
            ("1/h", None, 59_000, 60_000),
        ] {
            let (id, rate) = (SubscriptionId::generate(), rate(text));
            let (one, two) = (Pace::new(), Pace::new());
            assert_eq!(one.slot(&db, id, rate).await, Slot::Taken, "{text}");
            one.0.lock().await.slowed_at = None;
            one.slow(&db, id, rate, asked).await;
            let left = slowed(id).await.unwrap();
            assert!((least..=most).contains(&left), "{left} ms for {text}, {asked:?}");
            for pace in [&one, &two] {
                pace.0.lock().await.ask_at = Instant::now();
                assert!(matches!(pace.slot(&db, id, rate).await, Slot::Later(_)), "{text}");
                assert_eq!(pace.room(rate), 0, "{text}");
            }
            // A shorter wait doesn't end a longer one, and the owner ends both.
            one.0.lock().await.slowed_at = None;
            one.slow(&db, id, rate, Some(Duration::ZERO)).await;
            assert!(slowed(id).await.unwrap() > 0, "{text}");
            forget_slowing(&db, id).await.unwrap();
            assert_eq!(slowed(id).await, None, "{text}");
        }
    }

    #[tokio::test]
    async fn workers_share_slots_and_unused_ones_lapse() {
        let place = thorn_test_support::Place::new().await;
        let db = crate::connect(&place.url).await.unwrap();
        crate::migration::migrate(&db).await.unwrap();
        let (id, other) = (SubscriptionId::generate(), SubscriptionId::generate());
        let (one, two) = (Pace::new(), Pace::new());
        assert_eq!(one.slot(&db, id, rate("1/h")).await, Slot::Taken);
        for pace in [&one, &two] {
            assert!(matches!(pace.slot(&db, id, rate("1/h")).await, Slot::Later(_)), "the hour has just begun");
            assert_eq!(pace.room(rate("1/h")), 0, "the database was asked a moment ago");
        }
        assert_eq!(Pace::new().slot(&db, id, rate("100/s")).await, Slot::Taken, "the rate is another now");
        // Another subscription has a pace of its own, with eight slots for a quarter of a second.
        let pace = Pace::new();
        assert_eq!(pace.room(rate("32/s")), 8, "the database may have as many");
        for _ in 0..8 {
            assert_eq!(pace.slot(&db, other, rate("32/s")).await, Slot::Taken);
        }
        let mut slots = pace.0.lock().await;
        (slots.free, slots.lapse_at) = (5, Instant::now());
        assert!(!slots.take(), "they have lapsed");
    }
}
