//! The question whether an endpoint wants CloudEvents.

use super::Thorn;
use crate::{
    cloud_event::{Consent, ConsentRefused},
    subscription::{Access, Rate},
};

impl Thorn {
    /// Asks the endpoint at this URL whether it wants CloudEvents, with the handshake of their HTTP webhooks: OPTIONS with
    /// `WebHook-Request-Origin`, which is the host of the base URL. `rate` is the rate to wish for.
    ///
    /// The REST API asks before it makes such a subscription. An application that makes one itself may ask as well.
    ///
    /// # Errors
    ///
    /// [`ConsentRefused::Endpoint`] if the endpoint gives no consent, doesn't answer or may not be reached;
    /// [`ConsentRefused::Busy`] if the process asks too many already; [`ConsentRefused::Unable`] without the feature
    /// `delivery`, or if the HTTP client can't be built.
    #[cfg(feature = "delivery")]
    pub async fn ask_for_consent(
        &self,
        access: Access<'_>,
        url: &str,
        rate: Option<Rate>,
    ) -> Result<Consent, ConsentRefused> {
        self.0.delivering.consents.ask(&self.0.config, access.owner_id(), url, rate).await
    }

    /// Asks the endpoint at this URL whether it wants CloudEvents. This build can't.
    ///
    /// # Errors
    ///
    /// [`ConsentRefused::Unable`], always.
    #[cfg(not(feature = "delivery"))]
    pub async fn ask_for_consent(&self, _: Access<'_>, _: &str, _: Option<Rate>) -> Result<Consent, ConsentRefused> {
        Err(ConsentRefused::Unable("it needs the feature `delivery`".to_owned()))
    }
}
