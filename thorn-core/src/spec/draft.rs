//! The parts of a subscription, before and after they are checked.

use serde_json::Value;

use super::{content_type::ContentType, destination::Destination, fields::Fields};
use crate::{
    filter::Q,
    headers::ExtraHeaders,
    pattern::Pattern,
    signing::{Digest, Secret, Signer, Signing},
};

/// Which events go where: a subscription without its owner and its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SubscriptionSpec {
    /// Which events match, by their names.
    pub(crate) pattern: Pattern,
    /// A condition on the events' data, if there is one.
    pub(crate) filter: Option<Q>,
    /// Where and how deliveries go.
    pub(crate) destination: Destination,
}

/// The unchecked parts of a new subscription, of a change, or of a configured subscription. `None` means that the
/// part was left out.
#[derive(Clone, Copy, Default)]
pub(crate) struct SpecDraft<'a> {
    pub(crate) pattern: Option<&'a str>,
    pub(crate) filter: Option<&'a Value>,
    pub(crate) url: Option<&'a str>,
    pub(crate) secret: Option<&'a str>,
    pub(crate) unsigned: bool,
    pub(crate) digest: Option<&'a str>,
    pub(crate) signer: Option<&'a str>,
    pub(crate) content_type: Option<&'a str>,
    pub(crate) headers: Option<&'a ExtraHeaders>,
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

/// The checked parts of a subscription. `None` means that the part was left out.
#[derive(Clone, Debug)]
pub(crate) struct SpecChange {
    pattern: Option<Pattern>,
    /// `Some(None)` removes the filter.
    filter: Option<Option<Q>>,
    url: Option<String>,
    /// `Some(None)` removes the secret.
    secret: Option<Option<Secret>>,
    digest: Option<Digest>,
    signer: Option<Signer>,
    content_type: Option<ContentType>,
    headers: Option<ExtraHeaders>,
}

impl SpecDraft<'_> {
    /// Whether every part was left out.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { pattern, filter, url, secret, unsigned, digest, signer, content_type, headers } = self;
        let texts = [pattern, url, secret, digest, signer, content_type];
        texts.iter().all(|text| text.is_none()) && filter.is_none() && !unsigned && headers.is_none()
    }

    /// Checks every part. `fields` collects the errors. The result counts only if there are no errors.
    pub(crate) async fn check(&self, fields: &mut Fields<'_>, scrutiny: UrlScrutiny<'_>) -> SpecChange {
        SpecChange {
            pattern: self.pattern.and_then(|text| fields.pattern(text)),
            filter: self.filter.and_then(|json| fields.filter(json)),
            url: match (self.url, scrutiny) {
                (Some(url), UrlScrutiny::ResolveUnless(present)) if url == present => None,
                (Some(url), UrlScrutiny::TextOnly) => fields.url_text(url),
                (Some(url), UrlScrutiny::Resolve | UrlScrutiny::ResolveUnless(_)) => fields.url(url).await,
                (None, _) => None,
            },
            secret: match (self.secret, self.unsigned) {
                (None, false) => None,
                (None, true) => Some(None),
                (Some(text), unsigned) => fields.secret_unless_unsigned(text, unsigned).map(Some),
            },
            digest: self.digest.and_then(|text| fields.digest(text)),
            signer: self.signer.and_then(|text| fields.signer(text)),
            content_type: self.content_type.and_then(|text| fields.content_type(text)),
            headers: self.headers.and_then(|headers| fields.headers(headers)),
        }
    }
}

impl SpecChange {
    /// The new secret, if this changes the secret. `Some(None)` removes it.
    pub(crate) const fn secret(&self) -> Option<&Option<Secret>> {
        self.secret.as_ref()
    }

    /// The new headers, if this changes the headers.
    pub(crate) const fn headers(&self) -> Option<&ExtraHeaders> {
        self.headers.as_ref()
    }

    /// A new spec. Parts that were left out get their defaults, and the default signer is `signer`. `None` without a
    /// pattern or a URL.
    pub(crate) fn into_spec(self, signer: Signer) -> Option<SubscriptionSpec> {
        Some(SubscriptionSpec {
            pattern: self.pattern?,
            filter: self.filter.flatten(),
            destination: Destination {
                url: self.url?,
                signing: Signing {
                    secret: self.secret.flatten(),
                    digest: self.digest.unwrap_or_default(),
                    signer: self.signer.unwrap_or(signer),
                },
                content_type: self.content_type.unwrap_or_default(),
                headers: self.headers.unwrap_or_default(),
            },
        })
    }

    /// The spec with these changes. Parts that were left out stay the same.
    pub(crate) fn apply(&self, before: SubscriptionSpec) -> SubscriptionSpec {
        let Destination { url, signing, content_type, headers } = before.destination;
        SubscriptionSpec {
            pattern: self.pattern.clone().unwrap_or(before.pattern),
            filter: self.filter.clone().unwrap_or(before.filter),
            destination: Destination {
                url: self.url.clone().unwrap_or(url),
                signing: Signing {
                    secret: self.secret.clone().unwrap_or(signing.secret),
                    digest: self.digest.unwrap_or(signing.digest),
                    signer: self.signer.unwrap_or(signing.signer),
                },
                content_type: self.content_type.unwrap_or(content_type),
                headers: self.headers.clone().unwrap_or(headers),
            },
        }
    }
}
