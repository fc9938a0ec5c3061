//! Media types.

/// Whether this is `application/json` or a type that ends in `+json`.
pub(crate) fn is_json(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let suffix = essence.len().checked_sub(5).and_then(|at| essence.get(at..));
    essence.eq_ignore_ascii_case("application/json") || suffix.is_some_and(|end| end.eq_ignore_ascii_case("+json"))
}

/// Whether the text begins with a type and a subtype, as in `text/plain; charset=utf-8`.
pub(crate) fn is_well_formed(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let is_token = |text: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        !text.is_empty() && text.bytes().all(is_allowed)
    };
    essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_media_type_has_a_type_and_a_subtype() {
        for good in ["text/plain", "text/html; charset=utf-8", "application/vnd.a+json", " a/b "] {
            assert!(is_well_formed(good), "{good}");
        }
        for bad in ["", "0", "text", "/", "a/", "/b", "a/b/c", "a b/c", "a/b c", "ü/b", "; a/b"] {
            assert!(!is_well_formed(bad), "{bad}");
        }
    }
}
