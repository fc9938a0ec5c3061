//! Where and how deliveries go.

use super::ContentType;
use crate::{headers::ExtraHeaders, signing::Signing};

/// Where and how deliveries to one recipient go: everything that a delivery needs besides its event.
///
/// A subscription has a destination, and so does a subscriber that an event brings. `Debug` shows neither the
/// secret nor the headers' values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// The URL that deliveries are posted to, exactly as it was given.
    pub url: String,
    /// How deliveries are signed.
    pub signing: Signing,
    /// The form of the body.
    pub content_type: ContentType,
    /// The headers sent with each delivery. An event's header of the same name replaces a header here. Thorn's own
    /// headers replace both.
    pub headers: ExtraHeaders,
}

impl Destination {
    /// An unsigned destination that takes JSON and has no headers of its own.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            signing: Signing::default(),
            content_type: ContentType::default(),
            headers: ExtraHeaders::default(),
        }
    }
}
