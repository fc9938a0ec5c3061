//! Who is asking: the application's own extractor tells.

use axum::Extension;
use thorn_core::subscription::Access;

/// An extractor of the application that tells whose subscriptions a request is about.
///
/// It is the authentication the application has anyway: a session, a bearer token, a header from a
/// proxy. Its rejection is the answer to whoever has no credentials, returned as it is;
/// [`Unauthenticated`](crate::Unauthenticated) is one that fits.
///
/// The owner is compared with the sender of events, so both have to name a person the same way.
///
/// # Examples
///
/// ```
/// use axum::{extract::FromRequestParts, http::request::Parts};
/// use thorn_axum::{HookOwner, Unauthenticated};
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
/// impl HookOwner for User {
///     fn access(&self) -> Access<'_> {
///         if self.is_staff { Access::Operator } else { Access::Owner(&self.id) }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't say whose subscriptions a request is about",
    label = "needs `impl HookOwner`",
    note = "implement `thorn_axum::HookOwner` for the extractor that authenticates your users"
)]
pub trait HookOwner {
    /// An owner sees and changes their own subscriptions. An operator sees and changes all, and
    /// what an operator creates is global: it hears of everybody's events.
    fn access(&self) -> Access<'_>;
}

/// For an application whose middleware has put the user among the request's extensions.
impl<T: HookOwner> HookOwner for Extension<T> {
    fn access(&self) -> Access<'_> {
        self.0.access()
    }
}
