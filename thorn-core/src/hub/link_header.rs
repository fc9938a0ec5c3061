//! Reads `Link` headers (RFC 8288).

/// A link: its target as written, and its relations in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) target: String,
    pub(super) relations: Vec<String>,
}

impl Link {
    /// Whether the link has this relation.
    pub(super) fn is(&self, relation: &str) -> bool {
        self.relations.iter().any(|one| one == relation)
    }
}

/// The links of a header. A link of another context (`anchor`) is left out. The first link that can't be read ends the list.
pub(super) fn links(header: &str) -> Vec<Link> {
    let (mut links, mut rest) = (Vec::new(), header);
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let Some(inside) = rest.strip_prefix('<') else { return links };
        let Some((target, behind)) = inside.split_once('>') else { return links };
        let mut link = Link { target: target.trim().to_owned(), relations: Vec::new() };
        let mut has_anchor = false;
        let mut has_relations = false;
        rest = behind;
        while let Some((name, value, behind)) = parameter(rest) {
            // Only the first `rel` counts.
            if name.eq_ignore_ascii_case("rel") && !has_relations {
                has_relations = true;
                link.relations = value.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
            }
            has_anchor |= name.eq_ignore_ascii_case("anchor");
            rest = behind;
        }
        if !has_anchor {
            links.push(link);
        }
        // The next link follows a comma. Anything else is malformed.
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if !rest.starts_with(',') {
            return links;
        }
    }
}

/// The next parameter's name and value, and the text behind it.
fn parameter(text: &str) -> Option<(&str, String, &str)> {
    let text = text.trim_start_matches([' ', '\t']).strip_prefix(';')?.trim_start_matches([' ', '\t']);
    let end = text.find(['=', ';', ',', ' ', '\t']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim_start_matches([' ', '\t']);
    let Some(value) = rest.strip_prefix('=') else { return Some((name, String::new(), rest)) };
    let value = value.trim_start_matches([' ', '\t']);
    match value.strip_prefix('"') {
        Some(quoted) => {
            let (value, rest) = unquoted(quoted)?;
            Some((name, value, rest))
        }
        None => {
            let (value, rest) = value.split_at(value.find([';', ',', ' ', '\t']).unwrap_or(value.len()));
            Some((name, value.to_owned(), rest))
        }
    }
}

/// The text before the closing quotation mark, and what follows that. A backslash quotes the character behind it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let (mut value, mut characters) = (String::new(), text.char_indices());
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The targets with a relation.
    fn with(relation: &str, header: &str) -> Vec<String> {
        links(header).into_iter().filter(|link| link.is(relation)).map(|link| link.target).collect()
    }

    #[test]
    fn fe8_links_are_read_as_servers_write_them() {
        for header in [
            r#"<https://h.example/>; rel="hub", <https://a.example/feed>; rel="self""#,
            "<https://h.example/>;rel=hub,<https://a.example/feed>;rel=self",
            r#"<https://x.example/>; rel="next"; title="a, b; <c>", < https://h.example/ > ; REL = "Hub other" ; type=x , <https://a.example/feed>;rel="SELF";"#,
            r#"<https://h.example/>; title="say \"rel=self\""; rel=hub; rel=self, <https://a.example/feed>; rel="alternate self""#,
        ] {
            assert_eq!(with("hub", header), ["https://h.example/"], "{header}");
            assert_eq!(with("self", header), ["https://a.example/feed"], "{header}");
        }
        assert_eq!(with("hub", "<a,b;c>; rel=hub, <d>; rel=hub"), ["a,b;c", "d"]);
    }

    #[test]
    fn fe8_what_is_no_link_is_left_out() {
        for bad in
            ["", "hub", "<https://h.example/", "https://h.example/; rel=hub", "<h>", "<h>; title=hub", "<h>; rel"]
        {
            assert_eq!(with("hub", bad), [""; 0], "{bad}");
        }
        assert_eq!(with("hub", r#"<h>; rel=hub; anchor="https://other.example/""#), [""; 0]);
        assert_eq!(with("hub", r#"<h>; rel="hub, <i>; rel=hub"#), [""; 0]);
    }
}
