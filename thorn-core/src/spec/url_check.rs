//! Whether deliveries may go to a URL.

use std::fmt;

use crate::guard::{TargetError, TargetGuard, parse_url};

/// Decides whether deliveries may go to a URL.
///
/// [`TargetGuard`](crate::guard::TargetGuard) implements it. It may resolve names, so its answer holds only for
/// this moment. Each connection is checked again.
#[async_trait::async_trait]
pub trait UrlCheck: fmt::Debug + Send + Sync {
    /// Refuses the URL if deliveries must not go there.
    ///
    /// # Errors
    ///
    /// [`TargetError`] with the reason.
    async fn check(&self, url: &str) -> Result<(), TargetError>;

    /// Refuses the URL because of its text alone, without resolving a name. By default every URL passes.
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
