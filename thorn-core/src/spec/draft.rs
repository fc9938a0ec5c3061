//! The parts of a subscription, before and after they are checked.

use serde_json::{Map, Value};
use url::Url;

use super::{
    content_type::ContentType,
    destination::Destination,
    dialect::Dialect,
    field::Field,
    fields::Fields,
    identity::Identity,
    json::{JsonParts, WrongType},
    max_in_flight::MaxInFlight,
    rate::Rate,
    url_check::UrlScrutiny,
};
use crate::{
    filter::Q,
    headers::ExtraHeaders,
    pattern::Pattern,
    signing::{Digest, Secret, Signer, Signing},
};

/// Which events go where: a subscription without its owner and its history.
///
/// `Debug` shows neither the secret nor the headers' values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubscriptionSpec {
    /// The pattern for the names of matching events.
    pub pattern: Pattern,
    /// A condition on the event's data. `None` matches any data.
    pub filter: Option<Q>,
    /// Where and how deliveries go.
    pub destination: Destination,
    /// The most deliveries in a period. `None` sets no limit.
    pub rate: Option<Rate>,
    /// The most requests under way at once, over all workers. `None` sets no limit.
    pub max_in_flight: Option<MaxInFlight>,
    /// The protocol of the deliveries.
    pub dialect: Dialect,
}

/// The parts of a subscription as somebody gave them, before they are checked. `None` means that the part was left out.
///
/// Left-out parts of a new subscription get their defaults. Left-out parts of a change stay as they are. `Debug` shows
/// neither the secret nor the headers' values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecDraft {
    /// The names of the events to receive, as a [`Pattern`]. A new subscription needs it.
    pub pattern: Option<String>,
    /// A condition on the event's data, as the JSON of a [`Q`](crate::filter::Q). Null means no filter. Conditions on
    /// earlier values (`now_…`, `changed`) are refused: an event doesn't carry these values. Default: no filter.
    pub filter: Option<Value>,
    /// The URL that deliveries go to. A new subscription needs it.
    pub url: Option<String>,
    /// The secret that signs the deliveries. It makes an unsigned subscription signed. Default: thorn generates a
    /// secret, unless `unsigned` is `true`.
    pub secret: Option<Secret>,
    /// Whether the subscription has no secret. Its deliveries carry no signature, so the receiver can't tell a delivery
    /// from a forged request. In a change, `true` removes the secret and `false` changes nothing. Default: `false`.
    pub unsigned: bool,
    /// The hash function of `Hook-HMAC`, the name of a [`Digest`]. Default: `sha256`.
    pub digest: Option<String>,
    /// How `Hook-HMAC` is computed, the name of a [`Signer`]. Default: the setting `hmac_signer`.
    pub signer: Option<String>,
    /// The content type of the body, the name of a [`ContentType`]. Default: `application/json`.
    pub content_type: Option<String>,
    /// The headers sent with each delivery: at most 16 headers, and 8 KiB in total unless
    /// [`Quotas`](crate::subscription::Quotas) say otherwise. `Hook-*`, `webhook-*` and framing
    /// headers are refused. In a change, the list replaces all present headers. Default: none.
    pub headers: Option<ExtraHeaders>,
    /// The most deliveries in a period, the text of a [`Rate`]. `Some(None)` removes the limit. Default: no limit.
    pub rate: Option<Option<String>>,
    /// The most requests under way at once, over all workers: 1 to 64. `Some(None)` removes the limit. Default: no limit.
    pub max_in_flight: Option<Option<i64>>,
    /// The protocol of the deliveries, the name of a [`Dialect`] for events. Default: `thorn`.
    pub dialect: Option<String>,
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
    /// `Some(None)` removes the limit.
    rate: Option<Option<Rate>>,
    /// `Some(None)` removes the limit.
    max_in_flight: Option<Option<MaxInFlight>>,
    dialect: Option<Dialect>,
}

impl SpecDraft {
    /// The fields that [`take`](Self::take) reads.
    pub const FIELDS: [Field; 11] = [
        Field::Pattern,
        Field::Filter,
        Field::Url,
        Field::Secret,
        Field::Digest,
        Field::Signer,
        Field::ContentType,
        Field::Headers,
        Field::Rate,
        Field::MaxInFlight,
        Field::Dialect,
    ];

    /// Takes the parts out of a JSON object, whose names `name` knows. Also returns each part whose JSON has the wrong
    /// type. Such a part is empty in the draft, so that it doesn't look left out.
    pub fn take(members: &mut Map<String, Value>, name: fn(Field) -> &'static str) -> (Self, Vec<(Field, WrongType)>) {
        let mut parts = JsonParts::new(members, name);
        let draft = Self {
            pattern: parts.text(Field::Pattern),
            filter: parts.json(Field::Filter),
            url: parts.text(Field::Url),
            secret: parts.text(Field::Secret).map(Secret::new),
            unsigned: false,
            digest: parts.text(Field::Digest),
            signer: parts.text(Field::Signer),
            content_type: parts.text(Field::ContentType),
            headers: parts.headers(Field::Headers),
            rate: parts.text_or_null(Field::Rate),
            max_in_flight: parts.number_or_null(Field::MaxInFlight),
            dialect: parts.text(Field::Dialect),
        };
        (draft, parts.into_wrong())
    }

    /// Whether every part was left out.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks the parts of a new subscription, which needs a pattern and a URL. The default signer is `signer`.
    /// `fields` collects the errors. The result counts only if there are no errors.
    pub(crate) async fn check_new(
        &self,
        fields: &mut Fields<'_>,
        scrutiny: UrlScrutiny<'_>,
        signer: Signer,
    ) -> Option<SubscriptionSpec> {
        fields.required(Field::Pattern, self.pattern.is_some());
        fields.required(Field::Url, self.url.is_some());
        self.check(fields, scrutiny).await.into_spec(signer)
    }

    /// Checks every part. `fields` collects the errors. The result counts only if there are no errors.
    pub(crate) async fn check(&self, fields: &mut Fields<'_>, scrutiny: UrlScrutiny<'_>) -> SpecChange {
        SpecChange {
            pattern: self.pattern.as_deref().and_then(|text| fields.pattern(text)),
            filter: self.filter.as_ref().and_then(|json| fields.filter(json)),
            url: match (self.url.as_deref(), scrutiny) {
                (Some(url), UrlScrutiny::ResolveUnless(present)) if url == present => None,
                (Some(url), UrlScrutiny::TextOnly) => fields.url_text(url),
                (Some(url), UrlScrutiny::Resolve | UrlScrutiny::ResolveUnless(_)) => fields.url(url).await,
                (None, _) => None,
            },
            secret: match (&self.secret, self.unsigned) {
                (None, false) => None,
                (None, true) => Some(None),
                (Some(secret), unsigned) => fields.secret_unless_unsigned(secret.expose(), unsigned).map(Some),
            },
            digest: self.digest.as_deref().and_then(|text| fields.digest(text)),
            signer: self.signer.as_deref().and_then(|text| fields.signer(text)),
            content_type: self.content_type.as_deref().and_then(|text| fields.content_type(text)),
            headers: self.headers.as_ref().and_then(|headers| fields.headers(headers)),
            rate: match &self.rate {
                Some(Some(text)) => fields.rate(text).map(Some),
                Some(None) => Some(None),
                None => None,
            },
            max_in_flight: match self.max_in_flight {
                Some(Some(number)) => fields.max_in_flight(number).map(Some),
                Some(None) => Some(None),
                None => None,
            },
            dialect: self.dialect.as_deref().and_then(|text| fields.dialect(text)),
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

    /// The identity of a subscription after this change.
    pub(crate) fn identity<'a>(&'a self, before: Identity<'a>) -> Identity<'a> {
        Identity {
            url: self.url.as_deref().unwrap_or(before.url),
            pattern: self.pattern.as_ref().map_or(before.pattern, Pattern::as_str),
            filter: match &self.filter {
                Some(filter) => filter.as_ref().map(|filter| filter.to_string().into()),
                None => before.filter,
            },
            ..before
        }
    }

    /// A new spec. Parts that were left out get their defaults, and the default signer is `signer`. `None` without a
    /// pattern or a URL.
    fn into_spec(self, signer: Signer) -> Option<SubscriptionSpec> {
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
            rate: self.rate.flatten(),
            max_in_flight: self.max_in_flight.flatten(),
            dialect: self.dialect.unwrap_or_default(),
        })
    }

    /// The spec with these changes. Parts that were left out stay the same.
    ///
    /// The headers are an exception: they may hold credentials for the present host. If the URL moves to another
    /// origin, headers that aren't given anew are dropped.
    pub(crate) fn apply(&self, before: SubscriptionSpec) -> SubscriptionSpec {
        let Destination { url, signing, content_type, headers } = before.destination;
        let stays = self.url.as_ref().is_none_or(|new| has_same_origin(new, &url));
        let headers = if stays { headers } else { ExtraHeaders::default() };
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
            rate: self.rate.unwrap_or(before.rate),
            max_in_flight: self.max_in_flight.unwrap_or(before.max_in_flight),
            dialect: self.dialect.unwrap_or(before.dialect),
        }
    }
}

/// Whether two URLs have the same scheme, host and port. A text that isn't a URL has the origin of no other.
fn has_same_origin(one: &str, other: &str) -> bool {
    let origin = |text| Url::parse(text).ok().map(|url| url.origin());
    one == other || origin(one).is_some_and(|one| Some(one) == origin(other))
}

/// The setters of each type that has a `spec`.
macro_rules! spec_setters {
    () => {
        /// Sets a condition on the event's data, as the JSON of a [`Q`](crate::filter::Q). Null means no filter.
        #[must_use]
        pub fn filter(mut self, filter: ::serde_json::Value) -> Self {
            self.spec.filter = Some(filter);
            self
        }

        /// Sets the hash function of `Hook-HMAC`.
        #[must_use]
        pub fn digest(mut self, digest: $crate::signing::Digest) -> Self {
            self.spec.digest = Some(digest.to_string());
            self
        }

        /// Sets how `Hook-HMAC` is computed.
        #[must_use]
        pub fn signer(mut self, signer: $crate::signing::Signer) -> Self {
            self.spec.signer = Some(signer.to_string());
            self
        }

        /// Sets the content type of the body.
        #[must_use]
        pub fn content_type(mut self, content_type: $crate::spec::ContentType) -> Self {
            self.spec.content_type = Some(content_type.to_string());
            self
        }

        /// Sets the most deliveries in a period; `None` sets no limit.
        #[must_use]
        pub fn rate(mut self, rate: impl Into<Option<$crate::spec::Rate>>) -> Self {
            self.spec.rate = Some(rate.into().map(|rate| rate.to_string()));
            self
        }

        /// Sets the most requests under way at once; `None` sets no limit.
        #[must_use]
        pub fn max_in_flight(mut self, limit: impl Into<Option<$crate::spec::MaxInFlight>>) -> Self {
            self.spec.max_in_flight = Some(limit.into().map(|limit| i64::from(limit.number())));
            self
        }

        /// Sets the protocol of the deliveries.
        #[must_use]
        pub fn dialect(mut self, dialect: $crate::spec::Dialect) -> Self {
            self.spec.dialect = Some(dialect.to_string());
            self
        }

        /// Adds a header to those that each delivery carries.
        #[must_use]
        pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.spec.headers.get_or_insert_default().push(name.into(), value.into());
            self
        }
    };
}
pub(crate) use spec_setters;
