//! BR23: pages of a foreign origin in a real browser, Chromium.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use serde_json::json;
use thorn_core::testing::Receiver;

use super::{dispatch::answering, server::Server};
use crate::faults::server::{found, in_path};

fn program() -> Option<PathBuf> {
    found("Chromium", in_path("chromium").or_else(|| in_path("google-chrome")))
}

/// Returns what the browser shows at this URL, once all that the page does is done. It takes every name for this machine.
async fn shown(program: &PathBuf, url: &str) -> String {
    let profile = tempfile::tempdir().unwrap();
    let mut command = Command::new(program);
    command
        .args(["--headless", "--disable-gpu", "--no-sandbox", "--no-first-run", "--disable-background-networking"])
        .args(["--host-resolver-rules=MAP * 127.0.0.1", "--virtual-time-budget=20000", "--dump-dom", url])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The URL of a page at a foreign origin.
async fn page(script: &str) -> (Receiver, String) {
    let receiver = Receiver::start().await.unwrap();
    let text = format!("<!doctype html><title>page</title><body><pre id=said></pre><script>{script}</script>");
    receiver.reply(answering(200, "text/html", text));
    let url = receiver.url("/page").replace("127.0.0.1", "evil.example");
    (receiver, url)
}

/// A page that sends a form to the server as soon as it is there.
fn form(server: &Server) -> String {
    format!(
        "const form = document.createElement('form'); form.method = 'post';
         form.action = 'http://127.0.0.1:{}/events/';
         form.append(Object.assign(document.createElement('input'), {{ name: 'event', value: 'a.b' }}));
         document.body.append(form); form.submit();",
        server.port
    )
}

/// A page that has learned a key, and calls the server in each way in which a page can.
fn calls(server: &Server, key: &str) -> String {
    format!(
        "const url = 'http://127.0.0.1:{}/events/', body = '{{\"event\":\"a.b\",\"data\":1}}', method = 'POST';
         const authorization = 'Bearer {key}';
         const tell = async (name, init, where = url) => {{
             let said;
             try {{ const answer = await fetch(where, init); said = answer.type + ' ' + answer.status; }}
             catch (error) {{ said = 'refused'; }}
             document.getElementById('said').textContent += name + ': ' + said + '\\n';
         }};
         (async () => {{
             await tell('json', {{ method, body, headers: {{ authorization, 'content-type': 'application/json' }} }});
             await tell('plain', {{ method, body, headers: {{ authorization, 'content-type': 'text/plain' }} }});
             await tell('blind', {{ method, body, mode: 'no-cors' }});
             await tell('read', {{ headers: {{ authorization }} }});
             document.getElementById('said').textContent += 'done';
         }})();",
        server.port
    )
}

#[tokio::test]
async fn br23_in_a_browser_a_foreign_page_can_neither_post_a_form_nor_fetch() {
    let Some(browser) = program() else { return };
    let (server, operator) = Server::start().await;
    let (_form, url) = page(&form(&server)).await;
    let dom = shown(&browser, &url).await;
    assert!(dom.contains("Pages of this origin may not call the server"), "{dom}");

    let (_calls, url) = page(&calls(&server, operator.key())).await;
    let dom = shown(&browser, &url).await;
    for call in ["json: refused", "plain: refused", "blind: opaque 0", "read: refused", "done"] {
        assert!(dom.contains(call), "{call}: {dom}");
    }
    // A name that an attacker's DNS resolves to this machine makes the page one of the server's origin.
    let dom = shown(&browser, &format!("http://evil.example:{}/events/", server.port)).await;
    assert!(dom.contains("The server doesn't serve this host"), "{dom}");
    assert_eq!(operator.get("/events/").await.expect(200).json(), json!([]));
}

/// Shows that the test above can fail.
#[tokio::test]
async fn br23_in_a_browser_a_page_of_a_listed_origin_can() {
    let Some(browser) = program() else { return };
    let (receiver, url) = page("").await;
    let origin = url.trim_end_matches("/page");
    let (server, operator) = Server::with(&[("THORN_CORS_ORIGINS", origin)]).await;
    let script = calls(&server, operator.key());
    receiver.reply(answering(200, "text/html", format!("<body><pre id=said></pre><script>{script}</script>")));
    let dom = shown(&browser, &url).await;
    for call in ["json: cors 201", "plain: cors 415", "read: cors 200", "done"] {
        assert!(dom.contains(call), "{call}: {dom}");
    }
    assert_eq!(operator.get("/events/").await.expect(200).json().as_array().unwrap().len(), 1);
}
