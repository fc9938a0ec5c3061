//! Watching deliveries from inside the worker's process.

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
    /// The event that is delivered.
    pub event: EventId,
    /// The event's name.
    pub event_name: String,
    /// Who is to get it.
    pub subscription: SubscriptionId,
    /// Whose subscription it is; `None` is a global one.
    pub owner: Option<String>,
    /// How many attempts were made, this one included.
    pub attempts: u32,
    /// How the attempt ended.
    pub outcome: Outcome,
    /// The response's status, if there was a response.
    pub status: Option<u16>,
    /// What went wrong, for a person.
    pub error: Option<String>,
    /// How long the attempt took.
    pub duration: Duration,
    /// What becomes of the delivery: delivered, waiting for a retry, or dead.
    pub state: DeliveryState,
    /// When it was over.
    pub at: Timestamp,
    /// When the next attempt is due, if there is to be one.
    pub next_attempt_at: Option<Timestamp>,
}

/// Is told of every attempt that this process's worker has made, after it was recorded.
///
/// Of one whose worker died before it could tell, nobody is told: to act on each delivery that
/// failed for good, whatever process dies when, subscribe to the event
/// [`delivery.failed`](crate::event::DELIVERY_FAILED).
///
/// The methods run on the worker's tasks, many at once and in no order, so they should return soon.
/// A panic in one is caught and logged.
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
///         eprintln!("{} to {}: {:?}", report.event_name, report.subscription, report.error);
///     }
/// }
///
/// # async fn example(db: sea_orm::DatabaseConnection) -> Result<(), thorn_core::Error> {
/// let thorn = Thorn::builder(db).observer(Arc::new(Pager)).build().await?;
/// # Ok(())
/// # }
/// ```
pub trait DeliveryObserver: Send + Sync {
    /// The receiver has taken it.
    fn delivered(&self, report: &DeliveryReport) {
        let _ = report;
    }

    /// The attempt failed, for whatever reason.
    fn failed(&self, report: &DeliveryReport) {
        let _ = report;
    }

    /// The attempt's deadline passed. Unless this is implemented, it is a failure like any other.
    fn timed_out(&self, report: &DeliveryReport) {
        self.failed(report);
    }
}

/// All observers of a worker.
#[derive(Clone, Default)]
pub(crate) struct Observers(Vec<Arc<dyn DeliveryObserver>>);

impl Observers {
    pub(crate) fn push(&mut self, observer: Arc<dyn DeliveryObserver>) {
        self.0.push(observer);
    }

    /// Tells each of them, whatever the others do.
    pub(super) fn tell(&self, report: &DeliveryReport) {
        for observer in &self.0 {
            let tell = || match report.outcome {
                Outcome::Delivered => observer.delivered(report),
                Outcome::TimedOut => observer.timed_out(report),
                _ => observer.failed(report),
            };
            if std::panic::catch_unwind(AssertUnwindSafe(tell)).is_err() {
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
