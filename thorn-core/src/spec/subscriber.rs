//! A recipient that an event brings.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{
    content_type::ContentType, destination::Destination, fields::Fields, identity::normal_url,
    invalid::InvalidSubscription,
};
use crate::{
    id::SubscriptionId,
    signing::{Digest, Secret, Signer, Signing},
};

/// A recipient of one event, besides the subscriptions that match it. The event brings it
/// ([`Event::to`](crate::event::Event::to)), or a callback names it
/// ([`ThornBuilder::recipients`](crate::ThornBuilder::recipients)).
///
/// A subscriber appears in no list and can't be disabled. It lives as long as the event's deliveries. `Debug`
/// shows neither the secret nor the URL.
///
/// # Examples
///
/// ```
/// use thorn_core::{signing::Digest, subscription::Subscriber};
///
/// let partner = Subscriber::signed("https://partner.example/hook", "their-long-secret")?.digest(Digest::Sha512);
/// let monitor = Subscriber::unsigned("https://monitor.example/hook")?.name("monitor");
/// assert_ne!(partner.subscription_id(), monitor.subscription_id());
/// # Ok::<(), thorn_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Subscriber {
    pub(crate) destination: Destination,
    name: String,
    id: Option<SubscriptionId>,
}

impl Subscriber {
    /// A recipient whose deliveries are signed with this secret.
    ///
    /// # Errors
    ///
    /// [`InvalidSubscription`] if the URL or the secret doesn't have the required form. Thorn checks whether
    /// deliveries may go to the URL when the event is sent, and again on each connection.
    pub fn signed(url: impl Into<String>, secret: impl AsRef<str>) -> Result<Self, InvalidSubscription> {
        let mut fields = Fields::without_url_check();
        let secret = fields.secret(secret.as_ref());
        let made = Self::with(&mut fields, url.into(), secret);
        if fields.is_valid() { Ok(made) } else { Err(fields.into_errors()) }
    }

    /// A recipient whose deliveries carry no signature. The recipient can't tell them from forged deliveries.
    ///
    /// # Errors
    ///
    /// [`InvalidSubscription`] if the URL doesn't have the required form. The later checks are the same as for
    /// [`signed`](Self::signed).
    pub fn unsigned(url: impl Into<String>) -> Result<Self, InvalidSubscription> {
        let mut fields = Fields::without_url_check();
        let made = Self::with(&mut fields, url.into(), None);
        if fields.is_valid() { Ok(made) } else { Err(fields.into_errors()) }
    }

    fn with(fields: &mut Fields<'_>, url: String, secret: Option<Secret>) -> Self {
        fields.url_form(&url);
        let signing = Signing { secret, ..Signing::default() };
        Self { destination: Destination { signing, ..Destination::new(url) }, name: String::new(), id: None }
    }

    /// A subscriber that was checked and stored with this id.
    pub(crate) const fn stored(id: SubscriptionId, destination: Destination) -> Self {
        Self { destination, name: String::new(), id: Some(id) }
    }

    /// Sets the hash function of `Hook-HMAC`. Default: SHA-256.
    #[must_use]
    pub const fn digest(mut self, digest: Digest) -> Self {
        self.destination.signing.digest = digest;
        self
    }

    /// Sets how `Hook-HMAC` is made. Default: plain HMAC.
    #[must_use]
    pub const fn signer(mut self, signer: Signer) -> Self {
        self.destination.signing.signer = signer;
        self
    }

    /// Sets the form of the body. Default: JSON.
    #[must_use]
    pub const fn content_type(mut self, content_type: ContentType) -> Self {
        self.destination.content_type = content_type;
        self
    }

    /// Sets a name that tells two recipients with the same URL apart. Thorn derives a recipient's id from the URL and
    /// the name, and an event has only one delivery for each id.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the id that is sent as `Hook-Subscription`. By default, Thorn derives the id from the URL and the name.
    #[must_use]
    pub const fn id(mut self, id: SubscriptionId) -> Self {
        self.id = Some(id);
        self
    }

    /// The id that is sent as `Hook-Subscription`. Unless [`id`](Self::id) sets it, the same URL and name always give
    /// the same id, in whatever spelling the URL is given.
    #[must_use]
    pub fn subscription_id(&self) -> SubscriptionId {
        self.id.unwrap_or_else(|| derived("subscriber", &[&normal_url(&self.destination.url), &self.name]))
    }

    /// The URL that the deliveries go to.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.destination.url
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.subscription_id();
        f.debug_struct("Subscriber")
            .field("id", &id)
            .field("signed", &self.destination.signing.secret.is_some())
            .finish_non_exhaustive()
    }
}

/// Derives an id from the texts: a UUIDv8 made of a hash. The length of each text is hashed before the text, so no
/// two lists give the same bytes.
pub(crate) fn derived(kind: &str, texts: &[&str]) -> SubscriptionId {
    let mut hash = Sha256::new();
    for text in [&["thorn", kind], texts].concat() {
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    SubscriptionId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thorn_101_ids_are_stable_and_told_apart_by_url_and_name() {
        let id = |url: &str, name: &str| Subscriber::unsigned(url).unwrap().name(name).subscription_id();
        let first = id("https://a.example/", "");
        assert_eq!(first.to_string(), "505ad11e-f346-8788-b8b1-19752ceac3c2");
        assert_eq!(first, Subscriber::signed("https://a.example/", "other").unwrap().subscription_id());
        assert_eq!(first, id("HTTPS://A.example:443", ""), "another spelling is no second recipient");
        assert_ne!(first, id("https://a.example/", "x"));
        assert_ne!(first, id("https://a.example/x", ""));
        let own = SubscriptionId::generate();
        assert_eq!(Subscriber::unsigned("https://a.example/").unwrap().id(own).subscription_id(), own);
    }

    #[test]
    fn url_and_secret_are_checked_together_and_never_shown() {
        let error = Subscriber::signed("https://hunter2@x/", "enc1:hunter2").unwrap_err();
        assert_eq!(error.errors.len(), 2, "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        for bad in ["", "ftp://a.example/", "/a", "https://", "https://a.example/#x"] {
            assert!(Subscriber::unsigned(bad).is_err(), "{bad}");
        }
        let shown = format!("{:?}", Subscriber::signed("https://a.example/hunter2", "hunter2").unwrap());
        assert!(shown.contains("signed: true") && !shown.contains("hunter2"), "{shown}");
    }
}
