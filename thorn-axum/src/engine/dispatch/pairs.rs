//! Urlencoded pairs, in forms and in the query: reads control fields, and cuts them out of a body.

use std::borrow::Cow;

use axum::body::Bytes;
use percent_encoding::percent_decode;

use super::{
    control::{Control, Controls},
    refused::Refused,
};

/// Takes the control fields out of a form. What is left has the same bytes in the same order.
///
/// Only `&` separates pairs. A pair without `=` is a name.
pub(super) fn cut(body: Bytes, controls: &mut Controls) -> Result<Bytes, Refused> {
    let mut left = Vec::new();
    for pair in body.split(|byte| *byte == b'&') {
        let (name, value) = split(pair);
        match Control::named(&decoded(name)) {
            Some(control) => controls.add(control, decoded(value))?,
            None => left.push(pair),
        }
    }
    let is_whole = left.len() == body.split(|byte| *byte == b'&').count();
    if is_whole { Ok(body) } else { Ok(left.join(b"&".as_slice()).into()) }
}

/// Reads the control fields of a query, which has no other fields.
pub(super) fn read_query(query: &str, controls: &mut Controls) -> Result<(), Refused> {
    for pair in query.as_bytes().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
        let (name, value) = split(pair);
        let name = decoded(name);
        match Control::named(&name) {
            Some(control) => controls.add(control, decoded(value))?,
            None => return Err(Refused::UnknownQuery(String::from_utf8_lossy(&name).into_owned())),
        }
    }
    Ok(())
}

/// The name and the value of a pair, still encoded.
fn split(pair: &[u8]) -> (&[u8], &[u8]) {
    match pair.iter().position(|byte| *byte == b'=') {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &[]),
    }
}

/// Decodes `+` and `%xx`. Any other `%` stays as it is.
fn decoded(text: &[u8]) -> Vec<u8> {
    let text: Cow<'_, [u8]> = if text.contains(&b'+') {
        text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect()
    } else {
        Cow::Borrowed(text)
    };
    percent_decode(&text).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut_out(body: &'static [u8]) -> (Bytes, Controls) {
        let mut controls = Controls::default();
        (cut(Bytes::from_static(body), &mut controls).unwrap(), controls)
    }

    #[test]
    fn di1_di3_what_is_left_has_the_same_bytes_in_the_same_order() {
        for (body, left, urls) in [
            (&b"a=1&_url=U&b=2&a=3"[..], &b"a=1&b=2&a=3"[..], &["U"][..]),
            (b"_url=U", b"", &["U"]),
            (b"_url=U&a=1", b"a=1", &["U"]),
            (b"a=1&_url=U", b"a=1", &["U"]),
            (b"%5Furl=U&a", b"a", &["U"]),
            (b"_%75rl=http%3A%2F%2Fx%2F%3Fa%3D1%26b%2B+&a=", b"a=", &["http://x/?a=1&b+ "]),
            (b"_url=a=b", b"", &["a=b"]),
            (b"_url=&_url&a=1", b"a=1", &[]),
            (b"a=+&b=%2B&c=%20&d=%zz&e=%&f&g=&=h&&", b"a=+&b=%2B&c=%20&d=%zz&e=%&f&g=&=h&&", &[]),
            (b"a=\xff\xfe&_url=U&b=1;c=2;_url=V", b"a=\xff\xfe&b=1;c=2;_url=V", &["U"]),
            (b"_URL=a&_urls=b& _url=c&_x=d", b"_URL=a&_urls=b& _url=c&_x=d", &[]),
            (b"", b"", &[]),
        ] {
            let (is_left, controls) = cut_out(body);
            assert_eq!(is_left, left, "{}", body.escape_ascii());
            assert_eq!(controls.urls, urls, "{}", body.escape_ascii());
        }
    }

    #[test]
    fn di14_a_query_has_control_fields_only() {
        let mut controls = Controls::default();
        read_query("_url=U&&_topic=a.b&_url=V", &mut controls).unwrap();
        assert_eq!((controls.urls, controls.topics), (vec!["U".into(), "V".into()], vec!["a.b".to_owned()]));
        for bad in ["a=1", "_x=1", "_url=U&%5Fy", "_secret=whsec_x"] {
            let refused = read_query(bad, &mut Controls::default());
            assert!(matches!(refused, Err(Refused::UnknownQuery(_))), "{bad}: {refused:?}");
        }
        let refused = read_query("_topic=%ff", &mut Controls::default());
        assert_eq!(refused, Err(Refused::NotText("_topic")));
    }

    proptest! {
        /// Control fields put between any pairs leave exactly these pairs.
        #[test]
        fn cutting_undoes_adding(pairs in prop::collection::vec("[a-z=%+;\u{e9} ]{0,6}", 1..8), at in any::<prop::sample::Index>()) {
            prop_assume!(pairs.iter().all(|pair| !pair.starts_with('_')));
            let before = pairs.join("&");
            let mut with = pairs;
            with.insert(at.index(with.len() + 1), "_url=U".to_owned());
            let mut controls = Controls::default();
            let left = cut(Bytes::from(with.join("&")), &mut controls).unwrap();
            prop_assert_eq!(left, before.as_bytes());
            prop_assert_eq!(controls.urls, ["U"]);
        }

        #[test]
        fn any_bytes_without_a_control_field_stay(body in prop::collection::vec(any::<u8>().prop_filter("no underscore", |byte| *byte != b'_' && *byte != b'%'), 0..64)) {
            let body = Bytes::from(body);
            prop_assert_eq!(cut(body.clone(), &mut Controls::default()).unwrap(), body);
        }
    }
}
