//! A client that sees every byte of a stream, on a socket of its own.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::app::PATIENCE;

/// A request of HTTP/1.1.
pub(super) struct Request {
    address: SocketAddr,
    method: &'static str,
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The whole answer to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    pub(super) text: String,
}

/// An answer that doesn't end.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) status: u16,
    headers: Vec<(String, String)>,
    socket: BufReader<TcpStream>,
    /// Bytes of the body that were received and not yet taken.
    pending: Vec<u8>,
    /// How long the body is, if the answer says it instead of sending chunks.
    length: Option<usize>,
    ended: bool,
    /// The id that a browser would send when it comes back.
    pub(super) last_id: String,
}

/// A block of server-sent events, as a browser dispatches it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Block {
    pub(super) id: Option<String>,
    pub(super) event: Option<String>,
    pub(super) data: String,
}

impl Request {
    pub(super) fn new(address: SocketAddr, path: &str) -> Self {
        Self { address, method: "GET", path: path.to_owned(), headers: Vec::new(), body: String::new() }
    }

    pub(super) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string();
        self.header("content-type", "application/json")
    }

    /// Sends the request and reads the head of the answer.
    pub(super) async fn open(self) -> Stream {
        tokio::time::timeout(PATIENCE, self.exchange()).await.expect("an answer in time")
    }

    async fn exchange(self) -> Stream {
        let mut socket = TcpStream::connect(self.address).await.unwrap();
        let headers: String = self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n{headers}\r\n{}",
            self.method,
            self.path,
            self.address,
            self.body.len(),
            self.body
        );
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut socket = BufReader::new(socket);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(socket.read_line(&mut line).await.unwrap(), 0, "the connection ended: {lines:?}");
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let status = lines[0].split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
        let headers: Vec<_> = headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
        let length = if status == 204 { Some(0) } else { header(&headers, "content-length").parse().ok() };
        Stream { status, headers, socket, pending: Vec::new(), length, ended: false, last_id: String::new() }
    }

    /// Sends the request and reads the whole answer.
    pub(super) async fn answer(self) -> Answer {
        let is_head = self.method == "HEAD";
        let mut stream = self.open().await;
        while !is_head && stream.fill().await {}
        let text = String::from_utf8(stream.pending).unwrap();
        Answer { status: stream.status, headers: stream.headers, text }
    }
}

fn header<'a>(headers: &'a [(String, String)], name: &str) -> &'a str {
    headers.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl Stream {
    pub(super) fn header(&self, name: &str) -> &str {
        header(&self.headers, name)
    }

    /// Waits for the next chunk of the body, or for all of a body with a length. Returns `false` at its end.
    async fn fill(&mut self) -> bool {
        if self.ended {
            return false;
        }
        if let Some(length) = self.length {
            self.pending.resize(length, 0);
            self.socket.read_exact(&mut self.pending).await.unwrap();
            self.ended = true;
            return length > 0;
        }
        let mut size = String::new();
        self.socket.read_line(&mut size).await.unwrap();
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or_default();
        let mut chunk = vec![0; size + 2];
        self.ended = size == 0 || self.socket.read_exact(&mut chunk).await.is_err();
        if !self.ended {
            self.pending.extend_from_slice(&chunk[..size]);
        }
        !self.ended
    }

    /// The next line of the body without its end; `None` after the last.
    pub(super) async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.pending.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.pending.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap().trim_end_matches('\n').to_owned());
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// The next event of a stream of server-sent events, read as the standard says; `None` after the last.
    pub(super) async fn event(&mut self) -> Option<Block> {
        let mut block = Block::default();
        let mut data = None::<String>;
        loop {
            let line = self.line().await?;
            let (field, value) = line.split_once(':').unwrap_or((&line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match field {
                "" if !line.is_empty() => {}
                "" => {
                    if let Some(id) = &block.id {
                        self.last_id.clone_from(id);
                    }
                    if let Some(data) = data {
                        return Some(Block { data, ..block });
                    }
                    block = Block::default();
                }
                "id" => block.id = Some(value),
                "event" => block.event = Some(value),
                "data" => data = Some(data.map_or(value.clone(), |before| format!("{before}\n{value}"))),
                "retry" => assert!(value.parse::<u32>().is_ok(), "{line}"),
                other => panic!("{other:?}"),
            }
        }
    }

    /// The record of the next event, which must come in time.
    pub(super) async fn record(&mut self) -> Value {
        let block = tokio::time::timeout(PATIENCE, self.event()).await.expect("an event in time");
        serde_json::from_str(&block.expect("the stream goes on").data).unwrap()
    }

    /// The next JSON of a stream of lines, which must come in time.
    pub(super) async fn json(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.line()).await.expect("a line in time");
        serde_json::from_str(&line.expect("the stream goes on")).unwrap()
    }

    /// Waits for the end of the body.
    pub(super) async fn ends_within(&mut self, time: Duration) {
        let ending = async { while self.line().await.is_some() {} };
        tokio::time::timeout(time, ending).await.expect("the end of the stream in time");
    }
}
