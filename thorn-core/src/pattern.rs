//! Which events a subscription wants to hear of.

use std::{fmt, str::FromStr};

use crate::name::MAX_NAME_LENGTH;

/// A subscription's pattern: an event name whose segments may be wildcards.
///
/// - `*` is exactly one segment; as the last one it is one or more, so that `article.*` also hears
///   `article.comment.created`, and a lone `*` hears everything.
/// - `**` is any number of segments, none included: `article.**` also hears `article`.
/// - Anything else is itself, in this letter case.
///
/// The text is kept as it was given.
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

/// The text is no pattern, because it could never match an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePatternError {
    /// There is nothing in it.
    #[error("the pattern is empty; name an event, or use `*` for all")]
    Empty,
    /// No event has a name this long.
    #[error("the pattern has {length} characters, at most {MAX_NAME_LENGTH} are allowed")]
    TooLong {
        /// Its characters.
        length: usize,
    },
    /// No event's name has white space or control characters.
    #[error("pattern {pattern:?} has white space or a control character; event names never do, so remove it")]
    Blank {
        /// The pattern as given.
        pattern: String,
    },
    /// Two dots stand side by side, or one at an end.
    #[error("pattern `{pattern}` has an empty segment; write `*` where any segment is meant, or remove the dot")]
    EmptySegment {
        /// The pattern as given.
        pattern: String,
    },
    /// A wildcard stands for whole segments only.
    #[error(
        "segment `{segment}` of pattern `{pattern}` mixes `*` with something else; a wildcard is a whole segment, `*` or `**`"
    )]
    MixedSegment {
        /// The pattern as given.
        pattern: String,
        /// The segment that is neither a name nor a wildcard.
        segment: String,
    },
    /// One `**` is as good as two.
    #[error("pattern `{pattern}` has `**.**`; one `**` already stands for any number of segments, remove the other")]
    Repeated {
        /// The pattern as given.
        pattern: String,
    },
}

/// A part of a pattern between dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Segment<'a> {
    /// Itself.
    Literal(&'a str),
    /// `*` that isn't last: one segment.
    One,
    /// `**`: any number of segments.
    Any,
    /// `*` at the end: one segment or more.
    Rest,
}

impl Pattern {
    /// Reads a pattern; the same as [`str::parse`].
    ///
    /// # Errors
    ///
    /// [`ParsePatternError`] if no event could ever match.
    pub fn parse(text: &str) -> Result<Self, ParsePatternError> {
        let pattern = || text.to_owned();
        if text.is_empty() {
            return Err(ParsePatternError::Empty);
        }
        let length = text.chars().count();
        if length > MAX_NAME_LENGTH {
            return Err(ParsePatternError::TooLong { length });
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(ParsePatternError::Blank { pattern: pattern() });
        }
        let mut before = "";
        for segment in text.split('.') {
            match segment {
                "" => return Err(ParsePatternError::EmptySegment { pattern: pattern() }),
                "**" if before == "**" => return Err(ParsePatternError::Repeated { pattern: pattern() }),
                "*" | "**" => {}
                mixed if mixed.contains('*') => {
                    return Err(ParsePatternError::MixedSegment { pattern: pattern(), segment: mixed.to_owned() });
                }
                _ => {}
            }
            before = segment;
        }
        Ok(Self(text.into()))
    }

    /// The pattern as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has no wildcard, and so is the name of one event.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        !self.0.contains('*')
    }

    /// Whether it begins with a wildcard, and so means events of every kind.
    #[must_use]
    pub fn is_of_every_kind(&self) -> bool {
        !matches!(self.segments().next(), Some(Segment::Literal(_)))
    }

    /// Whether an event of this name is meant.
    ///
    /// This looks at one pattern; for many, a [`Matcher`](crate::subscription::Matcher) asks them all at once.
    #[must_use]
    pub fn matches(&self, event: &str) -> bool {
        if event.split('.').any(str::is_empty) {
            return false;
        }
        // `reached[n]`: the segments so far can stand for the event's first n.
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

    /// What stands between the dots.
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
