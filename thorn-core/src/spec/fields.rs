//! The rules that a subscription's fields are checked against.

use serde_json::Value;
use url::Url;

use super::{
    content_type::ContentType,
    field::Field,
    invalid::{FieldError, FieldErrorKind, InvalidSubscription},
    url_check::UrlCheck,
};
use crate::{
    filter::Q,
    guard::TargetError,
    headers::{ExtraHeaders, check_header},
    name::{DELIVERY_FAILED, SUBSCRIPTION_DISABLED},
    pattern::{ParsePatternError, Pattern},
    signing::{Digest, SEALED_PREFIX, Secret, Signer},
};

const MAX_URL: usize = 2048;
const MAX_TEXT: usize = 190;
const MAX_HEADERS: usize = 16;
const MAX_HEADER_BYTES: usize = 8 * 1024;

/// Checks fields one after another and collects what is wrong with them. Each check has a value
/// for what is right, and `None` for what it noted as wrong.
pub(crate) struct Fields<'a> {
    check: &'a dyn UrlCheck,
    choices: Option<&'a [String]>,
    errors: Vec<FieldError>,
}

/// Refuses no URL.
#[derive(Debug)]
struct Nobody;

#[async_trait::async_trait]
impl UrlCheck for Nobody {
    async fn check(&self, _: &str) -> Result<(), TargetError> {
        Ok(())
    }
}

impl<'a> Fields<'a> {
    pub(crate) const fn new(check: &'a dyn UrlCheck, choices: Option<&'a [String]>) -> Self {
        Self { check, choices, errors: Vec::new() }
    }

    /// For fields whose check asks nobody.
    pub(crate) const fn offline() -> Self {
        Self::new(&Nobody, None)
    }

    /// Whether nothing was wrong.
    pub(crate) const fn is_right(&self) -> bool {
        self.errors.is_empty()
    }

    /// What was wrong.
    pub(crate) fn refusal(self) -> InvalidSubscription {
        InvalidSubscription { errors: self.errors }
    }

    pub(crate) fn owner(&mut self, owner: Option<&str>) -> Option<Option<String>> {
        let Some(owner) = owner else { return Some(None) };
        if owner.is_empty() {
            return self.wrong(Field::Owner, FieldErrorKind::Blank, "the owner's id is empty");
        }
        self.fits(Field::Owner, owner, MAX_TEXT).then(|| Some(owner.to_owned()))
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
            Some(choices) if !choices.iter().any(|event| pattern.matches(event)) && !means_thorn_s_own(&pattern) => {
                let message = format!("`{pattern}` means none of the events that exist here: {}", choices.join(", "));
                self.wrong(Field::Pattern, FieldErrorKind::UnknownChoice, message)
            }
            _ => Some(pattern),
        }
    }

    /// One that is always true is none.
    pub(crate) fn filter(&mut self, json: &Value) -> Option<Option<Q>> {
        const FIELD: Field = Field::Filter;
        if json.is_null() {
            return Some(None);
        }
        match Q::from_json(json) {
            Err(invalid) => {
                for problem in invalid.problems {
                    self.wrong::<()>(FIELD, FieldErrorKind::Invalid, problem);
                }
                None
            }
            Ok(q) if q.reads_old() => self.wrong(
                FIELD,
                FieldErrorKind::Invalid,
                "an event doesn't tell what was before, so `now_…` and `changed` can't be asked here; subscribe to an \
                 event that is sent on that change only",
            ),
            Ok(q) => Some((!q.is_empty()).then_some(q)),
        }
    }

    /// What a URL says, without asking where it leads.
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

    /// A URL judged by what it says.
    pub(crate) fn url_alone(&mut self, text: &str) -> Option<String> {
        self.url_form(text)?;
        match self.check.check_alone(text) {
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
        let reason = if text.chars().any(char::is_control) {
            "the secret has control characters; remove them"
        } else if text.starts_with(SEALED_PREFIX) {
            "a secret may not begin with `enc1:`, which marks encrypted ones; choose another"
        } else {
            let secret = Secret::new(text);
            if secret.is_well_formed() {
                return Some(secret);
            }
            "after `whsec_` there must be base64 of 24 to 64 bytes; leave the secret out to have one generated"
        };
        self.wrong(FIELD, FieldErrorKind::Invalid, reason)
    }

    /// A secret beside the wish to have none.
    pub(crate) fn signed_or_not(&mut self, text: &str, unsigned: bool) -> Option<Secret> {
        if unsigned {
            let message = "there is a secret, and it is to be unsigned; leave out one of the two";
            return self.wrong(Field::Secret, FieldErrorKind::Invalid, message);
        }
        self.secret(text)
    }

    pub(crate) fn source(&mut self, source: Option<&str>) -> Option<Option<String>> {
        let Some(source) = source else { return Some(None) };
        self.fits(Field::Source, source, MAX_TEXT).then(|| Some(source.to_owned()))
    }

    /// No message shows a value, which may be a credential.
    pub(crate) fn headers(&mut self, headers: &ExtraHeaders) -> Option<ExtraHeaders> {
        const FIELD: Field = Field::Headers;
        let count = headers.len();
        let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        if count > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
            let message = format!(
                "there are {count} headers of {bytes} bytes, at most {MAX_HEADERS} of {MAX_HEADER_BYTES} are allowed"
            );
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

/// Whether it means events of thorn's own, which are sent whatever events the application has.
fn means_thorn_s_own(pattern: &Pattern) -> bool {
    !pattern.is_of_every_kind() && [DELIVERY_FAILED, SUBSCRIPTION_DISABLED].iter().any(|own| pattern.matches(own))
}

/// Checks what a URL says, without asking where it leads. `Url` alone is more lenient: it mends
/// white space, back slashes and missing slashes, which other programs then read differently.
///
/// No message repeats the URL, which may hold a password.
fn check_form(text: &str) -> Result<(), String> {
    let refuse = |reason: &str| Err(reason.to_owned());
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return refuse("a url has no white space, control characters or back slashes; percent-encode them");
    }
    let starts_with = |scheme: &str| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if !starts_with("https://") && !starts_with("http://") {
        return refuse("this is not an absolute url of the web; begin with https:// or http://");
    }
    let authority = text.split(['/', '?', '#']).nth(2).unwrap_or_default();
    if authority.is_empty() {
        return refuse("there is no host between the slashes");
    }
    if authority.contains('@') {
        return refuse("a url with user name or password is not accepted; remove it and verify the signature instead");
    }
    let url = Url::parse(text).map_err(|error| format!("this is not a url: {error}"))?;
    if url.fragment().is_some() {
        return refuse("a fragment is never sent; remove the `#` and what follows");
    }
    Ok(())
}
