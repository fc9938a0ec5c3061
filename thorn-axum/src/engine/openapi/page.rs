//! The page for people: the same document as HTML, without scripts.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// The page's style.
const STYLE: &str = "body{font:16px/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}\
    h3{margin-top:2.5rem}table{border-collapse:collapse}td,th{border:1px solid #bbb;padding:.2rem .6rem;text-align:left}\
    pre{background:#f4f4f4;padding:1rem;overflow:auto}";

/// The policy of the page and the document: nothing is loaded, and only the page's own style is used.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'sha256-lqiIzbAsA3x95zJjiSIl3aMAPW5ZXSVoTNxDNZUXTfU='; frame-ancestors 'none'; form-action 'none'; base-uri 'none'";

/// The page of a document.
pub(super) fn page(document: &Value) -> String {
    let mut page = String::from(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Thorn's interface</title>\n",
    );
    let (title, version) = (text(&document["info"]["title"]), text(&document["info"]["version"]));
    // Writing to a string can't fail.
    let _ = writeln!(
        page,
        "<style>{STYLE}</style>\n<h1>{title} {version}</h1>\n<p>{}",
        text(&document["info"]["description"])
    );
    let _ = writeln!(page, "<p>For programs: <a href=\"/openapi.json\">openapi.json</a>");
    for tag in document["tags"].as_array().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or_default();
        let _ = writeln!(page, "<h2>{}</h2>\n<p>{}", escaped(name), text(&tag["description"]));
        for (path, methods) in members(&document["paths"]) {
            let of_tag = |(_, operation): &(&String, &Value)| operation["tags"][0] == name;
            members(methods).filter(of_tag).for_each(|(method, one)| operation(&mut page, method, path, one));
        }
    }
    section(&mut page, "Scopes", members(&document["components"]["securitySchemes"]["apiKey"]["x-scopes"]));
    section(&mut page, "Types of problems", members(&document["x-problem-types"]));
    page.push_str("<h2>Schemas</h2>\n");
    for (name, schema) in members(&document["components"]["schemas"]) {
        let (name, schema) = (escaped(name), escaped(&format!("{schema:#}")));
        let _ = writeln!(page, "<h3 id=\"{name}\">{name}</h3>\n<pre>{schema}</pre>");
    }
    page
}

fn operation(page: &mut String, method: &str, path: &str, operation: &Value) {
    let id = operation["operationId"].as_str().unwrap_or_default();
    let (id, method, path) = (escaped(id), method.to_ascii_uppercase(), escaped(path));
    let _ = writeln!(page, "<h3 id=\"{id}\"><code>{method} {path}</code></h3>\n<p>{}.", text(&operation["summary"]));
    if !operation["description"].is_null() {
        let _ = writeln!(page, "{}", text(&operation["description"]));
    }
    match operation["security"][0]["apiKey"][0].as_str() {
        Some(scope) => drop(writeln!(page, "<p>Scope: <code>{}</code>", escaped(scope))),
        None => page.push_str("<p>It needs no key.\n"),
    }
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let rows = parameters.map(|one| {
        let place = one["in"].as_str().unwrap_or_default();
        let name = format!("{} ({place})", one["name"].as_str().unwrap_or_default());
        (name, text(&one["description"]))
    });
    table(page, "Parameter", rows);
    let bodies = members(&operation["requestBody"]["content"]);
    table(page, "Body", bodies.map(|(media_type, content)| (media_type.clone(), schema(content))));
    let answers = members(&operation["responses"]).map(|(status, answer)| {
        let contents = members(&answer["content"])
            .map(|(media_type, content)| format!(" <code>{}</code> {}", escaped(media_type), schema(content)));
        (status.clone(), format!("{}{}", text(&answer["description"]), contents.collect::<String>()))
    });
    table(page, "Answer", answers);
}

fn section<'a>(page: &mut String, title: &str, rows: impl Iterator<Item = (&'a String, &'a Value)>) {
    let _ = writeln!(page, "<h2>{title}</h2>");
    table(page, "Name", rows.map(|(name, about)| (name.clone(), text(about))));
}

/// A table with two columns. Its second one is HTML already.
fn table(page: &mut String, head: &str, rows: impl Iterator<Item = (String, String)>) {
    let rows: String =
        rows.map(|(name, about)| format!("<tr><td><code>{}</code><td>{about}\n", escaped(&name))).collect();
    if !rows.is_empty() {
        let _ = writeln!(page, "<table>\n<tr><th>{head}<th>\n{rows}</table>");
    }
}

/// The schema of a content: a link to one with a name, or its JSON.
fn schema(content: &Value) -> String {
    let schema = &content["schema"];
    let name = |schema: &Value| schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).map(escaped);
    match (name(schema), name(&schema["items"])) {
        (Some(name), _) => format!("<a href=\"#{name}\">{name}</a>"),
        (None, Some(name)) => format!("list of <a href=\"#{name}\">{name}</a>"),
        (None, None) if schema.is_null() => String::new(),
        (None, None) => format!("<code>{}</code>", escaped(&schema.to_string())),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// The HTML of a text, in which words between backticks are code.
fn text(value: &Value) -> String {
    let escaped = escaped(value.as_str().unwrap_or_default());
    let parts = escaped.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ha9_whatever_a_description_says_stays_text() {
        let document = json!({
            "info": { "title": "<script>", "description": "a `b<c` & \"d\"" },
            "paths": { "/x\"><img>": { "get": { "tags": ["<t>"], "summary": "'s'", "responses": {} } } },
            "tags": [{ "name": "<t>", "description": "" }],
        });
        let page = page(&document);
        assert!(!page.contains("<script") && !page.contains("<img") && !page.contains("<t>"), "{page}");
        assert!(page.contains("a <code>b&lt;c</code> &amp; &quot;d&quot;"), "{page}");
    }
}
