//! Whole requests.

use axum::http::HeaderName;

use super::*;

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

fn read(
    headers: &[(&'static str, &'static str)],
    query: &str,
    body: &'static [u8],
) -> Result<DispatchRequest, Refused> {
    let headers = headers.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    DispatchRequest::read(&headers.collect(), Some(query), Bytes::from_static(body))
}

fn urls(request: &DispatchRequest) -> Vec<&str> {
    request.targets.iter().map(Subscriber::url).collect()
}

#[test]
fn di1_a_form_is_sent_on_without_its_control_fields() {
    let request = read(&[FORM], "", b"a=1&_url=http://x/&b=2&a=3").unwrap();
    assert_eq!((urls(&request), &*request.body.bytes), (vec!["http://x/"], &b"a=1&b=2&a=3"[..]));
    assert_eq!((request.body.media_type.as_deref(), request.topic), (Some(FORM.1), None));
}

#[test]
fn di4_a_multipart_form_is_sent_on_without_its_control_fields() {
    let odd = ("content-type", "Multipart/Form-Data; x=y; boundary=b");
    let body = b"--b\r\nContent-Disposition: form-data; name=_topic\r\n\r\na.b\r\n--b\r\n\r\n1\r\n--b--";
    let request = read(&[odd], "", body).unwrap();
    assert_eq!(
        (&*request.body.bytes, request.body.media_type.as_deref()),
        (&b"--b\r\n\r\n1\r\n--b--"[..], Some(odd.1))
    );
    assert_eq!(request.topic, Some(Topic::Event("a.b".into())));
}

#[test]
fn di5_any_other_body_is_not_touched() {
    let body = b"{\"_url\":\"http://y/\"}&_url=http://z/&\xff";
    for media_type in ["application/json", "text/xml; charset=x", "multipart/mixed; boundary=b", "application/x", ""] {
        for (headers, query) in [(&[][..], "_url=http://x/"), (&[("thorn-url", "http://x/")][..], "")] {
            let headers = [headers, &[("content-type", media_type)]].concat();
            let request = read(&headers, query, body).unwrap();
            assert_eq!((urls(&request), &*request.body.bytes), (vec!["http://x/"], &body[..]), "{media_type}");
            assert_eq!(request.body.media_type.as_deref().unwrap_or_default(), media_type);
        }
    }
    let none = read(&[], "_url=http://x/", body).unwrap();
    assert_eq!((&*none.body.bytes, none.body.media_type), (&body[..], None));
}

#[test]
fn di6_di7_without_a_destination_nothing_is_sent() {
    for (headers, query, body) in [
        (&[FORM][..], "", &b""[..]),
        (&[FORM], "", b"a=1"),
        (&[FORM], "_url=&_topic=", b"a=1&_url=&_topic="),
        (&[("thorn-url", ""), ("thorn-topic", "")], "", b"_url=http://x/"),
        (&[("content-type", "application/json")], "", b"{\"_url\":\"http://x/\"}"),
    ] {
        let refused = read(headers, query, body).unwrap_err();
        assert_eq!((refused.to_string(), refused.status().as_u16()), ("No destination URL".to_owned(), 400));
    }
}

#[test]
fn di8_a_body_of_control_fields_only_becomes_empty() {
    let request = read(&[FORM], "", b"_url=http://x/").unwrap();
    assert!(request.body.bytes.is_empty());
}

#[test]
fn di9_targets_come_from_everywhere_each_once_and_at_most_16() {
    let headers = [FORM, ("thorn-url", "http://d/"), ("thorn-topic", "a.b")];
    let request = read(&headers, "_url=http://b/&_url=http://A", b"_url=http://a/&x&_url=http://a:80/&_url=http://c/");
    let request = request.unwrap();
    assert_eq!(urls(&request), ["http://a/", "http://c/", "http://b/", "http://d/"]);
    let many = |n: usize| (0..n).map(|n| format!("_url=http://x/{n}")).collect::<Vec<_>>().join("&");
    assert_eq!(read(&[], &many(16), b"").unwrap().targets.len(), 16);
    assert_eq!(read(&[], &format!("{}&{}", many(16), many(16)), b"").unwrap().targets.len(), 16);
    assert_eq!(read(&[], &many(17), b"").unwrap_err(), Refused::TooManyTargets(17));
}

#[test]
fn di10_target_and_topic_see_neither_control_field() {
    let request = read(&[FORM], "", b"_topic=a.b&x=1&_url=http://x/").unwrap();
    assert_eq!((urls(&request), &*request.body.bytes), (vec!["http://x/"], &b"x=1"[..]));
    assert_eq!(request.topic, Some(Topic::Event("a.b".into())));
}

#[test]
fn di12_a_url_is_a_topic_of_the_hub() {
    let request = read(&[], "_topic=https://x.example/feed", b"").unwrap();
    assert_eq!(request.topic, Some(Topic::Hub("https://x.example/feed".parse().unwrap())));
}

#[test]
fn di13_a_topic_is_one_name_or_one_url() {
    for bad in
        ["_topic=a..b", "_topic=a.*", "_topic=a%20b", "_topic=.", "_topic=delivery.failed", "_topic=dispatch.request"]
    {
        assert!(matches!(read(&[], bad, b""), Err(Refused::Topic { .. })), "{bad}");
    }
    for twice in ["_topic=a&_topic=b", "_topic=a&_topic=a"] {
        assert_eq!(read(&[], twice, b"").unwrap_err(), Refused::Repeated("_topic"), "{twice}");
    }
    assert_eq!(read(&[("thorn-topic", "a")], "_topic=a", b"").unwrap_err(), Refused::Repeated("_topic"));
}

#[test]
fn di14_unknown_fields_are_data_in_a_body_and_errors_elsewhere() {
    let request = read(&[FORM], "_url=http://x/", b"_x=1&_secret=2").unwrap();
    assert_eq!(&*request.body.bytes, b"_x=1&_secret=2");
    assert_eq!(read(&[], "_url=http://x/&_x=1", b"").unwrap_err(), Refused::UnknownQuery("_x".into()));
    assert_eq!(read(&[], "_url=http://x/&a", b"").unwrap_err(), Refused::UnknownQuery("a".into()));
    let unknown = read(&[("thorn-url", "http://x/"), ("thorn-x", "1")], "", b"");
    assert_eq!(unknown.unwrap_err(), Refused::UnknownHeader("thorn-x".into()));
}

#[test]
fn di16_a_url_that_cant_be_a_target_is_named() {
    let long = format!("http://x/{}", "a".repeat(2048));
    for bad in ["/a", "ftp://x/", "http://a:b@x/", "http://", "http:x", "http://x/%20 y", "http://x/#f", &long] {
        let query: String = url::form_urlencoded::Serializer::new(String::new()).append_pair("_url", bad).finish();
        let refused = read(&[], &query, b"").unwrap_err();
        assert!(matches!(refused, Refused::Target { .. }), "{bad}: {refused:?}");
        assert!(refused.to_string().starts_with("`_url` ") && refused.to_string().len() < 400, "{refused}");
    }
}

#[test]
fn di20_a_secret_comes_in_its_header_only_and_is_never_shown() {
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let request = read(&[("thorn-secret", secret)], "_url=http://x/", b"").unwrap();
    let shown = format!("{request:?}");
    assert!(shown.contains("signed: true") && !shown.contains("C2FV"), "{shown}");
    let refused = read(&[("thorn-secret", "whsec_AA==")], "_url=http://x/", b"").unwrap_err();
    assert!(matches!(refused, Refused::Secret(_)) && !refused.to_string().contains("AA=="), "{refused}");
}

#[test]
fn what_cant_be_sent_on_as_it_is_is_refused() {
    let gzip = read(&[("content-encoding", "gzip")], "_url=http://x/", b"").unwrap_err();
    assert_eq!((gzip.clone(), gzip.status().as_u16()), (Refused::Encoded, 415));
    assert!(read(&[("content-encoding", "identity")], "_url=http://x/", b"").is_ok());
    let mut twice = HeaderMap::new();
    twice.append(CONTENT_TYPE, "a/b".parse().unwrap());
    twice.append(CONTENT_TYPE, "c/d".parse().unwrap());
    let refused = DispatchRequest::read(&twice, Some("_url=http://x/"), Bytes::new());
    assert_eq!(refused.unwrap_err(), Refused::Repeated("Content-Type"));
}
