//! The hub and the URL that a topic advertises with its content.

use http::{HeaderMap, header::LINK};
use url::Url;

use super::{
    link_header::{self, Link},
    markup,
};
use crate::delivery::Got;

/// The most bytes of a URL that is kept, which is the width of its column.
const LONGEST: usize = 2048;

/// The hubs and the own URL that a topic advertises.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Advertised {
    /// In the order in which the topic has them.
    pub(crate) hubs: Vec<String>,
    /// The topic's own URL.
    pub(crate) own: Option<String>,
}

impl Advertised {
    /// The links of a topic's response: those of its headers, and for a relation that these lack those of its document.
    pub(super) fn of(got: &Got) -> Self {
        let mut links = in_headers(&got.headers);
        let lacks = |relation: &str| !links.iter().any(|link| link.is(relation));
        let (hub, own) = (lacks("hub"), lacks("self"));
        if hub || own {
            links.extend(
                markup::links(&got.body).into_iter().filter(|link| hub && link.is("hub") || own && link.is("self")),
            );
        }
        let with = |relation: &'static str| {
            links.iter().filter(move |link| link.is(relation)).filter_map(|link| absolute(&link.target, &got.url))
        };
        Self { hubs: with("hub").collect(), own: with("self").next() }
    }

    /// The hub to name in deliveries: this one if the topic advertises it, otherwise the first one that it advertises.
    pub(super) fn hub(&self, this: &str) -> Option<&str> {
        let first = self.hubs.first().map(String::as_str);
        self.hubs.iter().map(String::as_str).find(|hub| is_same(hub, this)).or(first)
    }

    /// Whether the topic advertises this hub.
    pub(crate) fn names_hub(&self, this: &str) -> bool {
        self.hubs.iter().any(|hub| is_same(hub, this))
    }

    /// Whether the topic's own URL is this one.
    pub(crate) fn names_topic(&self, topic: &str) -> bool {
        self.own.as_deref().is_some_and(|own| is_same(own, topic))
    }
}

fn in_headers(headers: &HeaderMap) -> Vec<Link> {
    let values = headers.get_all(LINK).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(link_header::links).collect()
}

/// The URL as it was written if it is absolute and fits into a header, otherwise resolved.
fn absolute(target: &str, base: &Url) -> Option<String> {
    let url = base.join(target).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"');
    let stays = Url::parse(target).is_ok() && target.bytes().all(is_plain);
    let text = if stays { target.to_owned() } else { url.into() };
    (text.len() <= LONGEST).then_some(text)
}

/// Whether two spellings are of one URL.
fn is_same(one: &str, other: &str) -> bool {
    one == other || Url::parse(one).is_ok_and(|one| Url::parse(other).is_ok_and(|other| one == other))
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, StatusCode};

    use super::*;

    fn advertised(headers: &[&'static str], body: &'static str) -> Advertised {
        let mut all = HeaderMap::new();
        for value in headers {
            all.append(LINK, HeaderValue::from_static(value));
        }
        let url = "https://a.example/blog/feed".parse().unwrap();
        Advertised::of(&Got { status: StatusCode::OK, headers: all, body: body.into(), url })
    }

    #[test]
    fn fe8_headers_go_before_the_document_for_each_relation() {
        const BODY: &str = r#"<feed><link rel="hub" href="https://body.example"/><link rel="self" href="own"/></feed>"#;
        let both = advertised(&["<https://h.example>; rel=hub", "<https://a.example/x>; rel=self"], BODY);
        assert_eq!((both.hubs, both.own.as_deref()), (vec!["https://h.example".into()], Some("https://a.example/x")));
        let half = advertised(&["<https://h.example>; rel=hub"], BODY);
        assert_eq!(
            (half.hubs, half.own.as_deref()),
            (vec!["https://h.example".into()], Some("https://a.example/blog/own"))
        );
        let none = advertised(&[], BODY);
        assert_eq!(none.hubs, ["https://body.example"]);
        assert_eq!(advertised(&[], "nothing"), Advertised::default());
    }

    #[test]
    fn ws20_urls_stay_as_they_are_advertised_unless_no_header_can_hold_them() {
        let odd = advertised(&["</h?a=b>; rel=hub, <ftp://h.example/>; rel=hub, <mailto:x>; rel=self"], "");
        assert_eq!((odd.hubs, odd.own), (vec!["https://a.example/h?a=b".into()], None));
        let body = r#"<link rel="hub" href="https://h.example/ü>&quot;, <x>; rel=self">"#;
        assert_eq!(advertised(&[], body).hubs, ["https://h.example/%C3%BC%3E%22,%20%3Cx%3E;%20rel=self"]);
    }

    #[test]
    fn ws30_this_hub_is_recognised_in_any_spelling_and_named_before_others() {
        let two = advertised(&["<https://other.example/>; rel=hub, <https://HUB.example:443/hub>; rel=hub"], "");
        assert!(two.names_hub("https://hub.example/hub") && !two.names_hub("https://hub.example/"));
        assert_eq!(two.hub("https://hub.example/hub"), Some("https://HUB.example:443/hub"));
        assert_eq!(two.hub("https://unknown.example/"), Some("https://other.example/"));
        let own = advertised(&["<https://A.example/blog/feed>; rel=self"], "");
        assert!(own.names_topic("https://a.example/blog/feed") && !own.names_topic("https://a.example/blog/feed/"));
        assert!(!Advertised::default().names_topic("https://a.example/"));
    }
}
