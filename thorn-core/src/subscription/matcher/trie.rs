//! Patterns as a tree of their segments.

use std::collections::HashMap;

use super::audience::Audience;
use crate::{pattern::Segment, subscription::entry::Subscription};

/// Names have at most 190 characters, hence 95 segments.
const MAX_SEGMENTS: usize = 96;

/// A set of positions in a name; bit n stands behind the first n segments.
type Positions = u128;

/// The name of an event, split into its segments.
#[derive(Debug)]
pub(super) struct Name<'a> {
    segments: [&'a str; MAX_SEGMENTS],
    length: usize,
    /// Nodes that were looked at for this name.
    #[cfg(test)]
    pub(super) visited: std::cell::Cell<usize>,
}

impl<'a> Name<'a> {
    /// Splits a name; `None` for what no event is called.
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

/// A place in the tree: the patterns that begin with the segments on the way to it.
#[derive(Debug, Default)]
pub(super) struct Node {
    /// Boxed, because most nodes have one or none, and a map makes room for several.
    literals: HashMap<Box<str>, Box<Self>>,
    one: Option<Box<Self>>,
    any: Option<Box<Self>>,
    /// Those whose pattern ends here.
    here: Option<Box<Audience>>,
    /// Those whose pattern ends with a `*` from here.
    rest: Option<Box<Audience>>,
}

impl Node {
    /// The audience of the pattern with these segments.
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

    /// Takes a subscription out of the audience of these segments, and what is then empty out of
    /// the tree.
    pub(super) fn remove<'p>(&mut self, mut segments: impl Iterator<Item = Segment<'p>>, gone: &Subscription) {
        match segments.next() {
            None => leave(&mut self.here, gone),
            Some(Segment::Rest) => leave(&mut self.rest, gone),
            Some(Segment::One) => prune(&mut self.one, segments, gone),
            Some(Segment::Any) => prune(&mut self.any, segments, gone),
            Some(Segment::Literal(text)) => {
                if let Some(child) = self.literals.get_mut(text) {
                    child.remove(segments, gone);
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

    /// Calls `hear` for the audience of every pattern that means the event, once each.
    pub(super) fn walk(&self, name: &Name<'_>, hear: &mut impl FnMut(&Audience)) {
        self.walk_from(name, 1, hear);
    }

    /// All positions at which the segments so far may end are followed together, so that a node is
    /// visited once even if `**` makes it reachable in many ways.
    fn walk_from(&self, name: &Name<'_>, at: Positions, hear: &mut impl FnMut(&Audience)) {
        #[cfg(test)]
        name.visited.update(|count| count + 1);
        let within = at & !name.end();
        if let Some(audience) = self.here.as_deref().filter(|_| at != within) {
            hear(audience);
        }
        if let Some(audience) = self.rest.as_deref().filter(|_| within != 0) {
            hear(audience);
        }
        if let Some(any) = &self.any {
            let from_the_first = !((1 << at.trailing_zeros()) - 1);
            any.walk_from(name, from_the_first & (name.end() | (name.end() - 1)), hear);
        }
        if let Some(one) = self.one.as_deref().filter(|_| within != 0) {
            one.walk_from(name, within << 1, hear);
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
                child.walk_from(name, same << 1, hear);
            }
        }
    }
}

/// Those of the positions at which this segment follows.
fn positions_of(segment: &str, name: &Name<'_>, among: Positions) -> Positions {
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

fn leave(audience: &mut Option<Box<Audience>>, gone: &Subscription) {
    if let Some(inner) = audience {
        inner.remove(gone);
        if inner.is_empty() {
            *audience = None;
        }
    }
}

fn prune<'p>(child: &mut Option<Box<Node>>, segments: impl Iterator<Item = Segment<'p>>, gone: &Subscription) {
    if let Some(inner) = child {
        inner.remove(segments, gone);
        if inner.is_empty() {
            *child = None;
        }
    }
}
