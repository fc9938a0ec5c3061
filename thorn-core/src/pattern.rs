//! Patterns: the event names that a subscription matches.

mod trie;

pub(crate) use self::trie::{Leaf, Node, SegmentedName};

use std::{fmt, str::FromStr};

use crate::{name::MAX_NAME_LENGTH, printable::acts_on_terminals};

/// The pattern of a subscription: an event name whose segments may be wildcards.
///
/// - `*` matches exactly one segment. As the last segment it matches one or more, so `article.*` also matches
///   `article.comment.created`, and a lone `*` matches every event.
/// - `**` matches any number of segments, including none, so `article.**` also matches `article`.
/// - Any other segment matches itself, case-sensitively.
///
/// A pattern keeps the text it was parsed from. It has at most 190 characters.
///
/// # Examples
///
/// ```
/// use thorn_core::subscription::Pattern;
///
/// let pattern: Pattern = "article.*".parse()?;
/// assert!(pattern.matches("article.created"));
/// assert!(!pattern.matches("article"));
/// assert!("art*".parse::<Pattern>().is_err());
/// # Ok::<(), thorn_core::subscription::ParsePatternError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Box<str>);

/// The text is not a pattern. It breaks a rule, or could never match an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePatternError {
    /// The text is empty.
    #[error("the pattern is empty; name an event, or use `*` for all events")]
    Empty,
    /// The text is longer than an event name can be.
    #[error("the pattern has {length} characters; at most {MAX_NAME_LENGTH} are allowed")]
    TooLong {
        /// The number of characters.
        length: usize,
    },
    /// The text has white space, a control character or one that changes the direction of writing. Event names can't
    /// contain these.
    #[error(
        "pattern {pattern:?} contains white space, a control character or one that changes the direction of writing, which event names never do; remove it"
    )]
    Blank {
        /// The rejected text.
        pattern: String,
    },
    /// A segment is empty: there are two adjacent dots, or a dot at the start or end.
    #[error("pattern `{pattern}` has an empty segment; write `*` to match any segment, or remove the dot")]
    EmptySegment {
        /// The rejected text.
        pattern: String,
    },
    /// A segment combines a wildcard with other characters. A wildcard is always a whole segment.
    #[error(
        "segment `{segment}` of pattern `{pattern}` combines `*` with other characters; a wildcard is a whole segment, `*` or `**`"
    )]
    MixedSegment {
        /// The rejected text.
        pattern: String,
        /// The segment with the wildcard.
        segment: String,
    },
    /// The text contains `**.**`, which means the same as `**`.
    #[error("pattern `{pattern}` contains `**.**`; one `**` already matches any number of segments, remove the other")]
    Repeated {
        /// The rejected text.
        pattern: String,
    },
}

/// A segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    /// Matches a segment with this text.
    Literal(&'a str),
    /// `*` before other segments: matches exactly one segment.
    One,
    /// `**`: matches any number of segments.
    Any,
    /// `*` at the end: matches one or more segments.
    Rest,
}

impl Pattern {
    /// Parses a pattern, as [`str::parse`] does.
    ///
    /// # Errors
    ///
    /// [`ParsePatternError`] if the text breaks a rule.
    pub fn parse(text: &str) -> Result<Self, ParsePatternError> {
        let pattern = || text.to_owned();
        if text.is_empty() {
            return Err(ParsePatternError::Empty);
        }
        let length = text.chars().count();
        if length > MAX_NAME_LENGTH {
            return Err(ParsePatternError::TooLong { length });
        }
        if text.chars().any(|c| acts_on_terminals(c) || c.is_whitespace()) {
            return Err(ParsePatternError::Blank { pattern: pattern() });
        }
        let mut previous = "";
        for segment in text.split('.') {
            match segment {
                "" => return Err(ParsePatternError::EmptySegment { pattern: pattern() }),
                "**" if previous == "**" => return Err(ParsePatternError::Repeated { pattern: pattern() }),
                "*" | "**" => {}
                mixed if mixed.contains('*') => {
                    return Err(ParsePatternError::MixedSegment { pattern: pattern(), segment: mixed.to_owned() });
                }
                _ => {}
            }
            previous = segment;
        }
        Ok(Self(text.into()))
    }

    /// The text that the pattern was parsed from.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern has no wildcard and thus matches a single event name.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether the pattern begins with a wildcard and thus matches events of every kind.
    #[must_use]
    pub fn is_of_every_kind(&self) -> bool {
        !matches!(self.segments().next(), Some(Segment::Literal(_)))
    }

    /// Whether the pattern matches an event of this name. It never matches an invalid name.
    #[must_use]
    pub fn matches(&self, event: &str) -> bool {
        if event.split('.').any(str::is_empty) {
            return false;
        }
        // `reached[n]` is true if the segments read so far match the first `n` segments of the event.
        let names: Vec<&str> = event.split('.').collect();
        let mut reached = vec![false; names.len() + 1];
        reached[0] = true;
        for segment in self.segments() {
            let mut next = vec![false; names.len() + 1];
            for from in (0..=names.len()).filter(|n| reached[*n]) {
                match segment {
                    Segment::Literal(text) if names.get(from) == Some(&text) => next[from + 1] = true,
                    Segment::One if from < names.len() => next[from + 1] = true,
                    Segment::Any => next[from..].fill(true),
                    Segment::Rest => next[from + 1..].fill(true),
                    Segment::Literal(_) | Segment::One => {}
                }
            }
            reached = next;
        }
        reached[names.len()]
    }

    /// The segments from left to right.
    pub(super) fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let mut parts = self.0.split('.').peekable();
        std::iter::from_fn(move || {
            let part = parts.next()?;
            Some(match (part, parts.peek()) {
                ("*", None) => Segment::Rest,
                ("*", Some(_)) => Segment::One,
                ("**", _) => Segment::Any,
                (text, _) => Segment::Literal(text),
            })
        })
    }
}

impl FromStr for Pattern {
    type Err = ParsePatternError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::parse(s)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({})", self.0)
    }
}

#[cfg(test)]
mod tests;
