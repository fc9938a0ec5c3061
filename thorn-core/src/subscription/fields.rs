//! The rules that a subscription's fields are checked against.

use url::Url;

use super::{
    ContentType, Digest, FieldError, FieldErrorKind, InvalidSubscription, ParsePatternError, Pattern, Secret, UrlCheck,
    sealing::SEALED,
};

const MAX_URL: usize = 2048;
const MAX_TEXT: usize = 190;

/// Checks fields one after another and collects what is wrong with them. Each check has a value
/// for what is right, and `None` for what it noted as wrong.
pub(super) struct Fields<'a> {
    check: &'a dyn UrlCheck,
    choices: Option<&'a [String]>,
    errors: Vec<FieldError>,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(check: &'a dyn UrlCheck, choices: Option<&'a [String]>) -> Self {
        Self { check, choices, errors: Vec::new() }
    }

    /// What was wrong.
    pub(super) fn refusal(self) -> InvalidSubscription {
        InvalidSubscription { errors: self.errors }
    }

    /// Refuses if anything was wrong.
    pub(super) fn finish(self) -> Result<(), InvalidSubscription> {
        if self.errors.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    pub(super) fn owner(&mut self, owner: Option<&str>) -> Option<Option<String>> {
        let Some(owner) = owner else { return Some(None) };
        if owner.is_empty() {
            return self.wrong("user", FieldErrorKind::Blank, "the owner's id is empty");
        }
        self.fits("user", owner, MAX_TEXT).then(|| Some(owner.to_owned()))
    }

    pub(super) fn event(&mut self, text: &str) -> Option<Pattern> {
        let pattern = match Pattern::parse(text) {
            Ok(pattern) => pattern,
            Err(error) => {
                let kind = match error {
                    _ if text.trim().is_empty() => FieldErrorKind::Blank,
                    ParsePatternError::TooLong { .. } => FieldErrorKind::TooLong,
                    _ => FieldErrorKind::Invalid,
                };
                return self.wrong("event", kind, error.to_string());
            }
        };
        match self.choices {
            Some(choices) if !choices.iter().any(|event| pattern.matches(event)) => {
                let message = format!("`{pattern}` means none of the events that exist here: {}", choices.join(", "));
                self.wrong("event", FieldErrorKind::UnknownChoice, message)
            }
            _ => Some(pattern),
        }
    }

    pub(super) async fn url(&mut self, text: &str) -> Option<String> {
        if text.trim().is_empty() {
            return self.wrong("url", FieldErrorKind::Blank, "the url is empty");
        }
        if !self.fits("url", text, MAX_URL) {
            return None;
        }
        if let Err(message) = check_form(text) {
            return self.wrong("url", FieldErrorKind::Invalid, message);
        }
        match self.check.check(text).await {
            Ok(()) => Some(text.to_owned()),
            Err(refused) => self.wrong("url", FieldErrorKind::Refused, refused.to_string()),
        }
    }

    pub(super) fn secret(&mut self, text: &str) -> Option<Secret> {
        const FIELD: &str = "hmac_secret";
        if text.trim().is_empty() {
            return self.wrong(FIELD, FieldErrorKind::Blank, "the secret is empty; leave it out to have one generated");
        }
        if !self.fits(FIELD, text, MAX_TEXT) {
            return None;
        }
        let reason = if text.chars().any(char::is_control) {
            "the secret has control characters; remove them"
        } else if text.starts_with(SEALED) {
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

    pub(super) fn digest(&mut self, text: &str) -> Option<Digest> {
        match text.parse() {
            Ok(digest) => Some(digest),
            Err(error) => self.wrong("hmac_digest", FieldErrorKind::UnknownChoice, format!("{error}")),
        }
    }

    pub(super) fn content_type(&mut self, text: &str) -> Option<ContentType> {
        match text.parse() {
            Ok(content_type) => Some(content_type),
            Err(error) => self.wrong("content_type", FieldErrorKind::UnknownChoice, format!("{error}")),
        }
    }

    fn fits(&mut self, field: &'static str, text: &str, limit: usize) -> bool {
        let length = text.chars().count();
        if length > limit {
            let message = format!("it has {length} characters, at most {limit} are allowed");
            self.wrong::<()>(field, FieldErrorKind::TooLong, message);
        }
        length <= limit
    }

    fn wrong<T>(&mut self, field: &'static str, kind: FieldErrorKind, message: impl Into<String>) -> Option<T> {
        self.errors.push(FieldError { field, kind, message: message.into() });
        None
    }
}

/// Checks what a URL says, without asking where it leads. `Url` alone is more lenient: it mends
/// white space, back slashes and missing slashes, which other programs then read differently.
fn check_form(text: &str) -> Result<(), String> {
    if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err("a url has no white space, control characters or back slashes; percent-encode them".to_owned());
    }
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    if !lower.starts_with("http://") && !lower.starts_with("https://") {
        return Err(format!("`{text}` is not an absolute url; begin with https:// or http://"));
    }
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a url: {error}"))?;
    if !url.username().is_empty() || url.password().is_some() {
        // The value isn't shown: it holds a password.
        return Err("a url with user name and password is not accepted; verify the signature instead".to_owned());
    }
    if url.fragment().is_some() {
        return Err(format!("`{text}` has a fragment, which is never sent; remove the `#` and what follows"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("`{text}` names no host"));
    }
    Ok(())
}
