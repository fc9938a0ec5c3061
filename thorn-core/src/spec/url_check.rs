//! Whether deliveries may go to a URL.

use std::fmt;

use crate::guard::{TargetError, TargetGuard, parse_url};

/// Decides whether deliveries may go to a URL.
///
/// [`TargetGuard`](crate::guard::TargetGuard) implements this trait. A check may resolve names, so its result holds
/// only for the moment. Each connection is checked again.
#[async_trait::async_trait]
pub trait UrlCheck: fmt::Debug + Send + Sync {
    /// Refuses the URL if deliveries must not go to it.
    ///
    /// # Errors
    ///
    /// [`TargetError`] with the reason.
    async fn check(&self, url: &str) -> Result<(), TargetError>;

    /// Checks only the URL's text, without resolving a name. By default every URL passes.
    ///
    /// # Errors
    ///
    /// [`TargetError`] with the reason.
    fn check_text(&self, url: &str) -> Result<(), TargetError> {
        let _ = url;
        Ok(())
    }
}

#[async_trait::async_trait]
impl UrlCheck for TargetGuard {
    async fn check(&self, url: &str) -> Result<(), TargetError> {
        Self::check(self, url).await
    }

    fn check_text(&self, url: &str) -> Result<(), TargetError> {
        self.check_url(&parse_url(url)?)
    }
}

/// How much of a URL is checked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum UrlScrutiny<'a> {
    /// Everything, the addresses of its host included.
    Resolve,
    /// Everything, unless the URL equals this URL, which was checked before. A change of another field then succeeds
    /// even if the host doesn't resolve right now.
    ResolveUnless(&'a str),
    /// Only the URL's text. The client checks the host's addresses on each connection.
    TextOnly,
}
