//! Trying hosts, addresses, and with or without TLS, in libpq's order, until one will do.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use postgres_native_tls::MakeTlsConnector;
use rand::seq::SliceRandom;
use secrecy::ExposeSecret;
use tokio::net::lookup_host;
use tokio::task::JoinHandle;
use tokio_postgres::config::{ChannelBinding as DriverBinding, SslMode as DriverMode};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, NoTls, Socket};

use super::failure::Reason;
use super::{Attempt, ChannelBinding, ConnectFailure, Host, HostAddress, SessionAttrs, SslMode, Target, tls};
use crate::error::DbError;

const SERVER_ROLE: &str = include_str!("../../../../sql/connect/server_role.sql");

/// An open connection, before it is a session.
pub(crate) struct Opened {
    pub(crate) client: Client,
    pub(crate) driver: JoinHandle<()>,
    /// How the driver ended; set before any request learns that the connection is closed.
    pub(crate) ended: Arc<OnceLock<Arc<tokio_postgres::Error>>>,
    pub(crate) server_version: String,
    /// Where it leads, with the address that answered.
    pub(crate) host: Host,
    /// The connector it was made with, where it is encrypted.
    pub(crate) tls: Option<MakeTlsConnector>,
}

/// Opens a connection to the first host that will do.
pub(crate) async fn open(target: &Target) -> Result<Opened, DbError> {
    let by_tcp = target.hosts.iter().any(|h| matches!(h.address, HostAddress::Tcp(_)));
    let tls = match by_tcp && target.tls.mode != SslMode::Disable {
        true => Some(
            tls::connector(&target.tls)
                .map_err(|reason| DbError::Tls { target: target.to_string(), reason })?,
        ),
        false => None,
    };
    let passes = match target.session_attrs {
        SessionAttrs::PreferStandby => vec![SessionAttrs::Standby, SessionAttrs::Any],
        attrs => vec![attrs],
    };
    let mut attempts = Vec::new();
    for attrs in passes {
        if let Some(opened) = pass(target, tls.as_ref(), attrs, &mut attempts).await {
            return Ok(opened);
        }
        if attempts.last().is_some_and(Attempt::is_final) {
            break;
        }
    }
    Err(DbError::Connect { target: target.to_string(), source: ConnectFailure { attempts } })
}

/// Goes through the hosts once. Like libpq, goes on to the next address where one cannot be reached, is starting up or
/// is unsuitable; a server that refuses the login, or whose certificate is wrong, ends it.
async fn pass(
    target: &Target,
    tls: Option<&MakeTlsConnector>,
    attrs: SessionAttrs,
    attempts: &mut Vec<Attempt>,
) -> Option<Opened> {
    let mut hosts = target.hosts.clone();
    if target.shuffle_hosts {
        hosts.shuffle(&mut rand::rng());
    }
    for host in hosts {
        let addresses = match addresses(&host, target.shuffle_hosts).await {
            Ok(addresses) => addresses,
            Err(error) => {
                attempts.push(Attempt { host, encrypted: false, reason: Reason::Lookup(error) });
                continue;
            }
        };
        for host in addresses {
            match one_address(target, &host, tls, attrs, attempts).await {
                Some(opened) => return Some(opened),
                None if attempts.last().is_some_and(Attempt::is_final) => return None,
                None => {}
            }
        }
    }
    None
}

/// Returns the host once per address of its name.
async fn addresses(host: &Host, shuffle: bool) -> io::Result<Vec<Host>> {
    let HostAddress::Tcp(name) = &host.address else { return Ok(vec![host.clone()]) };
    if host.hostaddr.is_some() {
        return Ok(vec![host.clone()]);
    }
    let mut found: Vec<IpAddr> = lookup_host((name.as_str(), host.port)).await?.map(|a| a.ip()).collect();
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    if shuffle {
        found.shuffle(&mut rand::rng());
    }
    Ok(found.into_iter().map(|ip| Host { hostaddr: Some(ip), ..host.clone() }).collect())
}

/// Tries one address with and without TLS, as `sslmode` allows.
async fn one_address(
    target: &Target,
    host: &Host,
    tls: Option<&MakeTlsConnector>,
    attrs: SessionAttrs,
    attempts: &mut Vec<Attempt>,
) -> Option<Opened> {
    for encrypted in encryptions(target.tls.mode, host) {
        let limit = target.connect_timeout;
        let login = login(target, host, tls.filter(|_| *encrypted), attrs);
        let result = match limit {
            Some(limit) => tokio::time::timeout(limit, login).await.unwrap_or(Err(Reason::TimedOut(limit))),
            None => login.await,
        };
        match result {
            Ok(opened) => return Some(opened),
            Err(reason) => attempts.push(Attempt { host: host.clone(), encrypted: *encrypted, reason }),
        }
        if !attempts.last().is_some_and(Attempt::depends_on_encryption) {
            break;
        }
    }
    None
}

/// With TLS or without, in the order to try. A Unix socket never has TLS.
fn encryptions(mode: SslMode, host: &Host) -> &'static [bool] {
    match (&host.address, mode) {
        (HostAddress::Socket(_), _) | (_, SslMode::Disable) => &[false],
        (_, SslMode::Allow) => &[false, true],
        (_, SslMode::Prefer) => &[true, false],
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => &[true],
    }
}

/// Connects, logs in, and looks whether the server will do.
async fn login(
    target: &Target,
    host: &Host,
    tls: Option<&MakeTlsConnector>,
    attrs: SessionAttrs,
) -> Result<Opened, Reason> {
    let config = config(target, host, tls.is_some());
    let opened = match tls {
        Some(tls) => connect(&config, tls.clone(), host, Some(tls.clone())).await,
        None => connect(&config, NoTls, host, None).await,
    };
    let opened = opened.map_err(|error| Reason::Server(error.into()))?;
    if attrs != SessionAttrs::Any
        && !suits(&opened.client, attrs).await.map_err(|e| Reason::Server(e.into()))?
    {
        return Err(Reason::Unsuitable(attrs));
    }
    Ok(opened)
}

async fn connect<T>(
    config: &Config,
    tls: T,
    host: &Host,
    connector: Option<MakeTlsConnector>,
) -> Result<Opened, tokio_postgres::Error>
where
    T: MakeTlsConnect<Socket>,
    T::Stream: Send + 'static,
{
    let (client, connection) = config.connect(tls).await?;
    let server_version = connection.parameter("server_version").unwrap_or_default().to_owned();
    let ended = Arc::new(OnceLock::new());
    let slot = Arc::clone(&ended);
    let driver = tokio::spawn(async move {
        // The connection must outlive the note of how it ended: dropping it is what tells the waiting requests.
        let mut connection = std::pin::pin!(connection);
        if let Err(error) = connection.as_mut().await {
            let _ = slot.set(Arc::new(error));
        }
    });
    Ok(Opened { client, driver, ended, server_version, host: host.clone(), tls: connector })
}

fn config(target: &Target, host: &Host, encrypted: bool) -> Config {
    let mut config = Config::new();
    config
        .user(&target.user)
        .dbname(&target.database)
        .application_name(&target.application_name)
        .port(host.port);
    match &host.address {
        HostAddress::Tcp(name) => config.host(name),
        #[cfg(unix)]
        HostAddress::Socket(path) => config.host_path(path),
        #[cfg(windows)]
        HostAddress::Socket(path) => config.host(path.display().to_string()), // refused by name: no such host
    };
    if let Some(ip) = host.hostaddr {
        config.hostaddr(ip);
    }
    if let Some(password) = target.password_for(host) {
        config.password(password.expose_secret());
    }
    if let Some(options) = &target.options {
        config.options(options);
    }
    if let Some(time) = target.tcp_user_timeout {
        config.tcp_user_timeout(time);
    }
    config.ssl_mode(if encrypted { DriverMode::Require } else { DriverMode::Disable });
    config.channel_binding(match target.tls.channel_binding {
        ChannelBinding::Disable => DriverBinding::Disable,
        ChannelBinding::Prefer => DriverBinding::Prefer,
        ChannelBinding::Require => DriverBinding::Require,
    });
    config.keepalives(target.keepalives.is_some());
    if let Some(keepalives) = target.keepalives {
        config.keepalives_idle(keepalives.idle);
        keepalives.interval.map(|time| config.keepalives_interval(time));
        keepalives.count.map(|count| config.keepalives_retries(count));
    }
    config
}

async fn suits(client: &Client, attrs: SessionAttrs) -> Result<bool, tokio_postgres::Error> {
    let row = client.query_one(SERVER_ROLE, &[]).await?;
    let (standby, read_only): (bool, bool) = (row.try_get("standby")?, row.try_get("read_only")?);
    Ok(match attrs {
        SessionAttrs::Any | SessionAttrs::PreferStandby => true,
        SessionAttrs::ReadWrite => !read_only,
        SessionAttrs::ReadOnly => read_only,
        SessionAttrs::Primary => !standby,
        SessionAttrs::Standby => standby,
    })
}
