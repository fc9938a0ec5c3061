//! A trie that stores patterns by their segments.

use std::collections::HashMap;

use super::audience::Audience;
use crate::{pattern::Segment, subscription::entry::Subscription};

/// One more than the most segments of an event name. A name has at most 190 characters, hence 95 segments.
const MAX_SEGMENTS: usize = 96;

/// A set of positions in a name. Bit n stands for the position after the first n segments.
type Positions = u128;

/// The name of an event, split into its segments.
#[derive(Debug)]
pub(super) struct SegmentedName<'a> {
    segments: [&'a str; MAX_SEGMENTS],
    length: usize,
    /// How many nodes were visited for this name.
    #[cfg(test)]
    pub(super) visited: std::cell::Cell<usize>,
}

impl<'a> SegmentedName<'a> {
    /// Splits a name. Returns `None` if no event can have this name.
    pub(super) fn split(event: &'a str) -> Option<Self> {
        let mut name = Self {
            segments: [""; MAX_SEGMENTS],
            length: 0,
            #[cfg(test)]
            visited: std::cell::Cell::default(),
        };
        for segment in event.split('.') {
            if segment.is_empty() {
                return None;
            }
            *name.segments.get_mut(name.length)? = segment;
            name.length += 1;
        }
        Some(name)
    }

    const fn end(&self) -> Positions {
        1 << self.length
    }
}

/// A node of the trie. Its path from the root is the prefix of all patterns below it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Children for a literal segment. They are boxed: most maps hold one child but allocate room for several.
    literals: HashMap<Box<str>, Box<Self>>,
    /// The child for `*` within a pattern.
    one: Option<Box<Self>>,
    /// The child for `**`.
    any: Option<Box<Self>>,
    /// Subscriptions whose pattern ends here.
    here: Option<Box<Audience>>,
    /// Subscriptions whose pattern ends with a final `*` after this node.
    rest: Option<Box<Audience>>,
}

impl Node {
    /// Returns the audience of the pattern with these segments, and inserts it if it is missing.
    pub(super) fn audience<'p>(&mut self, segments: impl Iterator<Item = Segment<'p>>) -> &mut Audience {
        let mut node = self;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literals.entry(text.into()).or_default(),
                Segment::One => node.one.get_or_insert_default(),
                Segment::Any => node.any.get_or_insert_default(),
                Segment::Rest => return node.rest.get_or_insert_default(),
            };
        }
        node.here.get_or_insert_default()
    }

    /// Removes a subscription from the audience of these segments, then every node that became empty.
    pub(super) fn remove<'p>(&mut self, mut segments: impl Iterator<Item = Segment<'p>>, removed: &Subscription) {
        match segments.next() {
            None => remove_from(&mut self.here, removed),
            Some(Segment::Rest) => remove_from(&mut self.rest, removed),
            Some(Segment::One) => prune(&mut self.one, segments, removed),
            Some(Segment::Any) => prune(&mut self.any, segments, removed),
            Some(Segment::Literal(text)) => {
                if let Some(child) = self.literals.get_mut(text) {
                    child.remove(segments, removed);
                    if child.is_empty() {
                        self.literals.remove(text);
                    }
                }
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { literals, one, any, here, rest } = self;
        literals.is_empty() && one.is_none() && any.is_none() && here.is_none() && rest.is_none()
    }

    /// Calls `visit` once for the audience of every pattern that matches the name.
    pub(super) fn walk(&self, name: &SegmentedName<'_>, visit: &mut impl FnMut(&Audience)) {
        self.walk_from(name, 1, visit);
    }

    /// Continues from this node with every position that the path to it can have reached.
    ///
    /// All positions are followed together. A node is therefore visited at most once per walk, even if `**` makes it
    /// reachable in many ways.
    fn walk_from(&self, name: &SegmentedName<'_>, at: Positions, visit: &mut impl FnMut(&Audience)) {
        #[cfg(test)]
        name.visited.update(|count| count + 1);
        let within = at & !name.end();
        if let Some(audience) = self.here.as_deref().filter(|_| at != within) {
            visit(audience);
        }
        if let Some(audience) = self.rest.as_deref().filter(|_| within != 0) {
            visit(audience);
        }
        if let Some(any) = &self.any {
            let from_the_first = !((1 << at.trailing_zeros()) - 1);
            any.walk_from(name, from_the_first & (name.end() | (name.end() - 1)), visit);
        }
        if let Some(one) = self.one.as_deref().filter(|_| within != 0) {
            one.walk_from(name, within << 1, visit);
        }
        if self.literals.is_empty() {
            return;
        }
        let mut left = within;
        while left != 0 {
            let segment = name.segments[left.trailing_zeros() as usize];
            let same = positions_of(segment, name, left);
            left &= !same;
            if let Some(child) = self.literals.get(segment) {
                child.walk_from(name, same << 1, visit);
            }
        }
    }
}

/// Returns those positions in `among` that this segment follows.
fn positions_of(segment: &str, name: &SegmentedName<'_>, among: Positions) -> Positions {
    let mut left = among;
    let mut found = 0;
    while left != 0 {
        let position = left.trailing_zeros();
        left &= left - 1;
        if name.segments[position as usize] == segment {
            found |= 1 << position;
        }
    }
    found
}

/// Removes a subscription from an audience, and the audience itself if that leaves it empty.
fn remove_from(audience: &mut Option<Box<Audience>>, removed: &Subscription) {
    if let Some(inner) = audience {
        inner.remove(removed);
        if inner.is_empty() {
            *audience = None;
        }
    }
}

/// Removes a subscription below `child`, and the child itself if that leaves it empty.
fn prune<'p>(child: &mut Option<Box<Node>>, segments: impl Iterator<Item = Segment<'p>>, removed: &Subscription) {
    if let Some(inner) = child {
        inner.remove(segments, removed);
        if inner.is_empty() {
            *child = None;
        }
    }
}
