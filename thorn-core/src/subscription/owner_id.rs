//! Ids of owners that aren't text in the application.

use std::fmt::{self, Write as _};

use sea_orm::prelude::Uuid;

/// The text of the longest id: an `i128` with its sign.
const LONGEST: usize = 40;

/// The id of an owner that the application keeps as an integer or a UUID, as text.
///
/// The text is the one that [`Sender`](crate::event::Sender) gives these types, so `sender = user_id` and
/// [`Access::owner`](super::Access::owner) mean the same user.
///
/// # Examples
///
/// ```
/// use thorn_core::subscription::OwnerId;
///
/// assert_eq!(OwnerId::from(7_i64).as_str(), "7");
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OwnerId {
    text: [u8; LONGEST],
    length: usize,
}

impl OwnerId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // Only whole strings are written, so the bytes are UTF-8.
        self.text.get(..self.length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }

    fn of(id: impl fmt::Display) -> Self {
        let mut written = Self { text: [0; LONGEST], length: 0 };
        // Fails only for a text that is too long, which no type below has.
        let _ = write!(written, "{id}");
        written
    }
}

impl fmt::Write for OwnerId {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.text.get_mut(self.length..).and_then(|rest| rest.get_mut(..text.len())).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.length += text.len();
        Ok(())
    }
}

impl fmt::Debug for OwnerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

macro_rules! from_display {
    ($($type:ty),*) => {$(
        impl From<$type> for OwnerId {
            fn from(id: $type) -> Self {
                Self::of(id)
            }
        }
    )*};
}

from_display!(i8, i16, i32, i64, i128, u8, u16, u32, u64, u128, Uuid);

#[cfg(test)]
mod tests {
    use super::{OwnerId, Uuid};

    #[test]
    fn every_id_fits() {
        assert_eq!(OwnerId::from(i128::MIN).as_str(), i128::MIN.to_string());
        assert_eq!(OwnerId::from(u128::MAX).as_str(), u128::MAX.to_string());
        assert_eq!(OwnerId::from(Uuid::max()).as_str(), "ffffffff-ffff-ffff-ffff-ffffffffffff");
    }
}
