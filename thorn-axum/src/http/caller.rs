//! The caller, identified by the application's own authentication.

use std::borrow::Cow;

use axum::Extension;
use thorn_core::subscription::{Access, Pattern};

/// An extractor of your application that says who calls.
///
/// Implement it for the extractor that already authenticates your users: a session, a bearer token,
/// a header set by a proxy. If the extractor rejects a request, its rejection is the answer;
/// [`Unauthenticated`](crate::Unauthenticated) is a suitable rejection.
///
/// Thorn compares the caller with the sender of each event, so use the same id for a person in both
/// places.
///
/// # Examples
///
/// ```
/// use axum::{extract::FromRequestParts, http::request::Parts};
/// use thorn_axum::{Caller, Unauthenticated};
/// use thorn_core::subscription::Access;
///
/// struct User { id: String, is_staff: bool }
///
/// impl<S: Send + Sync> FromRequestParts<S> for User {
///     type Rejection = Unauthenticated;
///
///     async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Unauthenticated> {
///         # fn session(_: &Parts) -> Option<User> { None }
///         session(parts).ok_or_else(|| Unauthenticated::basic("blog"))
///     }
/// }
///
/// impl Caller for User {
///     fn access(&self) -> Access<'_> {
///         if self.is_staff { Access::Operator } else { Access::Owner(&self.id) }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't say who calls",
    label = "needs `impl Caller`",
    note = "implement `thorn_axum::Caller` for the extractor that authenticates your users"
)]
pub trait Caller {
    /// Returns what the caller may see and change.
    ///
    /// An owner sees and changes their own subscriptions. An operator sees and changes all of them.
    /// A subscription that an operator creates is global: it receives the events of every sender.
    fn access(&self) -> Access<'_>;

    /// Returns who calls, for the log. The log says who had a secret shown. Default: the owner's id, or `an operator`.
    fn name(&self) -> Cow<'_, str> {
        match self.access() {
            Access::Owner(id) => Cow::Borrowed(id),
            Access::Id(id) => Cow::Owned(id.as_str().to_owned()),
            Access::Operator => Cow::Borrowed("an operator"),
        }
    }

    /// Returns the patterns that bound what the caller may stream: an event must match one of them as well as a topic.
    /// Default: `None`, which sets no such bound.
    fn stream_scope(&self) -> Option<Vec<Pattern>> {
        None
    }

    /// Returns the key under which the caller's open streams are counted, such as the id of an API key. Default: the
    /// [`name`](Self::name).
    fn stream_key(&self) -> Cow<'_, str> {
        self.name()
    }
}

/// For applications whose middleware puts the user into the request's extensions.
impl<T: Caller> Caller for Extension<T> {
    fn access(&self) -> Access<'_> {
        self.0.access()
    }

    fn name(&self) -> Cow<'_, str> {
        self.0.name()
    }

    fn stream_scope(&self) -> Option<Vec<Pattern>> {
        self.0.stream_scope()
    }

    fn stream_key(&self) -> Cow<'_, str> {
        self.0.stream_key()
    }
}
