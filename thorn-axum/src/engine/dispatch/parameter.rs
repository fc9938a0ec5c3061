//! Parameters of header values, such as the boundary in a `Content-Type`.

/// The value of a parameter: `b` for `boundary` in `multipart/form-data; boundary="b"`. Names are compared without
/// regard to case. A back slash in quotes escapes the next character (RFC 9110, section 5.6.4).
pub(super) fn parameter(value: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut rest = after_semicolon(value)?;
    loop {
        let end = rest.iter().position(|byte| matches!(byte, b'=' | b';'))?;
        let found = rest[..end].trim_ascii();
        if rest[end] == b';' {
            rest = &rest[end + 1..];
            continue;
        }
        let (text, after) = text(rest[end + 1..].trim_ascii_start());
        if found.eq_ignore_ascii_case(name.as_bytes()) {
            return Some(text);
        }
        rest = after_semicolon(after)?;
    }
}

fn after_semicolon(value: &[u8]) -> Option<&[u8]> {
    let at = value.iter().position(|byte| *byte == b';')?;
    Some(&value[at + 1..])
}

/// The text at the beginning, in quotes or bare, and what follows.
fn text(value: &[u8]) -> (Vec<u8>, &[u8]) {
    let Some(quoted) = value.strip_prefix(b"\"") else {
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        return (value[..end].trim_ascii_end().to_vec(), &value[end..]);
    };
    let mut text = Vec::new();
    let mut bytes = quoted.iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => return (text, &quoted[at + 1..]),
            b'\\' => text.extend(bytes.next().map(|(_, byte)| *byte)),
            _ => text.push(*byte),
        }
    }
    (text, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_is_bare_or_quoted() {
        for (value, name, expected) in [
            ("form-data; name=a", "name", Some("a")),
            ("form-data; name=\"a b\"; filename=\"x;name=y\"", "name", Some("a b")),
            ("form-data; filename=\"x; name=y\"; name=z", "name", Some("z")),
            ("form-data; filename=\"\\\"; name=y\"; name=\"\\\"\\\\\"", "name", Some("\"\\")),
            ("form-data;NAME = a ;x", "name", Some("a")),
            ("form-data; x; name=ü", "name", Some("ü")),
            ("form-data; name=\"open", "name", Some("open")),
            ("form-data; name=", "name", Some("")),
            ("form-data; name*=a; names=b", "name", None),
            ("form-data", "name", None),
            ("name=a", "name", None),
            ("", "name", None),
        ] {
            let found = parameter(value.as_bytes(), name);
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{value}");
        }
    }
}
