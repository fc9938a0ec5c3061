//! The state of a delivery.

use std::fmt;

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DeliveryState {
    /// The receiver accepted it: it answered an attempt with 2xx.
    Delivered,
    /// An attempt is due now or at a later time.
    Waiting,
    /// Every attempt failed, and the retries are used up. The row is kept, so the delivery can be sent again on
    /// request.
    Dead,
    /// The subscription was deleted or disabled before the delivery succeeded.
    Cancelled,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Delivered, Self::Waiting, Self::Dead, Self::Cancelled];

    /// The word that tables store.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Waiting => "waiting",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
        }
    }

    /// Parses a stored word. Returns `None` for any other text.
    #[must_use]
    pub fn from_stored(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl fmt::Display for DeliveryState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
