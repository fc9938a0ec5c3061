//! Which events a stream wants.

use std::cell::OnceCell;

use serde::Deserialize;
use serde_json::Value;

use crate::{filter::Q, log::LoggedEvent, pattern::Pattern, subscription::Access};

/// The events that a stream selects: those of its topics that its owner may see and that its filter lets through.
///
/// Visibility is that of subscriptions. An owner gets the events that name them as sender, and broadcasts. An operator
/// gets every event. Only a topic that doesn't begin with a wildcard selects thorn's own events.
///
/// # Examples
///
/// ```
/// use thorn_core::{stream::Selection, subscription::{Access, Pattern}};
///
/// let orders: Pattern = "order.**".parse()?;
/// let selection = Selection::new(Access::Owner("alice"), [orders]);
/// # let _ = selection;
/// # Ok::<(), thorn_core::subscription::ParsePatternError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Selection {
    pub(super) topics: Vec<Pattern>,
    pub(super) owner: Option<String>,
    scope: Option<Vec<Pattern>>,
    filter: Option<Q>,
}

/// A decision that may have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    Wanted,
    Unwanted,
    /// The filter needs more work than this budget has left.
    Undecided,
}

impl Selection {
    /// Selects the events that match any of these topics and that the caller may see.
    pub fn new(access: Access<'_>, topics: impl IntoIterator<Item = Pattern>) -> Self {
        let owner = access.owner_id().map(str::to_owned);
        Self { topics: topics.into_iter().collect(), owner, scope: None, filter: None }
    }

    /// Selects only events whose name matches one of these patterns as well. `None` sets no such bound.
    pub fn within(mut self, scope: Option<Vec<Pattern>>) -> Self {
        self.scope = scope;
        self
    }

    /// Selects only events whose data this filter lets through. `None` lets every event through.
    pub fn filter(mut self, filter: Option<Q>) -> Self {
        self.filter = filter;
        self
    }

    /// Whether an event of the log is selected.
    pub(super) fn selects(&self, event: &LoggedEvent) -> bool {
        let is_addressed = self.is_addressed(event) && self.is_in_scope(event);
        is_addressed && self.topics.iter().any(|topic| takes(topic, event)) && self.passes(event)
    }

    /// Whether the filter lets the event through, however much work that is.
    pub(super) fn passes(&self, event: &LoggedEvent) -> bool {
        self.decide(&Data::of(event), usize::MAX).0 == Decision::Wanted
    }

    /// Whether an event of this sender is addressed to the stream's owner.
    fn is_addressed(&self, event: &LoggedEvent) -> bool {
        let broadcast = event.broadcast && !event.internal;
        self.owner.as_deref().is_none_or(|owner| broadcast || event.sender.as_deref() == Some(owner))
    }

    /// Whether the caller's scope allows the event.
    pub(super) fn is_in_scope(&self, event: &LoggedEvent) -> bool {
        self.scope.as_ref().is_none_or(|scope| scope.iter().any(|pattern| pattern.matches(&event.name)))
    }

    /// Whether the filter lets the event through, and the work that this took.
    pub(super) fn decide(&self, data: &Data<'_>, budget: usize) -> (Decision, usize) {
        let Some(filter) = &self.filter else { return (Decision::Wanted, 0) };
        // No filter matches data that can't be read.
        let Some(data) = data.get() else { return (Decision::Unwanted, 0) };
        let work = filter.work(data);
        if work > budget {
            return (Decision::Undecided, 0);
        }
        (if filter.matches(data, None) { Decision::Wanted } else { Decision::Unwanted }, work)
    }
}

/// Whether a topic matches the event. One that begins with a wildcard doesn't mean thorn's own events.
fn takes(topic: &Pattern, event: &LoggedEvent) -> bool {
    !(event.internal && topic.is_of_every_kind()) && topic.matches(&event.name)
}

/// The payload of an event, parsed only if a filter asks for it, and once for all of them.
pub(super) struct Data<'a> {
    event: &'a LoggedEvent,
    parsed: OnceCell<Option<Value>>,
}

/// The part of a body that filters test.
#[derive(Deserialize)]
struct Body {
    data: Value,
}

/// The data that filters test. A raw event has some if its media type is JSON.
fn parse(event: &LoggedEvent) -> Option<Value> {
    let Some(raw) = &event.raw else {
        return serde_json::from_str(&event.body).ok().map(|Body { data }| data);
    };
    let body = raw.body.as_ref().filter(|_| raw.head.is_json)?;
    serde_json::from_slice(&body.bytes).ok()
}

impl<'a> Data<'a> {
    pub(super) fn of(event: &'a LoggedEvent) -> Self {
        Self { event, parsed: OnceCell::new() }
    }

    fn get(&self) -> Option<&Value> {
        self.parsed.get_or_init(|| parse(self.event)).as_ref()
    }
}
