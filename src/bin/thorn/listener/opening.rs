//! Tells HTTP/2 from HTTP/1.1 by the first bytes of a connection.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll},
};

use axum::body::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// What a client of HTTP/2 sends first if it knows without TLS that the server speaks it. No request of HTTP/1.1
/// begins with more than two of these bytes.
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes were looked at. They are read once more.
#[derive(Debug)]
pub(super) struct Opened {
    first: Bytes,
    stream: TcpStream,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads until the protocol is certain.
pub(super) async fn read(mut stream: TcpStream) -> io::Result<(Opened, Protocol)> {
    let (mut first, mut length) = ([0; PREFACE.len()], 0);
    while length < PREFACE.len() && PREFACE.starts_with(&first[..length]) {
        match stream.read(&mut first[length..]).await? {
            0 => break,
            read => length += read,
        }
    }
    let protocol = if first == PREFACE { Protocol::Http2 } else { Protocol::Http1 };
    Ok((Opened { first: Bytes::copy_from_slice(&first[..length]), stream }, protocol))
}

impl AsyncRead for Opened {
    /// The first bytes come together with what follows them: hyper doubles its buffer after a read that leaves less room
    /// than it began with, and every idle connection would keep that.
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, to: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.stream).poll_read(context, to);
        }
        let length = self.first.len().min(to.remaining());
        to.put_slice(&self.first.split_to(length));
        match Pin::new(&mut self.stream).poll_read(context, to) {
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(())) | Poll::Pending => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Opened {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{io::AsyncWriteExt as _, net::TcpListener};

    use super::*;

    /// What a connection is on which these pieces come, and all that is read from it.
    async fn read_from(pieces: &[&[u8]]) -> (Protocol, Vec<u8>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        client.set_nodelay(true).unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let writing = async {
            for piece in pieces {
                client.write_all(piece).await.unwrap();
                tokio::task::yield_now().await;
            }
            client.shutdown().await.unwrap();
        };
        let (opened, ()) = tokio::join!(read(server), writing);
        let (mut stream, protocol) = opened.unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).await.unwrap();
        (protocol, all)
    }

    #[tokio::test]
    async fn the_first_bytes_come_together_with_the_next() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let request = b"GET /streams?topic=a.b HTTP/1.1\r\nhost: a.test\r\n\r\n";
        client.write_all(request).await.unwrap();
        let (mut opened, _) = read(server).await.unwrap();
        let mut buffer = [0; 1_024];
        assert_eq!(opened.read(&mut buffer).await.unwrap(), request.len());
        assert_eq!(buffer[..request.len()], request[..]);
    }

    #[tokio::test]
    async fn the_first_bytes_tell_the_protocol_and_are_read_once_more() {
        for (pieces, protocol) in [
            (&[&PREFACE[..], b"more"][..], Protocol::Http2),
            (&[&PREFACE[..1], &PREFACE[1..20], &PREFACE[20..]], Protocol::Http2),
            (&[b"GET / HTTP/1.1\r\n\r\n"], Protocol::Http1),
            (&[b"PR", b"OPFIND / HTTP/1.1\r\n\r\n"], Protocol::Http1),
            (&[b"P"], Protocol::Http1),
            (&[], Protocol::Http1),
        ] {
            assert_eq!(read_from(pieces).await, (protocol, pieces.concat()), "{pieces:?}");
        }
    }
}
