//! The form that a subscription's URL must have.

use url::Url;

use crate::printable::acts_on_terminals;

/// Checks the URL's text without resolving its host. `Url` alone is more lenient: it repairs white space,
/// backslashes and missing slashes. Other programs may read such a URL differently.
///
/// No message repeats the URL, which may hold a password.
pub(crate) fn check_form(text: &str) -> Result<(), String> {
    let refuse = |reason: &str| Err(reason.to_owned());
    if text.chars().any(|c| acts_on_terminals(c) || c.is_whitespace() || c == '\\') {
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
