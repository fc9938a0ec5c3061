//! `thorn consumer`: the receiver for development.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::server::{Server, are, thorn};
use crate::{
    app::eventually,
    blog::http::{self, Answer},
    process,
};

/// A running consumer. Killed when dropped.
struct Consumer {
    child: Child,
    port: u16,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Consumer {
    /// With this status, on a free port.
    fn start(code: &str) -> Self {
        let mut command = process::program(Path::new(env!("CARGO_BIN_EXE_thorn")), "");
        let mut child = command.args(["consumer", code, "127.0.0.1", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (said, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| said.send(line)));
        let first = lines.recv().unwrap();
        let port = first.strip_prefix("thorn: listening on http://127.0.0.1:").unwrap().parse().unwrap();
        Self { child, port, lines }
    }

    async fn post(&self, path: &str, headers: &str, body: &[u8]) -> Answer {
        http::request(self.port, "POST", path, headers, body).await
    }

    async fn page(&self) -> Answer {
        http::request(self.port, "GET", "/", "", b"").await.expect(200)
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn hooks_k16_ha8_every_post_gets_the_status_and_the_page_shows_the_last_20_newest_first() {
    let consumer = Consumer::start("503");
    assert!(consumer.page().await.text.contains("Nothing has come yet."));
    for n in 1..=22 {
        let (path, body) = (format!("/hook/{n}?q={n}"), format!("body {n}"));
        let answer = consumer.post(&path, "x-number: one\r\n", body.as_bytes()).await.expect(503);
        assert_eq!(answer.text, "");
    }
    let page = consumer.page().await.text;
    let paths: Vec<_> = page.lines().filter(|line| line.starts_with("<h2")).collect();
    let expected: Vec<_> = (3..=22).rev().map(|n| format!("POST /hook/{n}?q={n}</h2>")).collect();
    assert_eq!(paths.len(), 20);
    assert!(paths.iter().zip(&expected).all(|(line, end)| line.ends_with(end)), "{paths:?}");
    assert!(page.contains(">body 22</pre>") && page.contains("<dt>x-number</dt><dd>one</dd>"), "{page}");
    // Any path shows the page, and other methods aren't answered with the status.
    http::request(consumer.port, "GET", "/other", "", b"").await.expect(200);
    for method in ["PUT", "DELETE", "PATCH"] {
        http::request(consumer.port, method, "/", "", b"").await.expect(405);
    }
    assert_eq!(consumer.lines.recv().unwrap(), "Received POST /hook/1?q=1 body 1, answered 503");
}

#[tokio::test]
async fn hooks_k16_ha8_whatever_comes_is_shown_escaped_on_a_page_that_may_load_nothing() {
    let consumer = Consumer::start("200");
    let script = "<script>alert('1')</script>";
    let hostile = format!("x-hostile: {script}\"'&\r\nx-raw: \u{202e}\r\n");
    let body = format!("{script}\n&amp; \u{202e}\u{1b}[2J \u{0} </pre></article>");
    // HTTP lets no angle bracket into a path, but quotes.
    consumer.post(&format!("/{script}"), "", b"").await.expect(400);
    consumer.post("/%3Cscript%3E\"'&lt;?a='x'&amp;", &hostile, body.as_bytes()).await.expect(200);
    consumer.post("/bytes", "", b"\xff\xfe<b>\xc3\x28").await.expect(200);
    let page = consumer.page().await;
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'self';") && !policy.contains("unsafe"), "{policy}");
    assert_eq!((page.header("x-content-type-options"), page.header("cache-control")), ("nosniff", "no-store"));
    let text = page.text;
    let escaped = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;";
    assert_eq!(text.matches(escaped).count(), 2, "in the body and the header: {text}");
    assert!(text.contains("POST /%3Cscript%3E&quot;&#39;&amp;lt;?a=&#39;x&#39;&amp;amp;</h2>"), "{text}");
    assert!(
        !text.contains("<script") && !text.contains("<b>") && !text.contains(['\u{202e}', '\u{1b}', '\0']),
        "{text}"
    );
    assert!(text.contains(r"&amp;amp; \u{202e}\u{1b}[2J \u{0} &lt;/pre&gt;&lt;/article&gt;"), "{text}");
    assert_eq!(text.matches("</article>").count(), 2, "{text}");
    let style = http::request(consumer.port, "GET", "/consumer.css", "", b"").await.expect(200);
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    consumer.post("/consumer.css", "", b"").await.expect(200);
    let line = consumer.lines.recv().unwrap();
    assert!(!line.contains(['\u{202e}', '\u{1b}', '\0']) && line.contains(r"\u{202e}"), "{line}");
}

#[tokio::test]
async fn ha8_bodies_are_kept_up_to_a_bound_and_foreign_hosts_see_nothing() {
    let consumer = Consumer::start("200");
    consumer.post("/large", "", &vec![b'x'; 1_000_000]).await.expect(200);
    let page = consumer.page().await.text;
    assert!(page.contains("1000000 bytes, the first 16384 of them below") && page.len() < 20_000, "{}", page.len());
    // A body that breaks off is a call, too.
    let mut broken = TcpStream::connect(("127.0.0.1", consumer.port)).await.unwrap();
    broken.write_all(b"POST /broken HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc").await.unwrap();
    drop(broken);
    eventually("the call that broke off", || async {
        let page = consumer.page().await.text;
        let is_there = page.contains("POST /broken") && page.contains("3 bytes; the rest didn't come");
        if is_there { Ok(()) } else { Err(page) }
    })
    .await;
    for (host, status) in [
        ("localhost:8888", 200),
        ("LOCALHOST", 200),
        ("127.0.0.1", 200),
        ("[::1]:8888", 200),
        ("10.0.0.1", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost.evil.example:8888", 421),
    ] {
        let get = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        let answer = http::exchange(consumer.port, get.as_bytes()).await.expect(status);
        assert_eq!(answer.text.contains("POST /large"), status == 200, "{host}");
        // A delivery may come under any name, such as that of a container.
        let post = format!("POST /{host} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        http::exchange(consumer.port, post.as_bytes()).await.expect(200);
    }
}

#[tokio::test]
async fn ha8_a_delivery_of_the_server_arrives_there() {
    let consumer = Consumer::start("204");
    let (_server, operator) = Server::start().await;
    operator.subscribe("a.b", &format!("http://127.0.0.1:{}/hook", consumer.port)).await;
    let id = operator.publish(json!({ "event": "a.b", "data": 1 })).await;
    operator.deliveries(&id, are(1, "delivered", 1)).await;
    let page = consumer.page().await.text;
    assert!(
        page.contains("&quot;event&quot;:&quot;a.b&quot;") && page.contains("<dt>webhook-signature</dt>"),
        "{page}"
    );
}

#[test]
fn ha8_arguments_that_make_no_sense_are_refused() {
    let code = |command: &mut Command| process::output(command).status.code();
    for wrong in [&["99"][..], &["100"], &["600"], &["x"], &["200", "127.0.0.1", "65536"]] {
        assert_eq!(code(thorn("").arg("consumer").args(wrong)), Some(2), "{wrong:?}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let output = process::output(thorn("").args(["consumer", "200", "127.0.0.1", &port]));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        output.status.code() == Some(1) && stderr.contains(&format!("can't listen on 127.0.0.1, port {port}")),
        "{stderr}"
    );
}
