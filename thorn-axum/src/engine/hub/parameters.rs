//! The parameters of a request to the hub.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use percent_encoding::percent_decode;

use super::refused::Refused;

/// Whether the body is a form, in UTF-8.
pub(super) fn is_form(headers: &HeaderMap) -> bool {
    let mut given = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (given.next(), given.next()) else { return false };
    let Ok(text) = value.to_str() else { return false };
    let mut parts = text.split(';').map(str::trim);
    let is_form = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let is_readable = |parameter: &str| match parameter.split_once('=') {
        Some((name, charset)) if name.trim().eq_ignore_ascii_case("charset") => {
            charset.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    is_form && parts.all(is_readable)
}

/// The parameters in their order. Nobody looks at those that the hub doesn't know.
#[derive(Debug)]
pub(super) struct Parameters(Vec<(Vec<u8>, Vec<u8>)>);

impl Parameters {
    pub(super) fn read(body: &[u8]) -> Self {
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let pair = |pair: &[u8]| {
            let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &[][..]),
            };
            (decoded(name), decoded(value))
        };
        Self(pairs.map(pair).collect())
    }

    /// Every value of this parameter.
    pub(super) fn all(&self, name: &'static str) -> Result<Vec<&str>, Refused> {
        let given = self.0.iter().filter(|(given, _)| given == name.as_bytes());
        given.map(|(_, value)| std::str::from_utf8(value).map_err(|_| Refused::NotText(name))).collect()
    }

    /// A parameter that may be given once.
    pub(super) fn one(&self, name: &'static str) -> Result<Option<&str>, Refused> {
        match self.all(name)?[..] {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(Refused::Repeated(name)),
        }
    }

    /// A parameter that must be given once and not be empty.
    pub(super) fn required(&self, name: &'static str) -> Result<&str, Refused> {
        self.one(name)?.filter(|value| !value.is_empty()).ok_or(Refused::Missing(name))
    }
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn ws1_only_a_form_in_utf_8_is_read() {
        let with = |types: &[&'static str]| {
            let pairs = types.iter().map(|text| (CONTENT_TYPE, HeaderValue::from_static(text)));
            is_form(&pairs.collect())
        };
        for good in [
            "application/x-www-form-urlencoded",
            "Application/X-WWW-Form-Urlencoded; charset=utf-8",
            "application/x-www-form-urlencoded;charset=\"UTF-8\"",
        ] {
            assert!(with(&[good]), "{good}");
        }
        for bad in [
            "application/json",
            "multipart/form-data; boundary=x",
            "text/plain",
            "",
            "application/x-www-form-urlencoded; charset=latin1",
        ] {
            assert!(!with(&[bad]), "{bad}");
        }
        assert!(!with(&[]) && !with(&["application/x-www-form-urlencoded"; 2]));
    }

    #[test]
    fn ws2_br2_values_are_decoded_once_and_repeated_or_broken_ones_are_named() {
        let parameters =
            Parameters::read(b"a=b%2526c%3Dd+e%2B&hub%2Emode=x&&empty=&none&twice=1&twice=2&bad=%ff&=v&u=%zz");
        assert_eq!(parameters.one("a"), Ok(Some("b%26c=d e+")));
        assert_eq!(parameters.required("hub.mode"), Ok("x"));
        assert_eq!(parameters.one("u"), Ok(Some("%zz")));
        for missing in ["empty", "none", "nothing"] {
            assert_eq!(parameters.required(missing), Err(Refused::Missing(missing)));
        }
        assert_eq!(parameters.one("twice"), Err(Refused::Repeated("twice")));
        assert_eq!(parameters.all("twice"), Ok(vec!["1", "2"]));
        assert_eq!(parameters.one("bad"), Err(Refused::NotText("bad")));
    }
}
