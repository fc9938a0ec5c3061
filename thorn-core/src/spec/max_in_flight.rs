//! Limits of concurrent requests.

/// The greatest limit.
const MOST: u8 = 64;

/// The most requests of a subscription that are under way at once, over all workers: 1 to 64.
///
/// Workers divide the limit among them. Each has at least 1, so with more workers than the limit there may be one request
/// of each.
///
/// # Examples
///
/// ```
/// use thorn_core::subscription::MaxInFlight;
///
/// assert_eq!(MaxInFlight::new(8).map(MaxInFlight::get), Some(8));
/// assert_eq!(MaxInFlight::new(0), None);
/// assert_eq!(MaxInFlight::new(65), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MaxInFlight(u8);

impl MaxInFlight {
    /// A limit of 1 to 64 requests; `None` for other numbers.
    #[must_use]
    pub const fn new(requests: u8) -> Option<Self> {
        match requests {
            1..=MOST => Some(Self(requests)),
            _ => None,
        }
    }

    /// The number of requests.
    #[must_use]
    pub const fn get(self) -> usize {
        self.0 as usize
    }

    /// The number in the database.
    pub(crate) const fn number(self) -> i32 {
        self.0 as i32
    }

    /// The limit with this number in the database or in JSON.
    pub(crate) fn from_number(number: i64) -> Option<Self> {
        u8::try_from(number).ok().and_then(Self::new)
    }
}
