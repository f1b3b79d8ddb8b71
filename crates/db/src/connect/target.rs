//! One resolved connection: every default filled in, nothing left to look up.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::{Keepalives, Passfile, SessionAttrs, TlsOptions};

/// How a host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostAddress {
    /// By TCP, to a host name or address.
    Tcp(String),
    /// Through a Unix socket in this directory.
    Socket(PathBuf),
}

/// One server to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name or socket directory.
    pub address: HostAddress,
    /// The address to dial instead of resolving the name; the name still serves TLS and the passfile.
    pub hostaddr: Option<IpAddr>,
    /// Its port.
    pub port: u16,
}

/// Where and how to connect.
///
/// The password prints as `[REDACTED]`; `Display` gives `user@host:port/database`.
#[derive(Clone, Debug)]
pub struct Target {
    /// The servers to try, in order; at least one.
    pub hosts: Vec<Host>,
    /// The login role.
    pub user: String,
    /// The database.
    pub database: String,
    /// The password, where the connection string, a service or `PGPASSWORD` gives one: the same for every host.
    /// [`Target::password_for`] looks in the passfile too.
    pub password: Option<SecretString>,
    /// The passfile, for hosts and databases that `password` does not serve.
    pub passfile: Passfile,
    /// What is asked of TLS.
    pub tls: TlsOptions,
    /// How long to wait for one address of a host, the login included; for ever where none is given.
    pub connect_timeout: Option<Duration>,
    /// TCP keepalives; none where they are switched off.
    pub keepalives: Option<Keepalives>,
    /// How long sent data may stay unacknowledged (Linux only); the system's own time where none is given.
    pub tcp_user_timeout: Option<Duration>,
    /// Which of the hosts will do.
    pub session_attrs: SessionAttrs,
    /// Whether hosts, and the addresses of each, are tried in random order.
    pub shuffle_hosts: bool,
    /// What the server shows in `pg_stat_activity`.
    pub application_name: String,
    /// libpq's `options`: settings for the session, as `-c name=value`.
    pub options: Option<String>,
    /// What the user should hear about how this target came to be; each one sentence.
    pub warnings: Vec<String>,
}

impl Target {
    /// Returns a connection to a server of this machine, without TLS or a password.
    pub fn local(
        address: HostAddress,
        port: u16,
        user: impl Into<String>,
        database: impl Into<String>,
    ) -> Self {
        Self {
            hosts: vec![Host { address, hostaddr: None, port }],
            user: user.into(),
            database: database.into(),
            password: None,
            passfile: Passfile::default(),
            tls: TlsOptions::without_tls(),
            connect_timeout: Some(Duration::from_secs(10)),
            keepalives: Some(Keepalives::default()),
            tcp_user_timeout: None,
            session_attrs: SessionAttrs::Any,
            shuffle_hosts: false,
            application_name: super::resolve::APPLICATION_NAME.into(),
            options: None,
            warnings: Vec::new(),
        }
    }

    /// Returns the same server and login, but another database.
    pub fn with_database(&self, database: impl Into<String>) -> Self {
        Self { database: database.into(), ..self.clone() }
    }

    /// Returns the same server and database, but another login, without a password but what the passfile has for it.
    pub fn with_user(&self, user: impl Into<String>) -> Self {
        Self { user: user.into(), password: None, ..self.clone() }
    }

    /// Returns the password to give to `host`: the one that was given, else the passfile's.
    pub fn password_for(&self, host: &Host) -> Option<&SecretString> {
        self.password.as_ref().or_else(|| self.passfile.password(host, &self.database, &self.user))
    }
}

/// `host:port`, an IPv6 address in brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            HostAddress::Tcp(name) if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            address => write!(f, "{address}:{}", self.port),
        }
    }
}

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name) => f.write_str(name),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@", self.user)?;
        for (i, host) in self.hosts.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{host}")?;
        }
        write!(f, "/{}", self.database)
    }
}
