//! Recipients that an event brings itself or a callback names, and every option of an event on its way
//! to the delivery.

mod callbacks;
mod of_event;
mod options;
