//! The page with the last calls. Everything that came from outside is escaped.

use std::{fmt::Write as _, sync::Arc};

use thorn::event::printable;

use super::call::Call;

/// The style of the page.
pub(crate) const STYLE: &str = include_str!("page.css");

/// The page, with the newest call first.
pub(crate) fn render(code: u16, calls: &[Arc<Call>]) -> String {
    let mut articles = String::new();
    for (n, call) in calls.iter().enumerate() {
        articles.push_str(&article(n, call));
    }
    let summary = match calls.len() {
        0 => "Nothing has come yet. Send a POST to any path, then reload this page.".to_owned(),
        1 => "One call.".to_owned(),
        count => format!("The last {count} calls, the newest first."),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>thorn consumer</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <link rel=\"stylesheet\" href=\"/consumer.css\">\n</head>\n<body>\n<header>\n<h1>Webhook consumer</h1>\n\
         <p>Every POST is answered with <strong>{code}</strong>. <a href=\"/\">Reload</a></p>\n</header>\n\
         <main>\n<p>{summary}</p>\n{articles}</main>\n</body>\n</html>\n"
    )
}

fn article(n: usize, call: &Call) -> String {
    let mut text = format!(
        "<article aria-labelledby=\"call-{n}\">\n<h2 id=\"call-{n}\">POST {}</h2>\n\
         <p><time datetime=\"{at}\">{at}</time>, {}</p>\n",
        escape(&printable(&call.path)),
        size(call),
        at = call.at,
    );
    let lines: Vec<_> = call.lines().iter().map(|line| escape(line)).collect();
    if call.size > 0 {
        // A long body scrolls, so that a keyboard must reach it. Writing to a string can't fail.
        let _ = writeln!(
            text,
            "<h3 id=\"body-{n}\">Body</h3>\n<pre tabindex=\"0\" role=\"region\" aria-labelledby=\"body-{n}\">{}</pre>",
            lines.join("\n")
        );
    }
    text.push_str("<details>\n<summary>Headers</summary>\n<dl>\n");
    for (name, value) in &call.headers {
        let _ = writeln!(text, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(&printable(value)));
    }
    text.push_str("</dl>\n</details>\n</article>\n");
    text
}

fn size(call: &Call) -> String {
    let Call { size, body, is_whole, .. } = call;
    let mut text = if *size == 1 { "1 byte".to_owned() } else { format!("{size} bytes") };
    if body.len() < *size {
        let _ = write!(text, ", the first {} of them below", body.len());
    }
    if !is_whole {
        text.push_str("; the rest didn't come");
    }
    text
}

/// Text as HTML shows it, also inside quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}
