//! A way to a server that can be cut: refused, or silent.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    server: String,
    line: watch::Sender<Line>,
    listening: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    Open,
    /// Connections end.
    Cut,
    /// Nothing is answered, and nothing ends. A connection that was there then stays silent for ever,
    /// as one does whose router has forgotten it.
    Silent,
}

impl Proxy {
    /// To the host and port of this URL.
    pub(super) async fn to(url: &str) -> (Self, String) {
        let (before, rest) = url.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let (user, host) = host.rsplit_once('@').map_or((None, host), |(user, host)| (Some(user), host));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Self {
            address,
            server: host.to_owned(),
            line: watch::Sender::new(Line::Open),
            listening: Mutex::default(),
        };
        proxy.listen(listener);
        let user = user.map(|user| format!("{user}@")).unwrap_or_default();
        (proxy, format!("{before}://{user}{address}/{path}"))
    }

    fn listen(&self, listener: TcpListener) {
        let (server, line) = (self.server.clone(), self.line.clone());
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), line.subscribe()));
            }
        });
        if let Some(before) = self.listening.lock().unwrap().replace(task) {
            before.abort();
        }
    }

    /// Connections end, and new ones are refused.
    pub(super) async fn cut(&self) {
        let listening = self.listening.lock().unwrap().take();
        if let Some(task) = listening {
            task.abort();
            // The port is free only when the task is gone.
            let _ = task.await;
        }
        self.line.send_replace(Line::Cut);
    }

    pub(super) fn fall_silent(&self) {
        self.line.send_replace(Line::Silent);
    }

    /// New connections work again.
    pub(super) async fn open(&self) {
        self.line.send_replace(Line::Open);
        if self.listening.lock().unwrap().is_none() {
            self.listen(TcpListener::bind(self.address).await.unwrap());
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(task) = self.listening.lock().unwrap().take() {
            task.abort();
        }
        self.line.send_replace(Line::Cut);
    }
}

/// Passes both ways until the line isn't open any more.
async fn pass(client: TcpStream, server: String, mut line: watch::Receiver<Line>) -> io::Result<()> {
    let _ = client.set_nodelay(true);
    let client = Arc::new(Mutex::new(Some(client)));
    if *line.borrow_and_update() == Line::Open {
        let taken = client.lock().unwrap().take();
        let Some(mut ours) = taken else { return Ok(()) };
        let mut theirs = TcpStream::connect(&server).await?;
        let _ = theirs.set_nodelay(true);
        let (mut to_us, mut to_them) = (vec![0; 65536], vec![0; 65536]);
        loop {
            tokio::select! {
                biased;
                _ = line.changed() => break,
                read = ours.read(&mut to_them) => match read? {
                    0 => return Ok(()),
                    read => theirs.write_all(&to_them[..read]).await?,
                },
                read = theirs.read(&mut to_us) => match read? {
                    0 => return Ok(()),
                    read => ours.write_all(&to_us[..read]).await?,
                },
            }
        }
        client.lock().unwrap().replace(ours);
    }
    // The server's side has ended. The client's hears nothing, for ever unless the line was cut.
    let _silent = client;
    let _ = line.wait_for(|line| *line == Line::Cut).await;
    Ok(())
}
