//! Observers: code of the application that the worker's process calls after each attempt.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use crate::{
    attempt::{DeliveryState, Outcome},
    id::{DeliveryId, EventId, SubscriptionId},
    timestamp::Timestamp,
};

/// An attempt that was made and recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryReport {
    /// The delivery.
    pub delivery: DeliveryId,
    /// The delivered event.
    pub event: EventId,
    /// The event's name.
    pub event_name: String,
    /// The recipient: a subscription, or a subscriber that the event brought.
    pub subscription: SubscriptionId,
    /// The owner of the subscription. `None` if it is global, or if the event brought the subscriber.
    pub owner: Option<String>,
    /// The number of attempts so far, including this one.
    pub attempts: u32,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// The response's HTTP status, if there was a response.
    pub status: Option<u16>,
    /// Why the attempt failed, as text for a person.
    pub error: Option<String>,
    /// How long the attempt took.
    pub duration: Duration,
    /// The delivery's state after the attempt: delivered, waiting for a retry, or dead.
    pub state: DeliveryState,
    /// When the attempt ended.
    pub at: Timestamp,
    /// When the next attempt is due, if there is one.
    pub next_attempt_at: Option<Timestamp>,
}

/// Receives a report of every attempt this process makes, after the attempt is recorded.
///
/// If the process dies before it reports an attempt, the report is lost. To act on every delivery that
/// failed permanently, subscribe to the event [`delivery.failed`](crate::event::DELIVERY_FAILED).
///
/// Register an observer with [`ThornBuilder::observer`](crate::ThornBuilder::observer). The methods run on
/// the worker's tasks, concurrently and in no order, so they should return quickly. Thorn catches and logs
/// a panic in them.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use thorn_core::{Thorn, delivery::{DeliveryObserver, DeliveryReport}};
///
/// struct Pager;
///
/// impl DeliveryObserver for Pager {
///     fn failed(&self, report: &DeliveryReport) {
///         eprintln!("{:?} to {}: {:?}", report.event_name, report.subscription, report.error);
///     }
/// }
///
/// # async fn example(db: sea_orm::DatabaseConnection) -> Result<(), thorn_core::Error> {
/// let thorn = Thorn::builder(db).observer(Arc::new(Pager)).build().await?;
/// # Ok(())
/// # }
/// ```
pub trait DeliveryObserver: Send + Sync {
    /// The receiver accepted the delivery. Default: does nothing.
    fn delivered(&self, report: &DeliveryReport) {
        let _ = report;
    }

    /// The attempt failed. Default: does nothing.
    fn failed(&self, report: &DeliveryReport) {
        let _ = report;
    }

    /// The attempt's deadline passed. Default: calls [`failed`](Self::failed).
    fn timed_out(&self, report: &DeliveryReport) {
        self.failed(report);
    }
}

/// All observers of a `Thorn`.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Arc<dyn DeliveryObserver>>);

impl Observers {
    pub(crate) fn push(&mut self, observer: Arc<dyn DeliveryObserver>) {
        self.0.push(observer);
    }

    /// Calls each observer, even if another one panics.
    pub(super) fn notify(&self, report: &DeliveryReport) {
        for observer in &self.0 {
            let call = || match report.outcome {
                Outcome::Delivered => observer.delivered(report),
                Outcome::TimedOut => observer.timed_out(report),
                _ => observer.failed(report),
            };
            if std::panic::catch_unwind(AssertUnwindSafe(call)).is_err() {
                tracing::error!("an observer of deliveries panicked");
            }
        }
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} observers", self.0.len())
    }
}
