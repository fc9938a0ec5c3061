//! `/api-help/`, as a browser gets it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};

use crate::engine::server::Server;

#[tokio::test]
async fn ha9_everybody_may_read_the_page_which_loads_nothing_and_runs_nothing() {
    let (server, operator) = Server::start().await;
    let page = server.get("/api-help/").await.expect(200);
    assert_eq!(page.text, server.get("/api-help").await.expect(200).text);
    assert_eq!(page.text, operator.get("/api-help/").await.expect(200).text);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("x-content-type-options"), "nosniff");

    let policy = page.header("content-security-policy");
    let style = page.text.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
    let hash = STANDARD.encode(Sha256::digest(style.as_bytes()));
    assert!(policy.starts_with(&format!("default-src 'none'; style-src 'sha256-{hash}';")), "{policy}\n{hash}");
    for foreign in ["<script", "<link", "<img", "<iframe", " src=", "javascript:", " onload", "@import", "url("] {
        assert!(!page.text.contains(foreign), "{foreign}");
    }
    for link in page.text.split("href=\"").skip(1) {
        assert!(link.starts_with('#') || link.starts_with("/openapi.json\""), "{}", link.split('"').next().unwrap());
    }

    let document = server.get("/openapi.json").await.expect(200);
    assert_eq!(document.header("content-type"), "application/json");
    let document = document.json();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let line = format!("<code>{} {path}</code>", method.to_ascii_uppercase());
            assert!(page.text.contains(&line), "{line}");
        }
    }
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(page.text.contains(&format!("id=\"{name}\"")), "{name}");
    }
}
