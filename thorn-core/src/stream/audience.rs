//! An index of open streams that finds those wanting an event.

use std::{collections::HashMap, sync::Arc};

use super::open_stream::OpenStream;
use crate::{
    log::LoggedEvent,
    pattern::{Leaf, Node, SegmentedName},
};

/// The open streams by topic and owner. The cost of a match depends on the event and on the number of matching streams,
/// not on the total number of streams.
#[derive(Debug, Default)]
pub(super) struct OpenStreams {
    topics: Node<Audience>,
    count: usize,
}

/// The streams with one topic.
#[derive(Debug, Default)]
struct Audience {
    /// Whether the topic begins with a wildcard.
    is_of_every_kind: bool,
    /// Streams by owner; `None` for an operator's.
    by_owner: HashMap<Option<Box<str>>, Vec<Arc<OpenStream>>>,
}

impl Leaf for Audience {
    fn is_empty(&self) -> bool {
        self.by_owner.is_empty()
    }
}

impl OpenStreams {
    pub(super) fn insert(&mut self, stream: &Arc<OpenStream>) {
        for topic in &stream.selection.topics {
            let audience = self.topics.leaf(topic.segments());
            audience.is_of_every_kind = topic.is_of_every_kind();
            audience.by_owner.entry(owner(stream)).or_default().push(stream.clone());
        }
        self.count += 1;
    }

    /// Removes a stream. Does nothing if it isn't there.
    pub(super) fn remove(&mut self, stream: &OpenStream) {
        let mut was_there = false;
        for topic in &stream.selection.topics {
            self.topics.remove(topic.segments(), &mut |audience: &mut Audience| {
                let owner = owner(stream);
                let Some(list) = audience.by_owner.get_mut(&owner) else { return };
                let before = list.len();
                list.retain(|one| one.id != stream.id);
                was_there |= list.len() < before;
                if list.is_empty() {
                    audience.by_owner.remove(&owner);
                }
            });
        }
        self.count -= usize::from(was_there);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The streams whose topics, owner and scope fit the event, each once. Their filters aren't evaluated.
    pub(super) fn wanting(&self, event: &LoggedEvent) -> Vec<Arc<OpenStream>> {
        let mut found = Vec::new();
        let Some(name) = SegmentedName::split(&event.name) else { return found };
        self.topics.walk(&name, &mut |audience: &Audience| {
            if !(event.internal && audience.is_of_every_kind) {
                audience.collect_for(event, &mut found);
            }
        });
        // A stream with several topics may be found more than once.
        found.sort_unstable_by_key(|stream| stream.id);
        found.dedup_by_key(|stream| stream.id);
        found.retain(|stream| stream.selection.is_in_scope(event));
        found
    }

    /// All streams.
    pub(super) fn all(&self) -> Vec<Arc<OpenStream>> {
        let mut found = Vec::new();
        self.topics.visit(&mut |audience: &Audience| found.extend(audience.by_owner.values().flatten().cloned()));
        found
    }
}

impl Audience {
    fn collect_for(&self, event: &LoggedEvent, out: &mut Vec<Arc<OpenStream>>) {
        if event.broadcast && !event.internal {
            out.extend(self.by_owner.values().flatten().cloned());
            return;
        }
        let sender = event.sender.as_deref().map(|sender| Some(sender.into()));
        for owner in [Some(None), sender].into_iter().flatten() {
            out.extend(self.by_owner.get(&owner).into_iter().flatten().cloned());
        }
    }
}

fn owner(stream: &OpenStream) -> Option<Box<str>> {
    stream.selection.owner.as_deref().map(Into::into)
}

/// Keeps the two ways of matching, the index's and the selection's, from drifting apart.
#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert_eq, proptest};

    use super::*;
    use crate::{
        id::EventId, log::Cursor, pattern::Pattern, stream::Selection, subscription::Access, timestamp::Timestamp,
    };

    fn event(name: &str, sender: Option<&str>, broadcast: bool, internal: bool) -> LoggedEvent {
        let id = EventId::generate();
        LoggedEvent {
            cursor: Cursor::of(1, id),
            id,
            name: name.into(),
            sender: sender.map(str::to_owned),
            broadcast,
            internal,
            body: r#"{"data":1}"#.into(),
            raw: None,
            created_at: Timestamp::from_millis(0),
        }
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        prop::collection::vec(prop::sample::select(vec!["a", "b", "*", "**"]), 1..5)
            .prop_map(|segments| segments.join("."))
            .prop_filter_map("patterns", |text| text.parse().ok())
    }

    fn selection() -> impl Strategy<Value = Selection> {
        let owner = prop::sample::select(vec![None, Some("x"), Some("y")]);
        let scope = prop::option::weighted(0.2, prop::collection::vec(pattern(), 1..3));
        (prop::collection::vec(pattern(), 1..4), owner, scope).prop_map(|(topics, owner, scope)| {
            let access = owner.map_or(Access::Operator, Access::Owner);
            Selection::new(access, topics).within(scope)
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn the_index_agrees_with_each_selection(
            selections in prop::collection::vec(selection(), 0..12),
            is_removed in prop::collection::vec(any::<bool>(), 12),
            name in prop::collection::vec(prop::sample::select(vec!["a", "b", "c"]), 1..5),
            sender in prop::sample::select(vec![None, Some("x"), Some("z")]),
            broadcast in any::<bool>(),
            internal in any::<bool>(),
        ) {
            let event = event(&name.join("."), sender, broadcast, internal);
            let mut index = OpenStreams::default();
            let streams: Vec<_> = (0..).zip(selections).map(|(id, one)| Arc::new(OpenStream::new(id, one.into()))).collect();
            streams.iter().for_each(|stream| index.insert(stream));
            for stream in streams.iter().zip(&is_removed).filter(|(_, removed)| **removed).map(|(stream, _)| stream) {
                index.remove(stream);
                index.remove(stream);
            }
            let kept: Vec<_> = streams.iter().zip(&is_removed).filter(|(_, removed)| !**removed).map(|(one, _)| one).collect();
            let found: Vec<_> = index.wanting(&event).iter().map(|stream| stream.id).collect();
            let expected: Vec<_> = kept.iter().filter(|one| one.selection.selects(&event)).map(|one| one.id).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(index.is_empty(), kept.is_empty());
            kept.iter().for_each(|stream| index.remove(stream));
            prop_assert_eq!(index.is_empty() && index.topics.is_empty(), true);
        }
    }
}
