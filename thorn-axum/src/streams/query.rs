//! The query of a stream.

use std::time::Duration;

use axum::http::request::Parts;
use thorn_core::{
    filter::Q,
    log::Cursor,
    stream::{Selection, Start},
    subscription::Pattern,
};
use url::form_urlencoded;

use crate::http::{Caller, Problem, text};

/// Topics that one stream may have.
const MAX_TOPICS: usize = 100;

/// Events that one long poll, or `count`, may ask for.
const MAX_EVENTS: usize = 1000;

/// Events of a long poll that doesn't say how many.
const USUAL_EVENTS: usize = 100;

/// The longest wait of a long poll.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// The header with which a browser's `EventSource` comes back.
const LAST_EVENT_ID: &str = "last-event-id";

/// The query and headers with which a request asks for a stream.
#[derive(Debug, Default)]
pub(super) struct StreamQuery {
    topics: Vec<Pattern>,
    filter: Option<Q>,
    after: Option<After>,
    count: Option<usize>,
    /// How long a long poll waits, if the query says it.
    pub(super) wait: Option<Duration>,
    /// The most events of a long poll.
    pub(super) limit: usize,
    pub(super) is_named: bool,
    pub(super) has_checkpoints: bool,
    pub(super) is_delimited: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    Now,
    Earliest,
    Cursor(Cursor),
    /// The `Last-Event-ID` of something else.
    Foreign,
}

/// Where a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The request doesn't say it.
    Unsaid,
    At(Start),
    /// The request comes back with an id that isn't a cursor.
    Foreign,
}

impl StreamQuery {
    /// Reads the query, and the id that a browser comes back with, which wins over `after`.
    ///
    /// Parameters of other names belong to the application and are ignored.
    pub(super) fn read(parts: &Parts) -> Result<Self, Problem> {
        let mut query = Self { limit: USUAL_EVENTS, ..Self::default() };
        let mut problem = Problem::invalid_fields();
        let mut is_wrong = false;
        for (name, value) in form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()) {
            if let Err(message) = query.set(&name, &value) {
                problem = problem.field(name.into_owned(), message);
                is_wrong = true;
            }
        }
        if is_wrong {
            return Err(problem);
        }
        match text(&parts.headers, LAST_EVENT_ID) {
            None | Some("") => {}
            Some(id) => query.after = Some(id.parse().map_or(After::Foreign, After::Cursor)),
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        match name {
            "topic" => {
                if self.topics.len() == MAX_TOPICS {
                    return Err(format!("At most {MAX_TOPICS} topics are allowed."));
                }
                self.topics.push(value.parse().map_err(|error| format!("{error}."))?);
            }
            "filter" => self.filter = Some(filter(value)?),
            "after" => self.after = Some(after(value)?),
            "count" => self.count = Some(number(value, 0)?),
            "limit" => self.limit = number(value, 1)?,
            "wait" => self.wait = Some(wait(value)?),
            "named" => self.is_named = flag(value)?,
            "checkpoint" => self.has_checkpoints = flag(value)?,
            "delimited" if value == "length" => self.is_delimited = true,
            "delimited" => return Err("Must be `length`.".to_owned()),
            _ => {}
        }
        Ok(())
    }

    /// The events that the caller asks for, as far as they may see them.
    pub(super) fn selection(&mut self, caller: &impl Caller) -> Result<Selection, Problem> {
        if self.topics.is_empty() {
            let message = "Name the events, such as `topic=order.**`, or `topic=*` for all.";
            return Err(Problem::invalid_fields().field("topic", message));
        }
        let topics = std::mem::take(&mut self.topics);
        Ok(Selection::new(caller.access(), topics).within(caller.stream_scope()).filter(self.filter.take()))
    }

    pub(super) fn beginning(&self) -> Beginning {
        match (self.after, self.count) {
            (Some(After::Now), _) => Beginning::At(Start::Now),
            (Some(After::Earliest), _) => Beginning::At(Start::Earliest),
            (Some(After::Cursor(cursor)), _) => Beginning::At(Start::After(cursor)),
            (Some(After::Foreign), _) => Beginning::Foreign,
            (None, Some(count)) => Beginning::At(Start::Latest(count)),
            (None, None) => Beginning::Unsaid,
        }
    }
}

fn filter(value: &str) -> Result<Q, String> {
    let filter: Q = value.parse().map_err(|error| format!("{error}."))?;
    if filter.reads_old() {
        return Err("A stream has no previous values, so `now_…` and `changed` can't be used.".to_owned());
    }
    Ok(filter)
}

fn after(value: &str) -> Result<After, String> {
    match value {
        "now" => Ok(After::Now),
        "earliest" => Ok(After::Earliest),
        cursor => cursor.parse().map(After::Cursor).map_err(|error| format!("{error}, `now` or `earliest`.")),
    }
}

fn number(value: &str, least: usize) -> Result<usize, String> {
    let number = value.parse().ok().filter(|number| (least..=MAX_EVENTS).contains(number));
    number.ok_or_else(|| format!("Must be a whole number from {least} to {MAX_EVENTS}."))
}

fn wait(value: &str) -> Result<Duration, String> {
    let wait = value.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    wait.filter(|wait| *wait <= MAX_WAIT).ok_or_else(|| format!("Must be seconds from 0 to {}.", MAX_WAIT.as_secs()))
}

fn flag(value: &str) -> Result<bool, String> {
    match value {
        "1" | "true" => Ok(true),
        "0" | "false" => Ok(false),
        _ => Err("Must be 1 or 0.".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    fn read(query: &str, id: Option<&str>) -> Result<StreamQuery, Problem> {
        let request = Request::builder().uri(format!("/stream?{query}"));
        let request = id.into_iter().fold(request, |request, id| request.header(LAST_EVENT_ID, id));
        StreamQuery::read(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn st3_the_id_of_a_browser_wins_over_after_and_after_over_count() {
        let start = |query, id| read(query, id).unwrap().beginning();
        let at = |text: &str| Beginning::At(Start::After(text.parse().unwrap()));
        assert_eq!(start("topic=a", None), Beginning::Unsaid);
        assert_eq!(start("topic=a&count=3", None), Beginning::At(Start::Latest(3)));
        assert_eq!(start("topic=a&count=3&after=now", None), Beginning::At(Start::Now));
        assert_eq!(start("after=earliest", Some("")), Beginning::At(Start::Earliest));
        assert_eq!(start("after=1-00000001", None), at("1-00000001"));
        assert_eq!(start("after=1-00000001", Some("2-00000001")), at("2-00000001"));
        assert_eq!(start("after=1-00000001", Some("42")), Beginning::Foreign);
    }

    #[test]
    fn st1_each_wrong_parameter_is_named_and_others_are_the_application_s() {
        for (name, value) in [
            ("topic", "a..b"),
            ("filter", "{"),
            ("filter", r#"{"a":{"changed":true}}"#),
            ("after", "7"),
            ("count", "1001"),
            ("limit", "0"),
            ("wait", "61"),
            ("wait", "-1"),
            ("wait", "NaN"),
            ("named", "yes"),
            ("checkpoint", ""),
            ("delimited", "lines"),
        ] {
            let query: String = form_urlencoded::Serializer::new(String::new()).append_pair(name, value).finish();
            let problem = read(&query, None).unwrap_err();
            assert!(problem.to_string().starts_with(&format!("400: Invalid fields; {name}: ")), "{problem}");
        }
        assert!(read(&"topic=a&".repeat(101), None).is_err());
        assert!(read("topic=a&token=x&topics=..", None).is_ok());
    }
}
