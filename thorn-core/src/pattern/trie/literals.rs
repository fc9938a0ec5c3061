//! The children of a node for literal segments.

use std::collections::HashMap;

/// Children by their segments.
///
/// Most nodes have none or one, for which a map would take five times the memory. The children are boxed, because a map
/// allocates room for more than it holds.
#[derive(Debug)]
pub(super) enum Literals<N> {
    None,
    One(Box<str>, Box<N>),
    #[allow(clippy::box_collection, reason = "a map is three times as large as the other variants")]
    Many(Box<HashMap<Box<str>, Box<N>>>),
}

impl<N: Default> Literals<N> {
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self, Self::None)
    }

    pub(super) fn get(&self, segment: &str) -> Option<&N> {
        match self {
            Self::None => None,
            Self::One(only, child) => (**only == *segment).then_some(child),
            Self::Many(children) => children.get(segment).map(AsRef::as_ref),
        }
    }

    /// The child of this segment, which is inserted if it is missing.
    pub(super) fn get_or_insert(&mut self, segment: &str) -> &mut N {
        match self {
            Self::None => *self = Self::One(segment.into(), Box::default()),
            Self::One(only, _) if **only != *segment => {
                if let Self::One(only, child) = std::mem::replace(self, Self::None) {
                    *self = Self::Many(Box::new(HashMap::from([(only, child)])));
                }
            }
            Self::One(..) | Self::Many(_) => {}
        }
        match self {
            Self::None => unreachable!("the match above has replaced it"),
            Self::One(_, child) => child,
            Self::Many(children) => children.entry(segment.into()).or_default(),
        }
    }

    /// Lets `change` change the child of this segment, and removes the child if that says so.
    pub(super) fn remove_if(&mut self, segment: &str, change: impl FnOnce(&mut N) -> bool) {
        match self {
            Self::One(only, child) if **only == *segment => {
                if change(child) {
                    *self = Self::None;
                }
            }
            Self::Many(children) => {
                if children.get_mut(segment).is_some_and(|child| change(child)) {
                    children.remove(segment);
                }
                if children.is_empty() {
                    *self = Self::None;
                }
            }
            Self::None | Self::One(..) => {}
        }
    }

    /// The children, in no order.
    pub(super) fn values(&self) -> impl Iterator<Item = &N> {
        let (one, many) = match self {
            Self::None => (None, None),
            Self::One(_, child) => (Some(child), None),
            Self::Many(children) => (None, Some(children.values())),
        };
        one.into_iter().chain(many.into_iter().flatten()).map(AsRef::as_ref)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn children_are_found_and_removed_whether_there_is_one_or_many() {
        let mut literals = Literals::<String>::None;
        for (number, segment) in ["a", "b", "a", "c"].into_iter().enumerate() {
            literals.get_or_insert(segment).push_str(&number.to_string());
        }
        let mut values: Vec<_> = literals.values().cloned().collect();
        values.sort_unstable();
        assert_eq!(values, ["02", "1", "3"]);
        assert_eq!((literals.get("a").unwrap().as_str(), literals.get("d")), ("02", None));
        literals.remove_if("a", |_| false);
        literals.remove_if("d", |_| true);
        assert_eq!(literals.values().count(), 3);
        for segment in ["a", "c", "b"] {
            literals.remove_if(segment, |_| true);
            assert_eq!(literals.get(segment), None);
        }
        assert!(literals.is_empty());
        literals.get_or_insert("e").push('5');
        literals.remove_if("f", |_| true);
        assert_eq!(literals.get("e").unwrap(), "5");
        assert_eq!(literals.get("f"), None);
        literals.remove_if("e", |_| true);
        assert!(literals.is_empty() && literals.values().next().is_none());
    }
}
