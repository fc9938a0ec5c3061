//! A trie that stores values by the segments of their patterns.

mod literals;

use self::literals::Literals;
use super::Segment;

/// One more than the most segments of an event name. A name has at most 190 characters, hence 95 segments.
const MAX_SEGMENTS: usize = 96;

/// A set of positions in a name. Bit n stands for the position after the first n segments.
type Positions = u128;

/// The name of an event, split into its segments.
#[derive(Debug)]
pub(crate) struct SegmentedName<'a> {
    segments: [&'a str; MAX_SEGMENTS],
    length: usize,
    /// How many nodes were visited for this name.
    #[cfg(test)]
    pub(crate) visited: std::cell::Cell<usize>,
}

impl<'a> SegmentedName<'a> {
    /// Splits a name. Returns `None` if no event can have this name.
    pub(crate) fn split(event: &'a str) -> Option<Self> {
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

/// A value for all that shares one pattern.
pub(crate) trait Leaf: Default {
    /// Whether nothing is left, so that the leaf can go.
    fn is_empty(&self) -> bool;
}

/// A node of the trie. Its path from the root is the prefix of all patterns below it.
#[derive(Debug)]
pub(crate) struct Node<L> {
    /// Children for a literal segment.
    literals: Literals<Self>,
    /// The child for `*` within a pattern.
    one: Option<Box<Self>>,
    /// The child for `**`.
    any: Option<Box<Self>>,
    /// The leaf of the pattern that ends here.
    here: Option<Box<L>>,
    /// The leaf of the pattern that ends with a final `*` after this node.
    rest: Option<Box<L>>,
}

impl<L> Default for Node<L> {
    fn default() -> Self {
        Self { literals: Literals::None, one: None, any: None, here: None, rest: None }
    }
}

impl<L: Leaf> Node<L> {
    /// Returns the leaf of the pattern with these segments, and inserts it if it is missing.
    pub(crate) fn leaf<'p>(&mut self, segments: impl Iterator<Item = Segment<'p>>) -> &mut L {
        let mut node = self;
        for segment in segments {
            node = match segment {
                Segment::Literal(text) => node.literals.get_or_insert(text),
                Segment::One => node.one.get_or_insert_default(),
                Segment::Any => node.any.get_or_insert_default(),
                Segment::Rest => return node.rest.get_or_insert_default(),
            };
        }
        node.here.get_or_insert_default()
    }

    /// Lets `remove` take something out of the leaf of these segments, then removes every node that became empty.
    pub(crate) fn remove<'p>(
        &mut self,
        mut segments: impl Iterator<Item = Segment<'p>>,
        remove: &mut impl FnMut(&mut L),
    ) {
        match segments.next() {
            None => remove_from(&mut self.here, remove),
            Some(Segment::Rest) => remove_from(&mut self.rest, remove),
            Some(Segment::One) => prune(&mut self.one, segments, remove),
            Some(Segment::Any) => prune(&mut self.any, segments, remove),
            Some(Segment::Literal(text)) => self.literals.remove_if(text, |child| {
                child.remove(segments, remove);
                child.is_empty()
            }),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let Self { literals, one, any, here, rest } = self;
        literals.is_empty() && one.is_none() && any.is_none() && here.is_none() && rest.is_none()
    }

    /// Calls `visit` once for the leaf of every pattern that matches the name.
    pub(crate) fn walk(&self, name: &SegmentedName<'_>, visit: &mut impl FnMut(&L)) {
        self.walk_from(name, 1, visit);
    }

    /// Calls `visit` for every leaf.
    pub(crate) fn visit(&self, visit: &mut impl FnMut(&L)) {
        self.here.iter().chain(&self.rest).for_each(|leaf| visit(leaf));
        let wildcards = self.one.iter().chain(&self.any).map(AsRef::as_ref);
        for child in self.literals.values().chain(wildcards) {
            child.visit(visit);
        }
    }

    /// Continues from this node with every position that the path to it can have reached.
    ///
    /// All positions are followed together. A node is therefore visited at most once per walk, even if `**` makes it
    /// reachable in many ways.
    fn walk_from(&self, name: &SegmentedName<'_>, at: Positions, visit: &mut impl FnMut(&L)) {
        #[cfg(test)]
        name.visited.update(|count| count + 1);
        let within = at & !name.end();
        if let Some(leaf) = self.here.as_deref().filter(|_| at != within) {
            visit(leaf);
        }
        if let Some(leaf) = self.rest.as_deref().filter(|_| within != 0) {
            visit(leaf);
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

/// Lets `remove` take something out of a leaf, and removes the leaf itself if that leaves it empty.
fn remove_from<L: Leaf>(leaf: &mut Option<Box<L>>, remove: &mut impl FnMut(&mut L)) {
    if let Some(inner) = leaf {
        remove(inner);
        if inner.is_empty() {
            *leaf = None;
        }
    }
}

/// Lets `remove` take something out below `child`, and removes the child itself if that leaves it empty.
fn prune<'p, L: Leaf>(
    child: &mut Option<Box<Node<L>>>,
    segments: impl Iterator<Item = Segment<'p>>,
    remove: &mut impl FnMut(&mut L),
) {
    if let Some(inner) = child {
        inner.remove(segments, remove);
        if inner.is_empty() {
            *child = None;
        }
    }
}
