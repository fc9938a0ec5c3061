//! Running a chunk: every delivery on its own, all at once, each recorded as its result comes.

mod attempt;
mod inline;
mod of_event;

use std::{
    collections::HashMap,
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use sea_orm::DatabaseConnection;
use tokio::{sync::watch, time::Instant};
use tracing::Instrument as _;

use self::{attempt::unsent, of_event::EventSubscribers};
use super::{
    client::Client,
    consequences::{Consequences, GONE},
    observer::DeliveryReport,
};
use crate::{
    attempt::{Attempt, DeliveryState, Outcome, RetryPolicy},
    db::with_timeout,
    endpoint::{Endpoint, Entry, Permit},
    fanout::{Chunk, ChunkDelivery, ChunkEvent, Recipient},
    id::DeliveryId,
    metrics::Counters,
    outbox::StoredEvent,
    queue::{Task, TaskAttempt},
    record::{Record, Recorder, already_recorded},
    rendered::EventOptions,
    subscription::Registry,
    timestamp::Timestamp,
};

/// Pause before a question to a database that is away is asked again.
pub(super) const PAUSE: Duration = Duration::from_secs(1);

/// Wait of a delivery whose subscription can't be read by this worker; short, for another may.
const UNREADABLE: Duration = Duration::from_secs(2);

/// Of an event that has none of its own.
static NO_OPTIONS: LazyLock<EventOptions> = LazyLock::new(EventOptions::default);

/// What a delivery does unless its event says otherwise.
#[derive(Clone, Debug)]
pub(crate) struct Defaults {
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
}

/// Makes the attempts of chunks and has them recorded.
#[derive(Clone, Debug)]
pub(crate) struct Executor {
    pub(crate) db: DatabaseConnection,
    pub(crate) registry: Arc<Registry>,
    pub(crate) consequences: Consequences,
    pub(crate) client: Client,
    pub(crate) recorder: Recorder,
    pub(crate) counters: Arc<Counters>,
    pub(crate) defaults: Defaults,
    /// Turns true when the worker stops: what hasn't begun is handed back.
    pub(crate) stop: watch::Receiver<bool>,
}

/// A delivery that was made, or put off, and isn't recorded yet.
struct Made {
    record: Record,
    /// Of the attempt, if there was one.
    report: Option<(DeliveryReport, Recipient)>,
    span: tracing::Span,
}

/// Whether a delivery may be made, now that its turn has come.
enum Turn<'a> {
    Go {
        recipient: Recipient,
        endpoint: Arc<Endpoint>,
        /// The event, if it brought the recipient.
        stored: Option<&'a StoredEvent>,
        permit: Permit,
    },
    /// Its lane is full until then.
    PutOff(Timestamp),
    /// This worker can't read whom it is for.
    Unreadable,
    /// The worker stops.
    Stopping,
    /// Nobody wants it any more.
    Cancelled,
}

type Recorded = HashMap<DeliveryId, (u32, Option<DeliveryState>)>;

impl Executor {
    /// Runs a task's chunk. Returns when all its deliveries are recorded; then the task may be
    /// acknowledged.
    pub(crate) async fn run(&self, Task { text, attempt }: Task) {
        let mut chunk = match Chunk::read(&text) {
            Ok(chunk) => chunk,
            Err(why) => {
                tracing::error!("{why}; its deliveries are left to the reconciler");
                return;
            }
        };
        // Of a body there is one copy while its deliveries wait.
        drop(text);
        chunk.take_bodies_out();
        // An edit or a deletion takes effect at once. Should the database be away, the last known state serves.
        let refresh = async { self.registry.refresh(&self.db).await.map(drop) };
        if let Err(error) = with_timeout(&self.db, refresh).await {
            tracing::warn!(%error, "the subscriptions can't be brought up to date");
        }
        let recorded = self.recorded(&chunk, attempt).await;
        let brought = self.event_subscribers(&chunk).await;
        let mut running: FuturesUnordered<_> = chunk
            .deliveries
            .iter()
            .map(|delivery| self.deliver_and_record(&chunk, delivery, &recorded, &brought))
            .collect();
        while running.next().await.is_some() {}
    }

    /// What is recorded of a chunk that may run a second time.
    async fn recorded(&self, chunk: &Chunk, attempt: TaskAttempt) -> Recorded {
        if attempt == TaskAttempt::First && !chunk.check && !chunk.deliveries.iter().any(|delivery| delivery.has_row) {
            return Recorded::new();
        }
        loop {
            let ids = chunk.deliveries.iter().filter_map(|delivery| chunk.delivery_id(delivery));
            match with_timeout(&self.db, already_recorded(&self.db, ids)).await {
                Ok(recorded) => return recorded,
                Err(error) => tracing::warn!(%error, "can't ask what is recorded, trying again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn deliver_and_record(
        &self,
        chunk: &Chunk,
        delivery: &ChunkDelivery,
        recorded: &Recorded,
        brought: &EventSubscribers,
    ) {
        if let Some((event, turn)) = self.turn(chunk, delivery, recorded, brought).await {
            // Boxed: most that a worker has in hand wait for their turn, and have no room for the rest yet.
            Box::pin(async { self.record(self.take(turn, event, delivery).await).await }).await;
        }
    }

    /// Has a delivery recorded, and draws the consequences; `false` if the recorder is gone.
    async fn record(&self, Made { record, report, span }: Made) -> bool {
        async {
            let recorded = self.recorder.record(record).await;
            if let Some((report, recipient)) = report.filter(|_| recorded) {
                let following = async {
                    self.consequences.follow(&report, recipient.subscription()).await;
                    Ok(())
                };
                if let Err(error) = with_timeout(&self.db, following).await {
                    tracing::error!(%error, "what follows from a delivery can't be noted");
                }
            }
            recorded
        }
        .instrument(span)
        .await
    }

    /// Waits until a delivery may be made; `None` if that was done before.
    async fn turn<'a>(
        &self,
        chunk: &'a Chunk,
        delivery: &ChunkDelivery,
        recorded: &Recorded,
        brought: &'a EventSubscribers,
    ) -> Option<(&'a ChunkEvent, Turn<'a>)> {
        let event = chunk.events.get(delivery.event)?;
        // Of nearly every chunk nothing is recorded, and an id costs a hash.
        let row =
            if recorded.is_empty() { None } else { recorded.get(&DeliveryId::derive(event.id, delivery.subscription)) };
        // A row that an earlier run of this chunk has left comes back by its own due time.
        let in_hand = |(attempts, state): &(u32, Option<DeliveryState>)| {
            delivery.has_row && *attempts <= delivery.attempts && *state == Some(DeliveryState::Waiting)
        };
        if !row.is_none_or(in_hand) {
            return None;
        }
        let stored = brought.get(event.id, delivery.subscription).filter(|_| delivery.of_event);
        let recipient = match stored {
            Some((stored, subscriber)) => match subscriber.open(stored.id, self.registry.key()) {
                Ok(destination) => {
                    Some(Recipient::OfEvent { id: delivery.subscription, destination: Arc::new(destination) })
                }
                Err(error) => {
                    tracing::error!(event.id = %event.id, %error, "the event's own subscriber can't be read, trying again");
                    return Some((event, Turn::Unreadable));
                }
            },
            None if delivery.of_event => None,
            None if self.registry.is_unreadable(delivery.subscription) => return Some((event, Turn::Unreadable)),
            None => self.registry.get(delivery.subscription).map(Recipient::Subscribed),
        };
        let Some(recipient) = recipient else { return Some((event, Turn::Cancelled)) };
        let endpoint = self.registry.endpoints().get(&recipient.destination().url);
        let turn = match endpoint.enter().await {
            Entry::Full(until) => Turn::PutOff(until),
            Entry::Open(_) if *self.stop.borrow() => Turn::Stopping,
            Entry::Open(permit) => Turn::Go { recipient, endpoint, stored: stored.map(|(stored, _)| stored), permit },
        };
        Some((event, turn))
    }

    /// Makes the delivery, if that is what its turn says.
    async fn take(&self, turn: Turn<'_>, event: &ChunkEvent, delivery: &ChunkDelivery) -> Made {
        let mut record = waiting(event, delivery);
        // Of a success nothing is logged by default: it is in the table, and a line costs as much as a request.
        let span = tracing::debug_span!(
            "delivery", delivery.id = %record.delivery, event.id = %event.id, event.name, subscription.id = %delivery.subscription
        );
        let mut report = None;
        match turn {
            Turn::Go { recipient, endpoint, stored, permit } => {
                let attempt = self.try_once(event, delivery, stored, (&recipient, &endpoint), permit, &mut record);
                report = Some((attempt.instrument(span.clone()).await, recipient));
            }
            Turn::PutOff(until) => {
                record.next_attempt_at = Some(until);
                self.counters.put_off();
                span.in_scope(|| tracing::debug!(%until, "put off: the endpoint is busy"));
            }
            Turn::Unreadable => record.next_attempt_at = Some(record.now + UNREADABLE),
            Turn::Stopping => {}
            Turn::Cancelled => {
                record.state = DeliveryState::Cancelled;
                record.next_attempt_at = None;
                record.note = Some("the subscription was deleted or disabled");
            }
        }
        Made { record, report, span }
    }

    /// Makes an attempt, and says what becomes of the delivery.
    async fn try_once(
        &self,
        event: &ChunkEvent,
        delivery: &ChunkDelivery,
        stored: Option<&StoredEvent>,
        to: (&Recipient, &Endpoint),
        permit: Permit,
        record: &mut Record,
    ) -> DeliveryReport {
        let (recipient, _) = to;
        let options = event.options.as_ref().unwrap_or(&NO_OPTIONS);
        let attempted_at = Timestamp::now();
        // A bug in here must not take other tasks of the worker with it.
        let attempt = self.attempt(record.delivery, event, delivery, stored, to, options);
        let attempt = AssertUnwindSafe(attempt).catch_unwind().await;
        let attempt = attempt.unwrap_or_else(|_| {
            let error = "thorn panicked while sending; please report this with the log's backtrace";
            unsent(attempted_at, error.into())
        });
        permit.done(&attempt);
        let report = self.conclude(&event.name, recipient, options, &attempt, record);
        record.announcement =
            self.consequences.announce(&self.registry, &report, options.internal, recipient.subscription());
        record.attempt = Some(attempt);
        report
    }

    /// What becomes of the delivery after this attempt.
    fn conclude(
        &self,
        event_name: &str,
        recipient: &Recipient,
        options: &EventOptions,
        attempt: &Attempt,
        record: &mut Record,
    ) -> DeliveryReport {
        record.attempts += 1;
        (record.now, record.since) = (Timestamp::now(), Instant::now());
        record.next_attempt_at = None;
        self.counters.attempted(attempt.outcome);
        let Attempt { outcome, status, duration, ref error, .. } = *attempt;
        if outcome == Outcome::Delivered {
            record.state = DeliveryState::Delivered;
            tracing::debug!(status, ?duration, attempt = record.attempts, "delivered");
        } else {
            let retry = options.retry.as_ref().unwrap_or(&self.defaults.retry);
            let wait = match status {
                Some(GONE) => None,
                _ => retry.wait_after(record.attempts, attempt.retry_after, rand::random()),
            };
            record.next_attempt_at = wait.map(|wait| record.now + wait);
            record.state = if wait.is_some() { DeliveryState::Waiting } else { DeliveryState::Dead };
            let state = record.state;
            tracing::info!(
                delivery.id = %record.delivery, event.id = %record.event, event.name = event_name,
                subscription.id = %recipient.id(), outcome = outcome.as_str(), status, error, ?duration,
                attempt = record.attempts, %state, ?wait, "failed"
            );
        }
        DeliveryReport {
            delivery: record.delivery,
            event: record.event,
            event_name: event_name.to_owned(),
            subscription: recipient.id(),
            owner: recipient.subscription().and_then(|subscription| subscription.owner.clone()),
            attempts: record.attempts,
            outcome,
            status,
            error: error.clone(),
            duration,
            state: record.state,
            at: record.now,
            next_attempt_at: record.next_attempt_at,
        }
    }
}

/// What is recorded of a delivery that isn't tried now: it is due at once.
fn waiting(event: &ChunkEvent, delivery: &ChunkDelivery) -> Record {
    let now = Timestamp::now();
    Record {
        delivery: DeliveryId::derive(event.id, delivery.subscription),
        event: event.id,
        subscription: delivery.subscription,
        state: DeliveryState::Waiting,
        attempts: delivery.attempts,
        next_attempt_at: Some(now),
        attempt: None,
        note: None,
        has_row: delivery.has_row,
        now,
        since: Instant::now(),
        announcement: None,
    }
}
