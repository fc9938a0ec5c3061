//! The sender of an event.

use sea_orm::prelude::Uuid;

/// The sender who caused an event: the id that owners of subscriptions are compared with, and the label that
/// receivers see as `sender`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SenderId {
    /// The id, which is compared with the owners of subscriptions.
    pub id: String,
    /// The label, which the body shows as `sender`.
    pub label: String,
}

/// A value that can name the sender of an event.
///
/// Strings, integers, UUIDs and options of these types can. Implement the trait for your own user type to show
/// a label that differs from the id.
///
/// # Examples
///
/// ```
/// use thorn_core::event::{Sender, SenderId};
///
/// struct User { id: i64, name: String }
///
/// impl Sender for User {
///     fn sender_id(&self) -> Option<SenderId> {
///         Some(SenderId { id: self.id.to_string(), label: self.name.clone() })
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't name the sender of an event",
    label = "strings, integers, UUIDs and options of these can",
    note = "implement `thorn::event::Sender` for it: `sender_id` returns the id that owners of subscriptions have"
)]
pub trait Sender {
    /// The sender, or `None` if there is none.
    fn sender_id(&self) -> Option<SenderId>;
}

impl<T: Sender + ?Sized> Sender for &T {
    fn sender_id(&self) -> Option<SenderId> {
        (**self).sender_id()
    }
}

impl<T: Sender> Sender for Option<T> {
    fn sender_id(&self) -> Option<SenderId> {
        self.as_ref().and_then(Sender::sender_id)
    }
}

impl Sender for SenderId {
    fn sender_id(&self) -> Option<SenderId> {
        Some(self.clone())
    }
}

macro_rules! sender_by_display {
    ($($type:ty),*) => {$(
        impl Sender for $type {
            fn sender_id(&self) -> Option<SenderId> {
                let id = self.to_string();
                Some(SenderId { label: id.clone(), id })
            }
        }
    )*};
}

sender_by_display!(str, String, i8, i16, i32, i64, u8, u16, u32, u64, Uuid);
