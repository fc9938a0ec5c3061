//! Makes one delivery, or postpones it, and records the result.

use std::time::Duration;

use tracing::Instrument as _;

use super::{admission::Admission, executor::Executor, response_room::ResponseRoom, waiting::waiting};
use crate::{
    attempt::{DeliveryState, spread_pause},
    delivery::{consequences::Failing, observer::DeliveryReport},
    fanout::{ChunkDelivery, ChunkEvent, Recipient},
    record::Record,
    subscription::{Subscription, UNTIL_RESUMED},
};

/// Wait of a delivery whose recipient this worker can't read. It is short, since another worker may be able to.
const UNREADABLE: Duration = Duration::from_secs(2);

/// A delivery that was made or postponed, and isn't recorded yet.
pub(super) struct Unrecorded {
    pub(super) record: Record,
    /// The report of the attempt, if one was made.
    pub(super) report: Option<(DeliveryReport, Recipient, Failing)>,
    /// The room that the record's response takes.
    pub(super) room: Option<ResponseRoom>,
    pub(super) span: tracing::Span,
}

impl Executor {
    /// Makes the delivery if it was admitted. Otherwise notes why it wasn't.
    pub(super) async fn deliver(
        &self,
        admission: Admission<'_>,
        event: &ChunkEvent,
        delivery: &ChunkDelivery,
    ) -> Unrecorded {
        let mut record = waiting(event, delivery);
        // By default a success isn't logged: the table has it, and a log line costs as much as a request.
        let span = tracing::debug_span!(
            "delivery", delivery.id = %record.delivery, event.id = %event.id, event.name, subscription.id = %delivery.subscription
        );
        let (mut report, mut room) = (None, None);
        match admission {
            Admission::Admitted { target, permit } => {
                let attempt = self.make_attempt(event, delivery, &target, permit, &mut record);
                let (made, failing) = attempt.instrument(span.clone()).await;
                report = Some((made, target.recipient, failing));
                room = target.room;
            }
            Admission::LaneFull(until) => {
                record.next_attempt_at = Some(until);
                self.counters.put_off();
                span.in_scope(|| tracing::debug!(%until, "postponed: the endpoint is busy"));
            }
            Admission::Paced(until) => {
                record.next_attempt_at = Some(until);
                self.counters.put_off();
                span.in_scope(|| tracing::debug!(%until, "postponed: the subscription's rate lets no more through"));
            }
            Admission::NoRoom(until) => {
                record.next_attempt_at = Some(until);
                self.counters.put_off();
                span.in_scope(|| tracing::debug!(%until, "postponed: other responses take the room"));
            }
            Admission::Held(until) => {
                record.next_attempt_at = Some(until);
                self.counters.put_off();
                span.in_scope(|| tracing::debug!(%until, "postponed: deliveries to the endpoint are held"));
            }
            Admission::NotItsTurn(until) => {
                record.next_attempt_at = Some(until);
                self.counters.put_off();
                span.in_scope(|| tracing::debug!(%until, "postponed: another version of the topic is under way"));
            }
            Admission::Superseded => cancel(&mut record, "a newer version of the topic has replaced this one"),
            Admission::LeaseOver => cancel(&mut record, "the subscription's lease is over"),
            Admission::Paused => {
                record.next_attempt_at = Some(UNTIL_RESUMED);
                self.counters.put_off();
                span.in_scope(|| tracing::debug!("kept: the subscription is paused"));
            }
            Admission::Unreadable => {
                record.next_attempt_at = Some(record.now + spread_pause(UNREADABLE, rand::random()));
            }
            Admission::Stopping => {}
            Admission::Cancelled => cancel(&mut record, "the subscription was deleted or disabled"),
            Admission::FilteredOut => cancel(&mut record, "the subscription's filter doesn't let the event through"),
        }
        Unrecorded { record, report, room, span }
    }

    /// Slows the subscription's rate, because its receiver answered 429.
    async fn slow(&self, subscription: Option<&Subscription>, asked: Option<Duration>) {
        if let Some((id, rate)) = subscription.and_then(|one| Some((one.id, one.spec.rate?))) {
            self.registry.endpoints().pace(id).slow(&self.db, id, rate, asked).await;
        }
    }

    /// Records a delivery and applies its consequences. Returns `false` if the recorder has ended.
    pub(super) async fn record(&self, Unrecorded { record, report, room, span }: Unrecorded) -> bool {
        async {
            let recorded = self.recorder.record(record).await;
            drop(room);
            if let Some((report, recipient, failing)) = report.filter(|_| recorded) {
                if let Some(asked) = failing.slows {
                    Box::pin(self.slow(recipient.subscription(), asked)).await;
                }
                self.consequences.follow(&report, recipient.subscription(), failing, &self.counters).await;
            }
            recorded
        }
        .instrument(span)
        .await
    }
}

const fn cancel(record: &mut Record, why: &'static str) {
    record.state = DeliveryState::Cancelled;
    record.next_attempt_at = None;
    record.note = Some(why);
}
