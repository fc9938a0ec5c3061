//! The tree behind a filter, and its evaluation.

use serde_json::Value;

use super::{kind::Kind, test::Test};

/// How deep `and`, `or` and `not` may nest.
pub(super) const MAX_DEPTH: usize = 16;

/// A filter as a tree.
///
/// `Node::all`, `Node::any` and `Node::negated` build it in canonical form, so that equal filters are
/// equal values: `All` and `Any` hold no single node, no node of their own kind and no duplicates, and
/// their nodes are sorted. `Not` never holds a `Not`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Test(Test),
}

impl Node {
    /// The filter that is always true.
    pub(super) const fn always() -> Self {
        Self::All(Vec::new())
    }

    /// `kind` says how the field of this name is compared.
    pub(super) fn matches(&self, new: &Value, old: Option<&Value>, kind: &dyn Fn(&str) -> Kind) -> bool {
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.matches(new, old, kind)),
            Self::Any(nodes) => nodes.iter().any(|node| node.matches(new, old, kind)),
            Self::Not(node) => !node.matches(new, old, kind),
            Self::Test(test) => test.holds(new, old, kind),
        }
    }

    /// Every test in the tree, in its order.
    pub(super) fn tests(&self) -> Vec<&Test> {
        let mut tests = Vec::new();
        self.collect_tests(&mut tests);
        tests
    }

    fn collect_tests<'a>(&'a self, tests: &mut Vec<&'a Test>) {
        match self {
            Self::All(nodes) | Self::Any(nodes) => nodes.iter().for_each(|node| node.collect_tests(tests)),
            Self::Not(node) => node.collect_tests(tests),
            Self::Test(test) => tests.push(test),
        }
    }

    pub(super) fn depth(&self) -> usize {
        match self {
            Self::All(nodes) | Self::Any(nodes) => 1 + nodes.iter().map(Self::depth).max().unwrap_or(0),
            Self::Not(node) => 1 + node.depth(),
            Self::Test(_) => 1,
        }
    }
}
