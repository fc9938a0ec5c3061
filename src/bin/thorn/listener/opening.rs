//! Tells HTTP/2 from HTTP/1.1 by the first bytes of a connection.

use std::io::{self, Cursor};

use tokio::{
    io::{AsyncReadExt as _, Chain, Join, join},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// What a client of HTTP/2 sends first if it knows without TLS that the server speaks it. No request of HTTP/1.1
/// begins with more than two of these bytes.
const PREFACE: [u8; 24] = *b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection whose first bytes were looked at. They are read once more.
pub(super) type Opened = Join<Chain<Cursor<Vec<u8>>, OwnedReadHalf>, OwnedWriteHalf>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

/// Reads until the protocol is certain.
pub(super) async fn read(stream: TcpStream) -> io::Result<(Opened, Protocol)> {
    let (mut reader, writer) = stream.into_split();
    let (mut first, mut length) = ([0; PREFACE.len()], 0);
    while length < PREFACE.len() && PREFACE.starts_with(&first[..length]) {
        match reader.read(&mut first[length..]).await? {
            0 => break,
            read => length += read,
        }
    }
    let protocol = if first == PREFACE { Protocol::Http2 } else { Protocol::Http1 };
    Ok((join(Cursor::new(first[..length].to_vec()).chain(reader), writer), protocol))
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
