//! Hands sessions of PostgreSQL from client to client after each transaction, as PgBouncer from 1.21 does in transaction
//! mode: with prepared statements, and without a look at notifications.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};

/// Sessions with the server, which all clients share.
const SESSIONS: usize = 3;

/// The pooler, which ends when this is dropped.
pub(super) struct Pooler {
    port: u16,
    server: tokio::task::JoinHandle<()>,
}

struct Pool {
    upstream: SocketAddr,
    idle: Mutex<Vec<Session>>,
    places: Arc<Semaphore>,
}

/// A session with the server, and the names of the statements that are prepared in it.
struct Session {
    stream: Framed,
    prepared: HashSet<Vec<u8>>,
}

/// A stream of messages: a type, a length that includes itself, and the content.
struct Framed {
    stream: TcpStream,
    buffer: Vec<u8>,
}

struct Message {
    kind: u8,
    content: Vec<u8>,
}

impl Framed {
    /// The next message. Nothing is lost if this is cancelled.
    async fn next(&mut self) -> io::Result<Message> {
        loop {
            if let Some(length) = self.buffer.get(1..5) {
                let end = 1 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
                if self.buffer.len() >= end {
                    let message = self.buffer.drain(..end).collect::<Vec<_>>();
                    return Ok(Message { kind: message[0], content: message[5..].to_vec() });
                }
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn send(&mut self, Message { kind, content }: &Message) -> io::Result<()> {
        let mut bytes = vec![*kind];
        bytes.extend((content.len() as u32 + 4).to_be_bytes());
        bytes.extend(content);
        self.stream.write_all(&bytes).await
    }
}

impl Pooler {
    /// A pooler in front of the server of this URL.
    pub(super) async fn start(url: &str) -> Self {
        let upstream = url.split_once('@').unwrap().1.split_once('/').unwrap().0.parse().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let pool = Pool { upstream, idle: Mutex::default(), places: Arc::new(Semaphore::new(SESSIONS)) };
        let pool = Arc::new(pool);
        let server = tokio::spawn(async move {
            let mut clients = tokio::task::JoinSet::new();
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let client = Client { number, pool: pool.clone(), statements: HashMap::new() };
                clients.spawn(client.serve(stream));
            }
        });
        Self { port, server }
    }

    /// The URL of the same database through the pooler.
    pub(super) fn url(&self, direct: &str) -> String {
        let (user, place) = direct.split_once('@').unwrap();
        format!("{user}@127.0.0.1:{}/{}", self.port, place.split_once('/').unwrap().1)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Pool {
    /// The session that was used last, or a new one.
    async fn session(&self, startup: &[u8]) -> io::Result<(Session, OwnedSemaphorePermit)> {
        let place = self.places.clone().acquire_owned().await.unwrap();
        let idle = self.idle.lock().unwrap().pop();
        let session = match idle {
            Some(session) => session,
            None => self.connect(startup).await?.0,
        };
        Ok((session, place))
    }

    /// A new session, and the server's messages until it was ready.
    async fn connect(&self, startup: &[u8]) -> io::Result<(Session, Vec<Message>)> {
        let mut stream = TcpStream::connect(self.upstream).await?;
        stream.write_all(startup).await?;
        let mut stream = Framed { stream, buffer: Vec::new() };
        let mut messages = Vec::new();
        loop {
            messages.push(stream.next().await?);
            if messages.last().is_some_and(|message| message.kind == b'Z') {
                return Ok((Session { stream, prepared: HashSet::new() }, messages));
            }
        }
    }
}

struct Client {
    number: usize,
    pool: Arc<Pool>,
    /// The messages that prepare this client's statements, by the names in the sessions.
    statements: HashMap<Vec<u8>, Vec<u8>>,
}

/// A session while a client has it.
struct Held {
    session: Session,
    _place: OwnedSemaphorePermit,
    /// Messages that the server answers by saying that it is ready.
    unanswered: usize,
    /// For each statement that is being prepared, whether the client asked for it.
    preparing: VecDeque<bool>,
}

impl Client {
    async fn serve(mut self, mut stream: TcpStream) -> io::Result<()> {
        let startup = loop {
            let length = stream.read_u32().await?;
            let mut startup = length.to_be_bytes().to_vec();
            startup.resize(length as usize, 0);
            stream.read_exact(&mut startup[4..]).await?;
            // The version of the protocol, or the wish to speak TLS.
            if startup[4..6] == [0, 3] {
                break startup;
            }
            stream.write_all(b"N").await?;
        };
        let mut client = Framed { stream, buffer: Vec::new() };
        let (_, greeting) = self.pool.connect(&startup).await?;
        for message in &greeting {
            client.send(message).await?;
        }
        let mut held: Option<Held> = None;
        loop {
            let told = match &mut held {
                None => Ok(client.next().await?),
                Some(held) => tokio::select! {
                    message = client.next() => Ok(message?),
                    message = held.session.stream.next() => Err(message?),
                },
            };
            match told {
                Ok(Message { kind: b'X', .. }) => return Ok(()),
                Ok(message) => {
                    if held.is_none() {
                        let (session, place) = self.pool.session(&startup).await?;
                        let preparing = VecDeque::new();
                        held = Some(Held { session, _place: place, unanswered: 0, preparing });
                    }
                    self.forward(message, held.as_mut().unwrap()).await?;
                }
                Err(message) => {
                    let holder = held.as_mut().unwrap();
                    if message.kind == b'1' && !holder.preparing.pop_front().unwrap() {
                        continue;
                    }
                    client.send(&message).await?;
                    if message.kind == b'Z' {
                        holder.unanswered -= 1;
                        holder.preparing.clear();
                        if holder.unanswered == 0 && message.content == b"I" {
                            self.pool.idle.lock().unwrap().push(held.take().unwrap().session);
                        }
                    }
                }
            }
        }
    }

    /// Sends a client's message to the server, with the statement's name in the session.
    async fn forward(&mut self, mut message: Message, held: &mut Held) -> io::Result<()> {
        // Where the statement's name begins.
        let begin = match (message.kind, message.content.first()) {
            (b'P', _) => Some(0),
            (b'B', _) => Some(message.content.iter().position(|byte| *byte == 0).unwrap() + 1),
            (b'D' | b'C', Some(b'S')) => Some(1),
            _ => None,
        };
        if let Some(begin) = begin
            && message.content[begin] != 0
        {
            let prefix = format!("client_{}_", self.number).into_bytes();
            message.content.splice(begin..begin, prefix);
            let name = message.content[begin..].split(|byte| *byte == 0).next().unwrap().to_vec();
            if message.kind == b'P' {
                self.statements.insert(name.clone(), message.content.clone());
                held.session.prepared.insert(name);
            } else if message.kind != b'C' && held.session.prepared.insert(name.clone()) {
                let prepare = Message { kind: b'P', content: self.statements[&name].clone() };
                held.session.stream.send(&prepare).await?;
                held.preparing.push_back(false);
            }
        }
        match message.kind {
            b'P' => held.preparing.push_back(true),
            b'S' | b'Q' => held.unanswered += 1,
            _ => {}
        }
        held.session.stream.send(&message).await
    }
}
