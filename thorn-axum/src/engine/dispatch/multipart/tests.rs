//! Bodies that a multipart parser may get wrong.

use proptest::prelude::*;

use super::*;

const TYPE: &[u8] = b"multipart/form-data; boundary=\"a b\"";

fn field(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("--a b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn file(name: &str, content: &[u8]) -> Vec<u8> {
    let head = format!(
        "--a b\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"x.bin\"\r\nContent-Type: a/b\r\nX-Y: z\r\n\r\n"
    );
    [head.as_bytes(), content, b"\r\n"].concat()
}

fn body(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--a b--\r\n".to_vec()].concat()
}

fn cut_out(body: Vec<u8>) -> Result<(Bytes, Controls), Refused> {
    let mut controls = Controls::default();
    Ok((cut(TYPE, body.into(), &mut controls)?, controls))
}

#[test]
fn di4_what_is_left_has_the_same_boundary_and_bytes() {
    let binary = b"\r\n--a bc\r\n\0\xff\r\n--a\r\n--a b -\r\n --a b\r\n--a b-\r\n--A B\r\n\r\n".as_slice();
    let (one, two) = (file("one", binary), file("zwei ü", b""));
    let data = field("_x", b"U");
    for place in 0..4 {
        let kept = [one.clone(), data.clone(), two.clone()];
        let mut all = kept.to_vec();
        all.insert(place, field("_url", b"http://x/?a=1&b=\xc3\xbc"));
        let (left, controls) = cut_out(body(&all)).unwrap();
        assert_eq!(left, body(&kept), "{place}");
        assert_eq!(controls.urls, ["http://x/?a=1&b=ü"]);
    }
}

#[test]
fn di4_preamble_epilogue_and_padding_stay() {
    let before = b"a preamble\r\n--a bx\r\n".to_vec();
    let padded = b"--a b \t\r\nContent-Disposition: form-data; name=_url\r\n\r\nU\r\n".to_vec();
    let after = b"--a b-- \r\nan epilogue --a b\r\n--a b\r\n".to_vec();
    let all = [before.clone(), padded, field("x", b"1"), after.clone()].concat();
    let (left, controls) = cut_out(all).unwrap();
    assert_eq!(left, [before, field("x", b"1"), after].concat());
    assert_eq!(controls.urls, ["U"]);
}

#[test]
fn a_body_without_control_fields_is_not_touched() {
    for kept in [vec![], vec![field("a", b"1"), field("a", b"")], vec![b"--a b\r\n\r\nno headers\r\n".to_vec()]] {
        assert_eq!(cut_out(body(&kept)).unwrap(), (body(&kept).into(), Controls::default()));
    }
    let (left, controls) = cut_out(body(&[field("_url", b"U"), field("_url", b""), field("_topic", b"T")])).unwrap();
    assert_eq!(left, b"--a b--\r\n".as_slice());
    assert_eq!((controls.urls, controls.topics), (vec!["U".to_owned()], vec!["T".to_owned()]));
}

#[test]
fn what_is_no_multipart_body_is_refused() {
    for bad in [
        b"".to_vec(),
        b"a=1".to_vec(),
        field("a", b"1"),
        b"--a b\r\nContent-Disposition: form-data; name=a\r\n--a b--".to_vec(),
        b"--a b\r\n--a b--\r\n".to_vec(),
        b"--a b\nContent-Disposition: form-data; name=\"a\"\n\n1\n--a b--\n".to_vec(),
        body(&[field("_url", b"\xff")]),
    ] {
        assert!(cut_out(bad.clone()).is_err(), "{}", bad.escape_ascii());
    }
    for bad in ["multipart/form-data", "multipart/form-data; boundary=", &format!("a/b; boundary={}", "x".repeat(71))] {
        assert!(cut(bad.as_bytes(), body(&[]).into(), &mut Controls::default()).is_err(), "{bad}");
    }
}

proptest! {
    /// Contents of any bytes stay, unless they hold a delimiter by chance.
    #[test]
    fn cutting_undoes_adding(
        contents in prop::collection::vec(prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\r'), Just(b'\n'), Just(b'-')], 0..40), 0..5),
        at in any::<prop::sample::Index>(),
    ) {
        let kept: Vec<_> = contents.iter().map(|content| file("f", content)).collect();
        let mut all = kept.clone();
        all.insert(at.index(all.len() + 1), field("_url", b"U"));
        let (left, controls) = cut_out(body(&all)).unwrap();
        prop_assert_eq!(left, body(&kept));
        prop_assert_eq!(controls.urls, ["U"]);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'-'), Just(b'a'), Just(b' '), Just(b'b'), Just(b':')], 0..60)) {
        let _ = cut_out([b"--a b\r\n".to_vec(), bytes].concat());
    }
}
