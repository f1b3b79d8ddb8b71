//! A transaction pooler in miniature: all its clients share one server connection, which is theirs from the first message of a
//! transaction to its end. Session state that one leaves there the next one finds, as with PgBouncer's `pool_mode = transaction`.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::Mutex;
use unisys_db::Target;
use unisys_db::connect::HostAddress;

/// A pooler on a port of the loopback address; it ends when it is dropped.
pub struct Pooler {
    target: Target,
    task: tokio::task::JoinHandle<()>,
}

impl Pooler {
    /// Starts a pooler in front of a target's database.
    ///
    /// # Panics
    /// When the server cannot be reached by its socket and without a password.
    pub async fn before(target: &Target) -> Self {
        let HostAddress::Socket(directory) = &target.hosts[0].address else {
            panic!("a server with a socket")
        };
        let socket = directory.join(format!(".s.PGSQL.{}", target.hosts[0].port));
        let mut server = UnixStream::connect(socket).await.expect("the server");
        let words = ["user", target.user.as_str(), "database", target.database.as_str(), ""];
        let mut startup = 196_608_u32.to_be_bytes().to_vec();
        startup.extend(words.iter().flat_map(|word| [word.as_bytes(), &[0]].concat()));
        write_body(&mut server, None, &startup).await.expect("a startup message");
        while read_message(&mut server).await.expect("an answer").0 != b'Z' {}
        let server = Arc::new(Mutex::new(server));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port for the pooler");
        let mut target = target.clone();
        target.hosts[0].address = HostAddress::Tcp("127.0.0.1".into());
        target.hosts[0].port = listener.local_addr().expect("its number").port();
        let task = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(serve(client, Arc::clone(&server)));
            }
        });
        Self { target, task }
    }

    /// Returns the connection that leads through the pooler.
    pub fn target(&self) -> Target {
        self.target.clone()
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one client until it goes.
async fn serve(mut client: TcpStream, server: Arc<Mutex<UnixStream>>) -> std::io::Result<()> {
    loop {
        let mut code = [0; 4];
        let length = client.read_u32().await?;
        client.read_exact(&mut code).await?;
        let mut rest = vec![0; length as usize - 8];
        client.read_exact(&mut rest).await?;
        match u32::from_be_bytes(code) {
            196_608 => break,
            _ => client.write_all(b"N").await?, // neither TLS nor GSS
        }
    }
    write_body(&mut client, Some(b'R'), &[0; 4]).await?;
    write_body(&mut client, Some(b'K'), &[0; 8]).await?;
    write_body(&mut client, Some(b'Z'), b"I").await?;
    loop {
        // What a client sends first in a transaction takes the server; what ends the transaction gives it back.
        let mut message = read_message(&mut client).await?;
        let mut server = server.lock().await;
        loop {
            if message.0 == b'X' {
                return Ok(());
            }
            write_body(&mut *server, Some(message.0), &message.1).await?;
            if matches!(message.0, b'S' | b'Q') {
                let (mut kind, mut body) = read_message(&mut *server).await?;
                while kind != b'Z' {
                    write_body(&mut client, Some(kind), &body).await?;
                    (kind, body) = read_message(&mut *server).await?;
                }
                write_body(&mut client, Some(kind), &body).await?;
                if body == b"I" {
                    break;
                }
            }
            message = read_message(&mut client).await?;
        }
    }
}

async fn read_message(from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = from.read_u8().await?;
    let length = from.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    from.read_exact(&mut body).await?;
    Ok((kind, body))
}

async fn write_body(
    to: &mut (impl AsyncWriteExt + Unpin),
    kind: Option<u8>,
    body: &[u8],
) -> std::io::Result<()> {
    let length = u32::try_from(body.len() + 4).expect("a message under 4 GB");
    let head = kind.into_iter().chain(length.to_be_bytes()).collect::<Vec<u8>>();
    to.write_all(&[&head, body].concat()).await?;
    to.flush().await
}
