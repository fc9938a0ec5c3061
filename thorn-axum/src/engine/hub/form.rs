//! The parameters of a request to the hub.

use axum::{
    extract::Request,
    http::{HeaderMap, StatusCode, header::CONTENT_TYPE},
};
use percent_encoding::percent_decode;

use crate::http::{Problem, bytes_up_to};

/// Bytes that the body of a request to the hub may have.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// The parameters of a request, decoded, in their order.
#[derive(Debug)]
pub(super) struct HubForm(Vec<(String, String)>);

impl HubForm {
    /// Reads an urlencoded body. Anything else is 415, and text that isn't UTF-8 is 400.
    pub(super) async fn read(request: Request) -> Result<Self, Problem> {
        if !is_form(request.headers()) {
            let detail = "the body must be application/x-www-form-urlencoded, in UTF-8";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail(detail));
        }
        Self::parse(&bytes_up_to(MAX_BODY_BYTES, request, &()).await?)
    }

    fn parse(body: &[u8]) -> Result<Self, Problem> {
        let pairs = body.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
        let pair = |pair: &[u8]| {
            let mut sides = pair.splitn(2, |byte| *byte == b'=').map(decoded);
            let (name, value) = (sides.next().unwrap_or_default(), sides.next().unwrap_or_default());
            match (String::from_utf8(name), String::from_utf8(value)) {
                (Ok(name), Ok(value)) => Ok((name, value)),
                (Ok(name), Err(_)) => Err(bad(format!("`{}` isn't UTF-8", shown(&name)))),
                (Err(_), _) => Err(bad("the name of a parameter isn't UTF-8")),
            }
        };
        pairs.map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// Every value of a parameter.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The value of a parameter that must be there once.
    pub(super) fn one(&self, name: &'static str) -> Result<&str, Problem> {
        let mut all = self.all(name);
        match (all.next(), all.next()) {
            (None, _) => Err(bad(format!("`{name}` is missing"))),
            (Some(""), None) => Err(bad(format!("`{name}` is empty"))),
            (Some(value), None) => Ok(value),
            (Some(_), Some(_)) => Err(bad(format!("`{name}` is given more than once"))),
        }
    }
}

/// A refusal of what a parameter says.
pub(super) fn bad(detail: impl Into<std::borrow::Cow<'static, str>>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST).detail(detail)
}

/// The beginning of a text, as one line may show it.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(100).collect::<String>().escape_debug().to_string()
}

/// Whether there is one content type, an urlencoded form without another charset than UTF-8.
fn is_form(headers: &HeaderMap) -> bool {
    let mut all = headers.get_all(CONTENT_TYPE).iter();
    let (Some(Ok(media_type)), None) = (all.next().map(|value| value.to_str()), all.next()) else { return false };
    let mut parts = media_type.split(';').map(str::trim);
    let is_form = parts.next().is_some_and(|essence| essence.eq_ignore_ascii_case("application/x-www-form-urlencoded"));
    let is_utf_8 = |parameter: &str| match parameter.split_once('=') {
        Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
            value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        }
        _ => true,
    };
    is_form && parts.all(is_utf_8)
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
    fn br2_parameters_are_decoded_once_and_keep_their_order() {
        let form =
            HubForm::parse(b"hub.url=https%3A%2F%2Fa.example%2F%3Fx%3D1%26y%3D%2526&&hub.url=b+c&x&hub.mode=publish");
        let form = form.unwrap();
        assert_eq!(form.all("hub.url").collect::<Vec<_>>(), ["https://a.example/?x=1&y=%26", "b c"]);
        assert_eq!(form.one("hub.mode").unwrap(), "publish");
    }

    #[test]
    fn ws2_a_parameter_that_is_missing_empty_repeated_or_no_text_is_named() {
        for (body, detail) in [
            (&b""[..], "400: `hub.mode` is missing"),
            (b"hub.mode=", "400: `hub.mode` is empty"),
            (b"hub.mode=a&hub.mode=a", "400: `hub.mode` is given more than once"),
            (b"hub.mode=%ff", "400: `hub.mode` isn't UTF-8"),
            (b"%ff=1", "400: the name of a parameter isn't UTF-8"),
        ] {
            let refused = HubForm::parse(body).and_then(|form| form.one("hub.mode").map(str::to_owned));
            assert_eq!(refused.unwrap_err().to_string(), detail);
        }
    }

    #[test]
    fn ws1_a_form_may_name_its_charset_if_that_is_utf_8() {
        let is = |text: &'static str| is_form(&HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(text))]));
        for good in ["", "; charset=utf-8", ";charset=\"UTF-8\"", "; a=b"] {
            assert!(is(format!("application/x-www-form-urlencoded{good}").leak()), "{good}");
        }
        for bad in ["application/json", "multipart/form-data", "application/x-www-form-urlencoded; charset=latin1", ""]
        {
            assert!(!is(bad), "{bad}");
        }
        assert!(!is_form(&HeaderMap::new()));
    }
}
