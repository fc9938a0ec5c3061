//! Finds links in HTML, Atom and RSS without a parser for each: a scan over the tags at the beginning of a document.

use super::link_header::Link;

/// How many bytes of a document are looked at.
const LOOKED_AT: usize = 64 * 1024;

/// The most attributes of a tag. More of them end the scan.
const ATTRIBUTES: usize = 64;

/// The elements whose text isn't markup, in HTML.
const RAW_TEXT: [&str; 4] = ["script", "style", "textarea", "title"];

/// The links of `<link>` elements, in whatever namespace, within the first 64 KiB.
///
/// Comments, CDATA and processing instructions are skipped. A document whose DOCTYPE declares anything has none, because
/// declarations could change what the markup means. In values, only the five references of XML are resolved. The scan of
/// a feed ends with its first entry, and that of a page with its body: links there aren't about the document.
pub(super) fn links(document: &[u8]) -> Vec<Link> {
    let document = String::from_utf8_lossy(&document[..document.len().min(LOOKED_AT)]);
    let (mut links, mut rest) = (Vec::new(), &*document);
    while let Some((_, markup)) = rest.split_once('<') {
        let behind = if let Some(comment) = markup.strip_prefix("!--") {
            after(comment, "-->")
        } else if let Some(data) = markup.strip_prefix("![CDATA[") {
            after(data, "]]>")
        } else if let Some(instruction) = markup.strip_prefix('?') {
            after(instruction, "?>")
        } else if let Some(declaration) = markup.strip_prefix('!') {
            let end = after(declaration, ">");
            // An internal subset stands in brackets.
            if end.is_none_or(|end| declaration[..declaration.len() - end.len()].contains('[')) {
                return Vec::new();
            }
            end
        } else if let Some(end_tag) = markup.strip_prefix('/') {
            after(end_tag, ">")
        } else {
            let Some(tag) = Tag::read(markup) else { return links };
            match tag.name.as_str() {
                "entry" | "item" | "body" => return links,
                "link" => links.extend(tag.link()),
                _ => {}
            }
            if RAW_TEXT.contains(&tag.name.as_str()) && !tag.is_closed {
                after_end_tag(tag.behind, &tag.name)
            } else {
                Some(tag.behind)
            }
        };
        let Some(behind) = behind else { return links };
        rest = behind;
    }
    links
}

/// The text behind this end.
fn after<'a>(text: &'a str, end: &str) -> Option<&'a str> {
    text.split_once(end).map(|(_, behind)| behind)
}

/// The text from the end tag of this element on.
fn after_end_tag<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let begins = |at: usize| {
        let tag = text.get(at + 2..at + 2 + name.len());
        tag.is_some_and(|tag| tag.eq_ignore_ascii_case(name))
    };
    text.match_indices("</").map(|(at, _)| at).find(|at| begins(*at)).map(|at| &text[at..])
}

/// A start tag.
struct Tag<'a> {
    /// The local name in lower case.
    name: String,
    attributes: Vec<(String, String)>,
    /// Whether the tag closes its own element.
    is_closed: bool,
    /// The text behind the tag.
    behind: &'a str,
}

impl<'a> Tag<'a> {
    /// Reads a tag from behind its `<`. `None` if it doesn't end.
    fn read(text: &'a str) -> Option<Self> {
        let is_end = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>');
        let (name, mut rest) = text.split_at(text.find(is_end)?);
        let local = name.rsplit(':').next().unwrap_or_default().to_ascii_lowercase();
        let (mut attributes, mut is_closed) = (Vec::new(), false);
        loop {
            rest = rest.trim_start();
            if let Some(behind) = rest.strip_prefix('>') {
                return Some(Self { name: local, attributes, is_closed, behind });
            }
            if let Some(behind) = rest.strip_prefix('/') {
                is_closed = behind.starts_with('>');
                rest = behind;
                continue;
            }
            if attributes.len() == ATTRIBUTES {
                return None;
            }
            let end = rest.find(|c: char| is_end(c) || c == '=').filter(|end| *end > 0)?;
            let (attribute, behind) = rest.split_at(end);
            let (value, behind) = match behind.trim_start().strip_prefix('=') {
                Some(value) => value_of(value.trim_start())?,
                None => ("", behind),
            };
            attributes.push((attribute.to_ascii_lowercase(), resolved(value)));
            rest = behind;
        }
    }

    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    /// The link of a `<link>`. RSS's own element of that name has no attributes.
    fn link(&self) -> Option<Link> {
        let relations = self.attribute("rel")?.split_ascii_whitespace().map(str::to_ascii_lowercase).collect();
        Some(Link { target: self.attribute("href")?.trim().to_owned(), relations })
    }
}

/// The value of an attribute, with or without quotation marks, and the text behind it.
fn value_of(text: &str) -> Option<(&str, &str)> {
    match text.chars().next()? {
        quote @ ('"' | '\'') => text[1..].split_once(quote),
        _ => Some(text.split_at(text.find(|c: char| c.is_ascii_whitespace() || c == '>')?)),
    }
}

/// The text with the five references of XML resolved.
fn resolved(text: &str) -> String {
    // The ampersand comes last, so that nothing is resolved twice.
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&apos;", "'");
    text.replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(relation: &str, document: &str) -> Vec<String> {
        links(document.as_bytes()).into_iter().filter(|link| link.is(relation)).map(|link| link.target).collect()
    }

    const ATOM: &str = r#"<?xml version="1.0"?><!-- <link rel="hub" href="https://no.example/"/> -->
        <feed xmlns="http://www.w3.org/2005/Atom"><title>&lt;link rel="hub" href="x"&gt;</title>
        <link rel="hub" href="https://h.example/?a=1&amp;b=2"/><link href='/feed' rel='self' type="application/atom+xml"/>
        <entry><link rel="self" href="/entry"/></entry></feed>"#;
    const RSS: &str = r#"<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom"><channel>
        <link>https://a.example/</link><description><![CDATA[<link rel="hub" href="https://no.example/">]]></description>
        <atom:link rel="hub" href="https://h.example/?a=1&amp;b=2" /><atom:link rel="self" href="/feed"/>
        <item><atom:link rel="self" href="/item"/></item></channel></rss>"#;
    const HTML: &str = r#"<!DOCTYPE html><HTML><head><title></title><link rel=stylesheet href=a.css>
        <script>let x = '<link rel="hub" href="https://no.example/">';</script>
        <LINK REL="Hub" HREF="https://h.example/?a=1&amp;b=2"><link crossorigin rel="alternate SELF" href="/feed">
        </head><body><link rel="self" href="/comment"></body></html>"#;

    #[test]
    fn fe8_links_stand_in_html_atom_and_rss() {
        for document in [ATOM, RSS, HTML] {
            assert_eq!(with("hub", document), ["https://h.example/?a=1&b=2"], "{document}");
            assert_eq!(with("self", document), ["/feed"], "{document}");
        }
    }

    #[test]
    fn fe8_declarations_and_entities_are_never_expanded() {
        let dtd = r#"<!DOCTYPE feed [<!ENTITY e "https://h.example/">]><feed><link rel="hub" href="&e;"/></feed>"#;
        assert_eq!(with("hub", dtd), [""; 0]);
        assert_eq!(with("hub", r#"<feed><link rel="hub" href="&e;&amp;lt;"/></feed>"#), ["&e;&lt;"]);
    }

    #[test]
    fn fe8_only_the_beginning_of_a_document_is_looked_at() {
        let late = format!("<feed>{}<link rel=\"hub\" href=\"h\"/></feed>", " ".repeat(LOOKED_AT));
        assert_eq!(with("hub", &late), [""; 0]);
        // A cut inside a character or a tag does no harm.
        let cut = format!("<feed>{}<link rel=\"hub\" href=\"ééé\"/></feed>", " ".repeat(LOOKED_AT - 30));
        assert_eq!(with("hub", &cut), [""; 0]);
    }

    #[test]
    fn fe8_no_document_makes_the_scan_fail() {
        for odd in [
            "",
            "<",
            "<>",
            "< link>",
            "<link",
            "<link rel",
            "<link rel=",
            "<link rel='",
            "<!",
            "<!--",
            "<?",
            "</",
            "<link =x>",
        ] {
            assert_eq!(with("hub", odd), [""; 0], "{odd}");
        }
        let many = format!("<link {} rel=hub href=x>", "a=b ".repeat(1000));
        assert_eq!(with("hub", &many), [""; 0]);
    }
}
