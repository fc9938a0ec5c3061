//! Receivers that send without end and have nothing to say.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    thread,
};

use super::*;

/// Longer than any test.
const HOUR: Duration = Duration::from_secs(3600);

/// Answers each request with `start`, and then repeats `rest` as fast as it is read. It has threads of its own, because
/// those of the runtime may be busy.
fn flooding(start: &'static str, rest: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            // An error is the end of the connection.
            thread::spawn(move || _ = flood(stream, start, rest));
        }
    });
    format!("http://{address}/")
}

fn flood(mut stream: TcpStream, start: &str, rest: &str) -> std::io::Result<()> {
    let _part = stream.read(&mut [0; 4096])?;
    stream.write_all(start.as_bytes())?;
    let rest = rest.repeat(4_096);
    loop {
        stream.write_all(rest.as_bytes())?;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_sends_without_end_and_has_nothing_to_say_is_stopped() {
    let (client, hook) = (guarded_by(loopback()), Hook { timeout: HOUR, ..Hook::default() });
    let urls = [
        ("", "HTTP/1.1 100 Continue\r\n\r\n"),
        ("", "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n"),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "0"),
        ("HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\n1", " "),
    ]
    .map(|(start, rest)| flooding(start, rest));
    // There are more of them than threads of the runtime.
    for attempt in futures::future::join_all(urls.iter().map(|url| hook.send(&client, url))).await {
        assert_eq!(attempt.outcome, Outcome::Unreachable, "{attempt:?}");
        let error = attempt.error.unwrap();
        assert!(error.contains("more than 32 KiB before its response could be read"), "{error}");
    }
}

#[tokio::test]
async fn a_large_body_is_read_to_its_end() {
    const BYTES: usize = 256 << 20;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _part = stream.read(&mut [0; 4096]).unwrap();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {BYTES}\r\n\r\n").unwrap();
        let part = vec![b'a'; 1 << 20];
        for _ in 0..BYTES / part.len() {
            stream.write_all(&part).unwrap();
        }
    });
    let client = guarded_by(loopback());
    let got = client.get(Get {
        url: &url,
        headers: http::HeaderMap::new(),
        most_bytes: BYTES,
        most_redirects: 0,
        timeout: HOUR,
        tenant: Tenant::default(),
    });
    assert_eq!(got.await.unwrap().body.len(), BYTES);
    server.join().unwrap();
}
