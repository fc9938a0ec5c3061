//! Scopes: the parts of the server that a key may use.

use std::{fmt, str::FromStr};

use crate::pattern::{ParsePatternError, Pattern};

/// The most scopes of one key.
const MOST: usize = 64;

/// One thing that the holder of a key may do.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// `dispatch`: send a request to a URL.
    Dispatch,
    /// `dispatch.response`: read back what the URL answered.
    DispatchResponse,
    /// `publish`: publish events.
    Publish,
    /// `hub.publish`: publish topics of the hub.
    HubPublish,
    /// `stream`: read the stream of every event that the owner may see.
    Stream,
    /// `stream:PATTERN`: read those events of the stream that the pattern matches.
    StreamOf(Pattern),
    /// `hooks`: manage subscriptions.
    Hooks,
    /// `read`: read events and their deliveries.
    Read,
    /// `resend`: send the deliveries of an event again.
    Resend,
    /// `admin`: manage keys.
    Admin,
}

/// A text names no scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseScopeError {
    /// There is no such scope.
    #[error(
        "there is no scope {scope:?}; the scopes are dispatch, dispatch.response, publish, hub.publish, stream, stream:PATTERN, hooks, read, resend and admin"
    )]
    Unknown {
        /// The rejected text.
        scope: String,
    },
    /// The text after `stream:` isn't a pattern.
    #[error("scope `stream:PATTERN`: {0}")]
    Pattern(#[from] ParsePatternError),
    /// There is no scope at all.
    #[error("a key without a scope may do nothing; name at least one scope")]
    None,
    /// There are too many scopes.
    #[error("a key has {count} scopes; at most {MOST} are allowed")]
    TooMany {
        /// The number of scopes.
        count: usize,
    },
}

/// The scopes without a pattern.
const PLAIN: [(Scope, &str); 9] = [
    (Scope::Dispatch, "dispatch"),
    (Scope::DispatchResponse, "dispatch.response"),
    (Scope::Publish, "publish"),
    (Scope::HubPublish, "hub.publish"),
    (Scope::Stream, "stream"),
    (Scope::Hooks, "hooks"),
    (Scope::Read, "read"),
    (Scope::Resend, "resend"),
    (Scope::Admin, "admin"),
];

/// The text before the pattern of [`Scope::StreamOf`].
const STREAM_OF: &str = "stream:";

impl FromStr for Scope {
    type Err = ParseScopeError;

    fn from_str(text: &str) -> Result<Self, ParseScopeError> {
        if let Some(pattern) = text.strip_prefix(STREAM_OF) {
            return Ok(Self::StreamOf(Pattern::parse(pattern)?));
        }
        let plain = PLAIN.into_iter().find(|(_, name)| *name == text);
        plain.map(|(scope, _)| scope).ok_or_else(|| ParseScopeError::Unknown { scope: text.to_owned() })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StreamOf(pattern) => write!(f, "{STREAM_OF}{pattern}"),
            plain => f.write_str(PLAIN.iter().find(|(scope, _)| scope == plain).map_or("", |(_, name)| name)),
        }
    }
}

/// The scopes of a key: at least one, sorted, each once.
///
/// # Examples
///
/// ```
/// use thorn_core::api_key::{Scope, Scopes};
///
/// let scopes: Scopes = "publish stream:order.*".parse()?;
/// assert!(scopes.contains(&Scope::Publish) && !scopes.contains(&Scope::Read));
/// assert_eq!(scopes.to_string(), "publish stream:order.*");
/// # Ok::<(), thorn_core::api_key::ParseScopeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

impl Scopes {
    /// Makes a set of these scopes.
    ///
    /// # Errors
    ///
    /// [`ParseScopeError::None`] without a scope, [`ParseScopeError::TooMany`] with more than 64.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Result<Self, ParseScopeError> {
        let mut scopes: Vec<_> = scopes.into_iter().collect();
        scopes.sort();
        scopes.dedup();
        match scopes.len() {
            0 => Err(ParseScopeError::None),
            1..=MOST => Ok(Self(scopes)),
            count => Err(ParseScopeError::TooMany { count }),
        }
    }

    /// Every scope. A key of an operator with these may do everything.
    #[must_use]
    pub fn all() -> Self {
        let mut all = PLAIN.map(|(scope, _)| scope);
        all.sort();
        Self(all.into())
    }

    /// Whether the set has this scope.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.contains(scope)
    }

    /// Whether every scope of the others is in this set. `stream` has every `stream:PATTERN` in it.
    #[must_use]
    pub fn cover(&self, others: &Self) -> bool {
        let covers = |scope: &Scope| match scope {
            Scope::StreamOf(_) => self.contains(&Scope::Stream) || self.contains(scope),
            plain => self.contains(plain),
        };
        others.iter().all(covers)
    }

    /// The patterns of `stream:PATTERN` that bound what the holder may stream. `None` if `stream` lets them stream all
    /// that they may see.
    #[must_use]
    pub fn stream_patterns(&self) -> Option<Vec<Pattern>> {
        let pattern = |scope: &Scope| match scope {
            Scope::StreamOf(pattern) => Some(pattern.clone()),
            _ => None,
        };
        if self.contains(&Scope::Stream) { None } else { Some(self.0.iter().filter_map(pattern).collect()) }
    }

    /// The scopes in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl FromStr for Scopes {
    type Err = ParseScopeError;

    /// Reads scopes between white space.
    fn from_str(text: &str) -> Result<Self, ParseScopeError> {
        Self::new(text.split_whitespace().map(str::parse).collect::<Result<Vec<_>, _>>()?)
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, scope) in self.0.iter().enumerate() {
            let space = if n == 0 { "" } else { " " };
            write!(f, "{space}{scope}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_written_as_it_is_read() {
        for (scope, name) in PLAIN {
            assert_eq!((name.parse(), scope.to_string()), (Ok(scope), name.to_owned()));
        }
        let of: Scope = "stream:order.**".parse().unwrap();
        assert_eq!((of.to_string(), of), ("stream:order.**".into(), Scope::StreamOf("order.**".parse().unwrap())));
    }

    #[test]
    fn patterns_bound_a_stream_unless_the_plain_scope_is_there() {
        let patterns = |text: &str| text.parse::<Scopes>().unwrap().stream_patterns();
        assert_eq!(patterns("stream:a stream:b.* read"), Some(vec!["a".parse().unwrap(), "b.*".parse().unwrap()]));
        assert_eq!(patterns("stream stream:a"), None);
        assert_eq!(patterns("read"), Some(vec![]));
    }

    #[test]
    fn a_set_covers_what_it_has_and_patterns_if_it_has_all_streams() {
        let covers = |set: &str, others: &str| set.parse::<Scopes>().unwrap().cover(&others.parse().unwrap());
        assert!(covers("read publish", "read") && covers("stream read", "stream:a.* stream"));
        assert!(covers("stream:a.* read", "stream:a.*"));
        assert!(
            !covers("read", "read publish") && !covers("stream:a.*", "stream") && !covers("stream:a.*", "stream:a.b")
        );
    }

    #[test]
    fn a_set_is_sorted_and_refuses_what_is_no_scope() {
        let scopes: Scopes = " stream:b  read stream:a read\n".parse().unwrap();
        assert_eq!(scopes.to_string(), "stream:a stream:b read");
        assert_eq!("".parse::<Scopes>(), Err(ParseScopeError::None));
        assert_eq!("Read".parse::<Scopes>(), Err(ParseScopeError::Unknown { scope: "Read".into() }));
        assert!(matches!("stream:a*".parse::<Scopes>(), Err(ParseScopeError::Pattern(_))));
        let many = (0..=MOST).map(|n| format!("stream:a{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(many.parse::<Scopes>(), Err(ParseScopeError::TooMany { count: MOST + 1 }));
        assert!(Scopes::all().iter().count() == PLAIN.len() && Scopes::all().contains(&Scope::Admin));
    }
}
