//! The methods of [`Thorn`] and its builder that need the feature `delivery`: inline delivery, observers, dispatchers, and
//! a worker inside.

use std::sync::Arc;

use serde::Serialize;

use super::{Inner, Thorn, builder::ThornBuilder, deliverers::DeliveringParts};
use crate::{
    delivery::DeliveryObserver,
    error::Error,
    event::Event,
    history::{Delivery, Sent},
    inline::InlineScope,
    queue::Queue,
    relay::Dispatcher,
    subscription::read as read_configured,
    worker::{Worker, WorkerParts},
};

impl ThornBuilder {
    /// Adds a dispatcher of the application. Events choose it with [`Dispatch::custom`](crate::Dispatch::custom), and the workers of
    /// this `Thorn` hand them over.
    ///
    /// Needs the feature `delivery`.
    pub fn dispatcher(mut self, name: impl Into<String>, dispatcher: Arc<dyn Dispatcher>) -> Self {
        self.delivering.dispatchers.insert(name.into(), dispatcher);
        self
    }

    /// Calls `observer` after every attempt this process makes, by its worker or inline.
    ///
    /// Needs the feature `delivery`.
    pub fn observer(mut self, observer: Arc<dyn DeliveryObserver>) -> Self {
        self.delivering.observers.push(observer);
        self
    }

    /// Checks that a worker can start with these settings, as far as that is possible without a query. A program
    /// that migrates calls it before, so that a mistake in the settings leaves the database unchanged.
    ///
    /// Needs the feature `delivery`.
    ///
    /// # Errors
    ///
    /// As [`build`](Self::build), except for the database's; [`Error::Configuration`] for a file of subscriptions
    /// that can't be read; [`Error::Queue`] if this build supports no queue at `queue_url` or in the database.
    pub fn check_for_worker(&self) -> Result<(), Error> {
        self.check()?;
        if let Some(path) = &self.config.subscriptions_file {
            read_configured(path, &|name| std::env::var(name).ok())?;
        }
        Queue::check(self.db.get_database_backend(), self.config.queue_url.as_ref())
    }
}

impl Thorn {
    /// Runs `work`, then delivers the events that it sent from this process. Returns the output of `work`
    /// and the deliveries.
    ///
    /// Events of every transaction that is committed inside `work` are delivered, whoever began it. An event
    /// that is rolled back is never sent. An event whose transaction is still open at the end goes by the
    /// queue.
    ///
    /// The queue also takes deliveries that failed and may be retried, deliveries to a busy endpoint, and
    /// deliveries that didn't begin within [`Config::timeout`](crate::Config::timeout). They wait for a worker, and the list shows
    /// them as waiting.
    ///
    /// Events of other tasks aren't included, not even of tasks that `work` spawns. Inside another `inline`
    /// or [`transaction`](Self::transaction), the events are delivered when the outermost call ends, and the
    /// list of the inner call is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{Error, Thorn, event::Event};
    ///
    /// async fn announce(thorn: &Thorn) -> Result<(), Error> {
    ///     let (sent, deliveries) = thorn.inline(Event::new("a.b").broadcast().send(thorn.db(), &1)).await;
    ///     println!("event {} went to {} receivers", sent?, deliveries.len());
    ///     Ok(())
    /// }
    /// ```
    pub async fn inline<F: Future>(&self, work: F) -> (F::Output, Vec<Delivery>) {
        InlineScope::run(self.0.delivering.inline.clone(), Box::pin(work)).await
    }

    /// Sends an event in a transaction of its own and delivers it before this function returns, unless the
    /// event or the application chooses another [`Dispatch`](crate::Dispatch).
    ///
    /// A failed delivery isn't an error of this function: its outcome says so, and a worker retries it. Inside
    /// [`transaction`](Self::transaction) or [`inline`](Self::inline), the event is delivered when that call
    /// ends.
    ///
    /// # Errors
    ///
    /// As [`Event::send`].
    ///
    /// # Examples
    ///
    /// ```
    /// use thorn_core::{Error, Thorn, attempt::Outcome, event::Event};
    ///
    /// async fn ping(thorn: &Thorn) -> Result<bool, Error> {
    ///     let sent = thorn.send_now(Event::new("ping").broadcast(), &()).await?;
    ///     Ok(sent.deliveries.iter().all(|delivery| delivery.outcome == Some(Outcome::Delivered)))
    /// }
    /// ```
    pub async fn send_now<P: Serialize + ?Sized>(&self, event: Event, payload: &P) -> Result<Sent, Error> {
        let (id, deliveries) = self.inline(event.send(&self.0.db, payload)).await;
        Ok(Sent { id: id?, deliveries })
    }

    /// Starts a worker inside this process.
    ///
    /// Needs the feature `delivery`.
    ///
    /// If the pool logs its statements at INFO, SeaORM's default, it logs them at DEBUG from now on. Otherwise an
    /// idle worker would write dozens of lines a second.
    ///
    /// # Errors
    ///
    /// [`Error::Queue`] if the queue can't be opened, [`Error::Option`] if the HTTP client can't be built.
    pub async fn start_worker(&self) -> Result<Worker, Error> {
        let Inner { db, config, registry, subscriptions, delivering, .. } = &*self.0;
        let DeliveringParts { observers, dispatchers } = &delivering.parts;
        Worker::start(WorkerParts { db, config, registry, subscriptions, observers, dispatchers }).await
    }
}
