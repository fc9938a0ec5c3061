//! The pace of subscriptions with a rate limit. All workers share it through the database.
//!
//! The table `thorn_pace` has one number for each such subscription: the time up to which slots are taken, as in
//! the generic cell rate algorithm. A worker takes the slots of a quarter of a second with one statement, by the
//! database's clock, and uses them within a second.

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
    let micros = |duration: Duration| i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
    let (taken, catch_up) = (micros(rate.interval() * rate.batch()), micros(CATCH_UP.max(rate.interval())));
    let now = now_in_micros(backend);
    let (later, earlier) = if backend == DbBackend::Sqlite { ("MAX", "MIN") } else { ("GREATEST", "LEAST") };
    // A time that this rate can't have led to comes from a slower rate, or from before the database's clock was set.
    let advance = format!(
        "UPDATE thorn_pace SET taken_until = {later}({earlier}(taken_until, {now}), {now} - ?) + ? \
         WHERE subscription_id = ? AND (taken_until <= {now} OR taken_until > {now} + ?)"
    );
    let values = [Value::from(catch_up), taken.into(), id.as_uuid().into(), taken.into()];
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
