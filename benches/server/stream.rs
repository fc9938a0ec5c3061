//! A client of a stream that does as little as possible.

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

use crate::server::Server;

/// An open stream of lines of JSON.
pub(crate) struct Stream(BufReader<TcpStream>);

impl Stream {
    /// Opens a stream and reads the head of its answer.
    pub(crate) async fn open(server: &Server, topic: &str) -> anyhow::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", server.port)).await?;
        let mut stream = Self(BufReader::with_capacity(1024, socket));
        let head = format!(
            "GET /stream?topic={topic} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {}\r\n\r\n",
            server.key
        );
        stream.0.get_mut().write_all(head.as_bytes()).await?;
        let status = stream.line().await?;
        anyhow::ensure!(status.contains(" 200 "), "the server answered {status}");
        while stream.line().await?.trim() != "" {}
        Ok(stream)
    }

    /// The number `n` in the data of the next event.
    pub(crate) async fn next(&mut self) -> anyhow::Result<usize> {
        loop {
            let line = self.line().await?;
            if let Some((_, rest)) = line.split_once("\"n\":") {
                let digits = rest.split(|c: char| !c.is_ascii_digit()).next();
                return Ok(digits.context("no number")?.parse()?);
            }
        }
    }

    async fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        anyhow::ensure!(self.0.read_line(&mut line).await? > 0, "the server closed a stream");
        Ok(line)
    }
}
