//! `/hooks/{id}/stats/`: the figures of one subscription.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    Extension, Json,
    extract::{FromRequestParts, Query},
    http::request::Parts,
    response::IntoResponse,
};
use thorn_core::{SubscriptionId, history::StatsWindow, timestamp::Timestamp};

use super::state::State;
use crate::http::{Caller, NO_STORE, PathId, Problem};

const SINCE: &str = "since";
const UNTIL: &str = "until";
const STEP: &str = "step";

pub(super) async fn show<C: Caller>(
    caller: C,
    PathId(id): PathId<SubscriptionId>,
    Extension(hooks): Extension<State>,
    window: Result<Window, Problem>,
) -> Result<impl IntoResponse, Problem> {
    let window = match window {
        Ok(Window(window)) => window,
        Err(problem) => {
            // A subscription that doesn't exist answers 404, whatever the query.
            hooks.subscriptions().get(caller.access(), id).await?;
            return Err(problem);
        }
    };
    let stats = hooks.0.stats(caller.access(), id, window).await?;
    Ok(([NO_STORE], Json(stats)))
}

/// The time that the query asks for.
pub(super) struct Window(StatsWindow);

impl<S: Send + Sync> FromRequestParts<S> for Window {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(given) = Query::<BTreeMap<String, String>>::from_request_parts(parts, state)
            .await
            .map_err(|error| Problem::invalid_fields().detail(error.body_text()))?;
        window(&given, Timestamp::now()).map(Self)
    }
}

/// Reads the query. Every wrong parameter is named.
fn window(given: &BTreeMap<String, String>, now: Timestamp) -> Result<StatsWindow, Problem> {
    let mut wrong = Vec::new();
    for name in given.keys().filter(|name| ![SINCE, UNTIL, STEP].contains(&name.as_str())) {
        wrong.push((name.clone(), format!("There is no such parameter; use {SINCE}, {UNTIL} and {STEP}.")));
    }
    let mut times = [None, None];
    for (time, name) in times.iter_mut().zip([SINCE, UNTIL]) {
        if let Some(text) = given.get(name) {
            *time = moment(text, now);
            if time.is_none() {
                let message = "Must be a time such as 2022-04-07T21:39:13Z, or how long ago, such as 90m, 24h or 7d.";
                wrong.push((name.to_owned(), message.to_owned()));
            }
        }
    }
    let step = given.get(STEP).map(|text| span(text));
    if step == Some(None) {
        wrong.push((STEP.to_owned(), "Must be a duration such as 15m, 6h or 1d.".to_owned()));
    }
    if wrong.is_empty() {
        let [since, until] = times;
        match StatsWindow::new(since, until, step.flatten(), now) {
            Ok(window) => return Ok(window),
            Err(invalid) => wrong.push((invalid.parameter.to_owned(), invalid.message)),
        }
    }
    let problem = Problem::invalid_fields();
    Err(wrong.into_iter().fold(problem, |problem, (name, message)| problem.field(name, message)))
}

/// A time, or how long ago it was.
fn moment(text: &str, now: Timestamp) -> Option<Timestamp> {
    text.parse().ok().or_else(|| span(text).map(|ago| now - ago))
}

/// A number of minutes, hours or days, of at most four digits.
fn span(text: &str) -> Option<Duration> {
    let unit = match text.chars().last()? {
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let number = &text[..text.len() - 1];
    let is_number = (1..=4).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = is_number.then(|| number.parse().ok())??;
    Some(Duration::from_secs(number * unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_a_number_of_minutes_hours_or_days() {
        for (text, seconds) in [("15m", 900), ("24h", 86_400), ("7d", 604_800), ("0h", 0), ("9999d", 863_913_600)] {
            assert_eq!(span(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for wrong in ["", "h", "15", "1s", "-1h", "+1h", "1.5h", "10000d", "1 h", "24H", "ä"] {
            assert_eq!(span(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_moment_is_a_time_or_how_long_ago_it_was() {
        let now = Timestamp::from_millis(1_649_367_553_000);
        assert_eq!(moment("2h", now), Some(now - Duration::from_secs(7_200)));
        assert_eq!(moment("2022-04-07T23:39:13+02:00", now), Some(now));
        for wrong in ["", "yesterday", "2022-04-07", "1649367553"] {
            assert_eq!(moment(wrong, now), None, "{wrong}");
        }
    }
}
