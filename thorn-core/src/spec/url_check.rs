//! Whether deliveries may go to a URL.

use std::fmt;

use crate::guard::{TargetError, TargetGuard, parse_url};

/// Decides whether deliveries may go to a URL. The target guard of the delivery module does; it may
/// resolve names, so the answer is true at this moment only and is asked for again when sending.
#[async_trait::async_trait]
pub trait UrlCheck: fmt::Debug + Send + Sync {
    /// Refuses the URL if deliveries must not go there.
    ///
    /// # Errors
    ///
    /// [`TargetError`] with the reason.
    async fn check(&self, url: &str) -> Result<(), TargetError>;

    /// Refuses the URL for what it says alone, without asking a name server. Default: it doesn't.
    ///
    /// # Errors
    ///
    /// [`TargetError`] with the reason.
    fn check_alone(&self, url: &str) -> Result<(), TargetError> {
        let _ = url;
        Ok(())
    }
}

#[async_trait::async_trait]
impl UrlCheck for TargetGuard {
    async fn check(&self, url: &str) -> Result<(), TargetError> {
        Self::check(self, url).await
    }

    fn check_alone(&self, url: &str) -> Result<(), TargetError> {
        self.check_url(&parse_url(url)?)
    }
}
