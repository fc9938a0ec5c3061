//! Recipients that an event brings itself or a callback names, and every option of an event on its way
//! to the delivery.

mod callbacks;
mod of_event;
mod options;

use thorn::{EventId, history::DeliveryRow};

use crate::app::{App, eventually};

impl App {
    /// Waits until the event's deliveries are as wished.
    async fn deliveries_of(&self, event: EventId, wished: impl Fn(&[DeliveryRow]) -> bool) -> Vec<DeliveryRow> {
        eventually("deliveries of an event", || async {
            let rows = thorn::history::deliveries_of_event(self.db(), event).await.unwrap();
            if wished(&rows) { Ok(rows) } else { Err(format!("{rows:#?}")) }
        })
        .await
    }
}
