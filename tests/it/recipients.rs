//! Recipients that an event brings itself or a callback names, and every option of an event on its way
//! to the delivery.

mod callbacks;
mod of_event;
mod options;

use thorn::{EventId, history::Delivery};

use crate::app::{App, eventually};

impl App {
    /// Waits until the event's deliveries are as wished.
    async fn deliveries_of(&self, event: EventId, wished: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
        eventually("deliveries of an event", || async {
            let rows = self.thorn.history().of_event(event).await.unwrap();
            if wished(&rows) { Ok(rows) } else { Err(format!("{rows:#?}")) }
        })
        .await
    }
}
