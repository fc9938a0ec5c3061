//! The reports that an event asks for about deliveries to its own recipients.

use super::Event;
use crate::spec::Subscriber;

impl Event {
    /// Names a recipient of the news that a delivery to one of the [event's own recipients](Self::to) has failed for
    /// good: its retries are used up, or the receiver answered 410.
    ///
    /// The news is a raw event `dispatch.failed` of its own, JSON `{event, delivery, url, state, attempts, outcome, status,
    /// error}`, with the retry policy of this event. It takes the place of `delivery.failed`. It is written along with the
    /// delivery's last attempt, once for each delivery and each time that it fails for good. Nobody hears of an errback
    /// that fails. The event's row holds the URL and the encrypted secret.
    #[must_use]
    pub fn errback(mut self, subscriber: Subscriber) -> Self {
        self.errback = Some(subscriber);
        self
    }

    /// Names a recipient of the responses of the [event's own recipients](Self::to) that answer with a status 2xx.
    ///
    /// A response is a raw event `dispatch.response` of its own, with the response's bytes and media type. The headers
    /// `Thorn-Response-Status` and `Thorn-Response-To` have the status and the delivery's id. A body of more than
    /// `max_payload_bytes` is cut there, and `Thorn-Response-Truncated: true` says so. The event is written along with
    /// the delivery's record, once for each delivery that succeeds, and has the retry policy of this event. Nobody hears
    /// of a callback that fails, and nobody gets its response.
    ///
    /// # Examples
    ///
    /// ```
    /// # async fn example(db: sea_orm::DatabaseTransaction, url: &str) -> Result<(), thorn_core::Error> {
    /// use thorn_core::{event::Event, subscription::Subscriber};
    ///
    /// Event::new("order.placed")
    ///     .to(Subscriber::unsigned("https://warehouse.example/orders")?)
    ///     .callback(Subscriber::signed("https://shop.example/answers", "the-shop-s-own-long-secret")?)
    ///     .send(&db, &serde_json::json!({ "order": 7 }))
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn callback(mut self, subscriber: Subscriber) -> Self {
        self.callback = Some(subscriber);
        self
    }

    /// Keeps the response to the first attempt of each delivery to one of the [event's own recipients](Self::to),
    /// whatever its status. [`History::first_response`](crate::history::History::first_response) reads it back.
    #[must_use]
    pub const fn keep_first_response(mut self) -> Self {
        self.keeps_first_response = true;
        self
    }
}
