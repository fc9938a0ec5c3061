//! The rules for a subscription's fields.

mod of_webhook;

use serde_json::Value;

use super::{
    content_type::ContentType,
    dialect::Dialect,
    field::Field,
    invalid::{FieldError, FieldErrorKind, InvalidSubscription},
    max_in_flight::MaxInFlight,
    quota::Quotas,
    rate::Rate,
    source::is_of_webhook,
    url_check::UrlCheck,
    url_form::check_form,
};
use crate::{
    filter::Q,
    guard::TargetError,
    headers::{ExtraHeaders, check_header},
    name::INTERNAL,
    pattern::{ParsePatternError, Pattern},
    printable::acts_on_terminals,
    short_text::{InvalidShortText, check_short_text},
    signing::{Digest, SEALED_PREFIX, Secret, Signer},
};

const MAX_URL: usize = 2048;
const MAX_TEXT: usize = 190;
const MAX_HEADERS: usize = 16;

/// Checks fields one after another and collects their errors. Each check returns the field's value, or `None`
/// after it has noted an error.
pub(crate) struct Fields<'a> {
    check: &'a dyn UrlCheck,
    choices: Option<&'a [String]>,
    quotas: Quotas,
    errors: Vec<FieldError>,
}

/// Accepts every URL.
#[derive(Debug)]
struct AllowAnyUrl;

#[async_trait::async_trait]
impl UrlCheck for AllowAnyUrl {
    async fn check(&self, _: &str) -> Result<(), TargetError> {
        Ok(())
    }
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(check: &'a dyn UrlCheck, choices: Option<&'a [String]>, quotas: Quotas) -> Self {
        Self { check, choices, quotas, errors: Vec::new() }
    }

    /// Checks without a [`UrlCheck`] and without event choices.
    pub(crate) fn without_url_check() -> Self {
        Self::new(&AllowAnyUrl, None, Quotas::default())
    }

    /// Whether no check has noted an error.
    pub(crate) const fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// Whether no check has noted an error of this field.
    pub(crate) fn is_valid_in(&self, field: Field) -> bool {
        self.errors.iter().all(|error| error.field != field)
    }

    /// Notes that the owner already has this subscription.
    pub(crate) fn duplicate(&mut self) {
        self.errors.extend(InvalidSubscription::duplicate().errors);
    }

    /// All errors that the checks have noted.
    pub(crate) fn into_errors(self) -> InvalidSubscription {
        InvalidSubscription { errors: self.errors }
    }

    /// Notes an error if a field that must be given was left out.
    pub(crate) fn required(&mut self, field: Field, is_given: bool) {
        if !is_given {
            self.wrong::<()>(field, FieldErrorKind::Required, "it is missing; a subscription needs it");
        }
    }

    pub(crate) fn owner(&mut self, owner: Option<&str>) -> Option<Option<String>> {
        let Some(owner) = owner else { return Some(None) };
        if owner.is_empty() {
            return self.wrong(Field::Owner, FieldErrorKind::Blank, "the owner's id is empty");
        }
        if owner.contains(acts_on_terminals) {
            let message = "the owner's id has a control character or one that changes the direction of writing";
            return self.wrong(Field::Owner, FieldErrorKind::Invalid, message);
        }
        self.short_text(Field::Owner, owner).map(Some)
    }

    pub(crate) fn pattern(&mut self, text: &str) -> Option<Pattern> {
        let pattern = match Pattern::parse(text) {
            Ok(pattern) => pattern,
            Err(error) => {
                let kind = match error {
                    _ if text.trim().is_empty() => FieldErrorKind::Blank,
                    ParsePatternError::TooLong { .. } => FieldErrorKind::TooLong,
                    _ => FieldErrorKind::Invalid,
                };
                return self.wrong(Field::Pattern, kind, error.to_string());
            }
        };
        match self.choices {
            Some(choices)
                if !choices.iter().any(|event| pattern.matches(event)) && !matches_internal_events(&pattern) =>
            {
                let message = format!("`{pattern}` matches none of the events that exist here: {}", choices.join(", "));
                self.wrong(Field::Pattern, FieldErrorKind::UnknownChoice, message)
            }
            _ => Some(pattern),
        }
    }

    /// A filter that is always true counts as none.
    pub(crate) fn filter(&mut self, json: &Value) -> Option<Option<Q>> {
        const FIELD: Field = Field::Filter;
        if json.is_null() {
            return Some(None);
        }
        match Q::of_any_size(json) {
            Err(invalid) => {
                for problem in invalid.problems {
                    self.wrong::<()>(FIELD, FieldErrorKind::Invalid, problem);
                }
                None
            }
            Ok(q) if q.reads_old() => self.wrong(
                FIELD,
                FieldErrorKind::Invalid,
                "an event doesn't carry the values before the change, so `now_…` and `changed` don't work here; subscribe to an \
                 event that is sent on that change only",
            ),
            Ok(q) => {
                let (bytes, limit) = (q.to_string().len(), self.quotas.filter_bytes);
                if bytes > limit {
                    let message = too_many_bytes("filter has", bytes, limit, "max_filter_bytes", "THORN_MAX_FILTER_BYTES");
                    return self.wrong(FIELD, FieldErrorKind::TooLong, message);
                }
                Some((!q.is_empty()).then_some(q))
            }
        }
    }

    /// Checks the form of a URL without resolving its host.
    pub(crate) fn url_form(&mut self, text: &str) -> Option<()> {
        if text.trim().is_empty() {
            return self.wrong(Field::Url, FieldErrorKind::Blank, "the url is empty");
        }
        if !self.fits(Field::Url, text, MAX_URL) {
            return None;
        }
        match check_form(text) {
            Ok(()) => Some(()),
            Err(message) => self.wrong(Field::Url, FieldErrorKind::Invalid, message),
        }
    }

    pub(crate) async fn url(&mut self, text: &str) -> Option<String> {
        self.url_form(text)?;
        match self.check.check(text).await {
            Ok(()) => Some(text.to_owned()),
            Err(refused) => self.wrong(Field::Url, FieldErrorKind::Refused, refused.to_string()),
        }
    }

    /// Checks the text of a URL without resolving its host.
    pub(crate) fn url_text(&mut self, text: &str) -> Option<String> {
        self.url_form(text)?;
        match self.check.check_text(text) {
            Ok(()) => Some(text.to_owned()),
            Err(refused) => self.wrong(Field::Url, FieldErrorKind::Refused, refused.to_string()),
        }
    }

    pub(crate) fn secret(&mut self, text: &str) -> Option<Secret> {
        const FIELD: Field = Field::Secret;
        if text.trim().is_empty() {
            return self.wrong(FIELD, FieldErrorKind::Blank, "the secret is empty; leave it out to have one generated");
        }
        if !self.fits(FIELD, text, MAX_TEXT) {
            return None;
        }
        let reason = if text.contains(acts_on_terminals) {
            "the secret has control characters or characters that change the direction of writing; remove them"
        } else if text.starts_with(SEALED_PREFIX) {
            "a secret may not begin with `enc1:`, which marks encrypted ones; choose another"
        } else {
            let secret = Secret::new(text);
            if secret.check().is_ok() {
                return Some(secret);
            }
            "after `whsec_` there must be base64 of 24 to 64 bytes; leave the secret out to have one generated"
        };
        self.wrong(FIELD, FieldErrorKind::Invalid, reason)
    }

    /// Refuses a short secret that an owner chose. Receivers of Python Thorn's own signature already have their
    /// secrets, so the signer `compat` takes a secret of any length.
    pub(crate) fn long_enough(&mut self, secret: &Secret, signer: Signer) {
        if signer != Signer::Compat && secret.check().is_ok() && !secret.is_long_enough() {
            let bytes = secret.expose().len();
            self.wrong::<()>(
                Field::Secret,
                FieldErrorKind::Invalid,
                format!(
                    "the secret has {bytes} bytes and needs at least 24; leave it out to have one generated, or \
                     choose the signer `compat` if your receiver verifies Python Thorn's signature with it"
                ),
            );
        }
    }

    /// Checks a secret. A secret together with `unsigned` is an error.
    pub(crate) fn secret_unless_unsigned(&mut self, text: &str, unsigned: bool) -> Option<Secret> {
        if unsigned {
            let message = "a secret is given, but the subscription is to be unsigned; leave out one of the two";
            return self.wrong(Field::Secret, FieldErrorKind::Invalid, message);
        }
        self.secret(text)
    }

    pub(crate) fn source(&mut self, source: Option<&str>) -> Option<Option<String>> {
        let Some(source) = source else { return Some(None) };
        if is_of_webhook(source) {
            let message = "names that begin with `webhook:` belong to the webhooks of the Hooks app";
            return self.wrong(Field::Source, FieldErrorKind::Invalid, message);
        }
        self.short_text(Field::Source, source).map(Some)
    }

    /// Checks a text that may have any content but a NUL.
    pub(crate) fn short_text(&mut self, field: Field, text: &str) -> Option<String> {
        match check_short_text(text) {
            Ok(()) => Some(text.to_owned()),
            Err(error) => {
                let kind = match error {
                    InvalidShortText::TooLong { .. } => FieldErrorKind::TooLong,
                    InvalidShortText::Nul => FieldErrorKind::Invalid,
                };
                self.wrong(field, kind, error.to_string())
            }
        }
    }

    /// Checks the headers. No error message shows a value, because the value may be a credential.
    pub(crate) fn headers(&mut self, headers: &ExtraHeaders) -> Option<ExtraHeaders> {
        const FIELD: Field = Field::Headers;
        let count = headers.len();
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if count > MAX_HEADERS {
            let message = format!("there are {count} headers; at most {MAX_HEADERS} are allowed");
            return self.wrong(FIELD, FieldErrorKind::TooLong, message);
        }
        let limit = self.quotas.header_bytes;
        if bytes > limit {
            let message = too_many_bytes("headers have", bytes, limit, "max_header_bytes", "THORN_MAX_HEADER_BYTES");
            return self.wrong(FIELD, FieldErrorKind::TooLong, message);
        }
        let before = self.errors.len();
        for (n, (name, value)) in headers.iter().enumerate() {
            if headers.names().take(n).any(|earlier| earlier.eq_ignore_ascii_case(name)) {
                self.wrong::<()>(
                    FIELD,
                    FieldErrorKind::Invalid,
                    format!("header `{}` is there twice", name.escape_debug()),
                );
            } else if let Err(error) = check_header(name, value) {
                self.wrong::<()>(FIELD, FieldErrorKind::Invalid, error.to_string());
            }
        }
        (self.errors.len() == before).then(|| headers.clone())
    }

    pub(crate) fn rate(&mut self, text: &str) -> Option<Rate> {
        match text.parse() {
            Ok(rate) => Some(rate),
            Err(error) => self.wrong(Field::Rate, FieldErrorKind::Invalid, format!("{error}")),
        }
    }

    pub(crate) fn max_in_flight(&mut self, number: i64) -> Option<MaxInFlight> {
        let limit = MaxInFlight::from_number(number);
        limit.or_else(|| {
            let message = format!("{number} isn't a number of requests at once; give 1 to 64");
            self.wrong(Field::MaxInFlight, FieldErrorKind::Invalid, message)
        })
    }

    pub(crate) fn signer(&mut self, text: &str) -> Option<Signer> {
        match text.parse() {
            Ok(signer) => Some(signer),
            Err(error) => self.wrong(Field::Signer, FieldErrorKind::UnknownChoice, format!("{error}")),
        }
    }

    pub(crate) fn digest(&mut self, text: &str) -> Option<Digest> {
        match text.parse() {
            Ok(digest) => Some(digest),
            Err(error) => self.wrong(Field::Digest, FieldErrorKind::UnknownChoice, format!("{error}")),
        }
    }

    pub(crate) fn content_type(&mut self, text: &str) -> Option<ContentType> {
        match text.parse() {
            Ok(content_type) => Some(content_type),
            Err(error) => self.wrong(Field::ContentType, FieldErrorKind::UnknownChoice, format!("{error}")),
        }
    }

    /// Reads a dialect for events. The hub alone makes subscriptions of its topics.
    pub(crate) fn dialect(&mut self, text: &str) -> Option<Dialect> {
        let dialect = text.parse::<Dialect>().and_then(Dialect::for_events);
        dialect.map_or_else(|error| self.wrong(Field::Dialect, FieldErrorKind::UnknownChoice, error.to_string()), Some)
    }

    fn fits(&mut self, field: Field, text: &str, limit: usize) -> bool {
        let length = text.chars().count();
        if length > limit {
            let message = format!("it has {length} characters, at most {limit} are allowed");
            self.wrong::<()>(field, FieldErrorKind::TooLong, message);
        }
        length <= limit
    }

    fn wrong<T>(&mut self, field: Field, kind: FieldErrorKind, message: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError { field, kind, message: message.into() });
        None
    }
}

/// Says how long something is, how long it may be, and who can change that.
fn too_many_bytes(subject: &str, bytes: usize, limit: usize, setting: &str, variable: &str) -> String {
    let way_out = match limit {
        Quotas::MOST_BYTES => "no more are possible",
        _ => "the operator can set a higher one",
    };
    format!("the {subject} {bytes} bytes, and the limit is {limit} (`{setting}`, {variable}); {way_out}")
}

/// Whether the pattern names Thorn's own events, which exist in every application.
fn matches_internal_events(pattern: &Pattern) -> bool {
    !pattern.is_of_every_kind() && INTERNAL.iter().any(|event| pattern.matches(event))
}
