//! Shows values of settings in the units of their variables.

use std::{fmt::Display, time::Duration};

const DAY: u64 = 24 * 60 * 60;

/// The value, or this word if there is none.
pub(super) fn optional<T: Display>(value: Option<T>, otherwise: &str) -> String {
    value.map_or_else(|| otherwise.to_owned(), |value| value.to_string())
}

/// Values between commas, or `none`.
pub(super) fn joined<T: Display>(values: &[T]) -> String {
    if values.is_empty() {
        return "none".to_owned();
    }
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

/// Seconds; whole days are named too.
pub(super) fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    match whole / DAY {
        0 => duration.as_secs_f64().to_string(),
        _ if duration != Duration::from_secs(whole / DAY * DAY) => duration.as_secs_f64().to_string(),
        1 => format!("{whole} (1 day)"),
        days => format!("{whole} ({days} days)"),
    }
}

/// Seconds, or `none` for no limit.
pub(super) fn limit(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "none".to_owned(), seconds)
}
