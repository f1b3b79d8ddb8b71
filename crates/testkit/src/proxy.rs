//! A bad network: a TCP proxy in front of a real server that delays, throttles, cuts and swallows.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use unisys_db::Target;
use unisys_db::connect::HostAddress;
use unisys_db::throttle::Throttle;

/// A proxy on a port of the loopback address; it ends, and cuts its connections, when it is dropped.
pub struct Proxy {
    network: Arc<Network>,
    target: Target,
    runtime: Option<tokio::runtime::Runtime>,
}

/// What the network is like now.
#[derive(Default)]
struct Network {
    delay_ms: AtomicU64,
    bytes_per_second: AtomicU64,
    swallows: AtomicBool,
    refuses: AtomicBool,
    refused: AtomicU32,
    cut_after: AtomicU64,
    cuts_left: AtomicU32,
    cuts: AtomicU32,
    swallow_after: AtomicU64,
    swallows_left: AtomicU32,
    swallowed: AtomicU32,
    /// Whether what is swallowed is still taken from the server.
    drains: AtomicBool,
    /// Counts up when all connections are cut.
    generation: watch::Sender<u64>,
}

#[derive(Clone)]
enum Server {
    #[cfg(unix)]
    Socket(std::path::PathBuf),
    Tcp(String),
}

impl Proxy {
    /// Starts a proxy in front of a target's server.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn before(target: &Target) -> Self {
        let host = &target.hosts[0];
        let server = match &host.address {
            #[cfg(not(unix))]
            HostAddress::Socket(directory) => panic!("no socket {} on this system", directory.display()),
            #[cfg(unix)]
            HostAddress::Socket(directory) => {
                Server::Socket(directory.join(format!(".s.PGSQL.{}", host.port)))
            }
            HostAddress::Tcp(name) => Server::Tcp(format!("{name}:{}", host.port)),
        };
        // a thread of its own: it must go on while a test waits
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime for the proxy");
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port for the proxy");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address: SocketAddr = listener.local_addr().expect("its number");
        let network = Arc::new(Network::default());
        runtime.spawn(accept(listener, server, Arc::clone(&network)));
        let mut target = target.clone();
        target.hosts[0].address = HostAddress::Tcp("127.0.0.1".into());
        target.hosts[0].port = address.port();
        Self { network, target, runtime: Some(runtime) }
    }

    /// Returns the connection that leads through the proxy.
    pub fn target(&self) -> Target {
        self.target.clone()
    }

    /// Holds every packet for this long.
    pub fn delay(&self, time: Duration) {
        self.network.delay_ms.store(u64::try_from(time.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// Lets so many bytes a second through each new connection; 0 lets all through.
    pub fn throttle(&self, bytes_per_second: u64) {
        self.network.bytes_per_second.store(bytes_per_second, Ordering::SeqCst);
    }

    /// Cuts each connection, `times` of them, when so many bytes came from the server.
    pub fn cut_after(&self, bytes: u64, times: u32) {
        self.network.cut_after.store(bytes, Ordering::SeqCst);
        self.network.cuts_left.store(times, Ordering::SeqCst);
    }

    /// Returns how many connections were cut by [`Proxy::cut_after`].
    pub fn cuts(&self) -> u32 {
        self.network.cuts.load(Ordering::SeqCst)
    }

    /// Swallows what else comes from the server on each connection, `times` of them, when so many bytes came; the connection
    /// stays open. With `drains` the server gets rid of it, else it has to wait.
    pub fn swallow_after(&self, bytes: u64, times: u32, drains: bool) {
        self.network.swallow_after.store(bytes, Ordering::SeqCst);
        self.network.drains.store(drains, Ordering::SeqCst);
        self.network.swallows_left.store(times, Ordering::SeqCst);
    }

    /// Returns how many connections were swallowed by [`Proxy::swallow_after`].
    pub fn swallowed(&self) -> u32 {
        self.network.swallowed.load(Ordering::SeqCst)
    }

    /// Cuts all connections there are.
    pub fn cut_all(&self) {
        self.network.generation.send_modify(|generation| *generation += 1);
    }

    /// Swallows everything from now on: connections stay open, new ones are accepted, and nothing arrives.
    pub fn black_hole(&self, swallows: bool) {
        self.network.swallows.store(swallows, Ordering::SeqCst);
    }

    /// Ends every new connection at once.
    pub fn refuse(&self, refuses: bool) {
        self.network.refuses.store(refuses, Ordering::SeqCst);
    }

    /// Returns how many connections were ended so.
    pub fn refused(&self) -> u32 {
        self.network.refused.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: std::net::TcpListener, server: Server, network: Arc<Network>) {
    let listener = TcpListener::from_std(listener).expect("a listener of the runtime");
    while let Ok((client, _)) = listener.accept().await {
        match network.refuses.load(Ordering::SeqCst) {
            true => {
                network.refused.fetch_add(1, Ordering::SeqCst);
            }
            false => {
                tokio::spawn(connect(client, server.clone(), Arc::clone(&network)));
            }
        }
    }
}

async fn connect(client: TcpStream, server: Server, network: Arc<Network>) {
    match server {
        Server::Tcp(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                join(client, server.into_split(), network).await;
            }
        }
        #[cfg(unix)]
        Server::Socket(path) => {
            if let Ok(server) = tokio::net::UnixStream::connect(path).await {
                join(client, server.into_split(), network).await;
            }
        }
    }
}

/// Passes bytes on in both directions until one side ends or the network cuts them.
async fn join(
    client: TcpStream,
    server: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    network: Arc<Network>,
) {
    let mut generation = network.generation.subscribe();
    let (from_client, to_client) = client.into_split();
    let throttle = Throttle::new(Some(network.bytes_per_second.load(Ordering::SeqCst)));
    let cut: std::pin::Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(async move {
        let _ = generation.changed().await;
    });
    tokio::select! {
        () = pass(from_client, server.1, &network, None) => {}
        () = pass(server.0, to_client, &network, Some(&throttle)) => {}
        () = cut => {}
    }
}

/// Passes bytes on in one direction; those from the server are counted and throttled.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    network: &Network,
    from_server: Option<&Throttle>,
) {
    let (mut buffer, mut passed) = (vec![0; 16 * 1024], 0);
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let delay = network.delay_ms.load(Ordering::SeqCst);
        if delay > 0 {
            tokio::time::sleep(Duration::from_millis(delay)).await;
        }
        if let Some(throttle) = from_server {
            throttle.pay(read).await;
            passed += read as u64;
            if network.cuts(passed) {
                return;
            }
            if network.swallows_one(passed) {
                if network.drains.load(Ordering::SeqCst) {
                    let _ = tokio::io::copy(&mut from, &mut tokio::io::sink()).await;
                }
                return std::future::pending().await;
            }
        }
        if network.swallows.load(Ordering::SeqCst) {
            continue;
        }
        if to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
    // what ends while everything is swallowed does not tell the other side either
    while network.swallows.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl Network {
    /// Whether a connection is to be cut after so many bytes from the server.
    fn cuts(&self, passed: u64) -> bool {
        passed >= self.cut_after.load(Ordering::SeqCst) && one_of(&self.cuts_left, &self.cuts)
    }

    /// Whether a connection is to be swallowed after so many bytes from the server.
    fn swallows_one(&self, passed: u64) -> bool {
        passed >= self.swallow_after.load(Ordering::SeqCst) && one_of(&self.swallows_left, &self.swallowed)
    }
}

/// Takes one of what is left and counts it.
fn one_of(left: &AtomicU32, taken: &AtomicU32) -> bool {
    let left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
    if left.is_ok() {
        taken.fetch_add(1, Ordering::SeqCst);
    }
    left.is_ok()
}
