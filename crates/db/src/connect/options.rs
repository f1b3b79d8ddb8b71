//! The choices a connection makes, by libpq's names.

use std::path::PathBuf;
use std::time::Duration;

/// libpq's `sslmode`, in its order of strictness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// TLS only if the server insists.
    Allow,
    /// TLS if the server can, without checking who it is.
    Prefer,
    /// TLS or nothing, without checking who the server is (unless `sslrootcert` is given).
    Require,
    /// TLS, and the certificate must come from a trusted authority.
    VerifyCa,
    /// TLS, a trusted authority, and the name in the certificate must be the host's.
    VerifyFull,
}

impl SslMode {
    /// All modes, in the order of strictness.
    pub const ALL: [Self; 6] =
        [Self::Disable, Self::Allow, Self::Prefer, Self::Require, Self::VerifyCa, Self::VerifyFull];

    /// Returns libpq's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Allow => "allow",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// Whether SCRAM must prove that both ends of the TLS session are the ones that know the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelBinding {
    /// Not used.
    Disable,
    /// Used where server and login can.
    Prefer,
    /// The connection fails without it.
    Require,
}

impl ChannelBinding {
    /// All values.
    pub const ALL: [Self; 3] = [Self::Disable, Self::Prefer, Self::Require];

    /// Returns libpq's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
        }
    }
}

/// The value of `sslrootcert` that stands for the system's authorities, as in libpq 16; a file of that name is `./system`.
pub const SYSTEM_ROOTS: &str = "system";

/// What the connection asks of TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsOptions {
    /// How strict.
    pub mode: SslMode,
    /// The file of authorities to trust, or [`SYSTEM_ROOTS`]. Where it is given, every mode checks the server's
    /// certificate against it; where it is not, `verify-ca` and `verify-full` are refused and the others check nothing.
    pub root_cert: Option<PathBuf>,
    /// The client's own certificate.
    pub cert: Option<PathBuf>,
    /// The key that goes with `cert`.
    pub key: Option<PathBuf>,
    /// Whether the password exchange is bound to the TLS session.
    pub channel_binding: ChannelBinding,
}

impl TlsOptions {
    /// Returns the options of a connection without TLS.
    pub fn without_tls() -> Self {
        Self {
            mode: SslMode::Disable,
            root_cert: None,
            cert: None,
            key: None,
            channel_binding: ChannelBinding::Prefer,
        }
    }
}

/// Which of the servers that answer will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionAttrs {
    /// Every one.
    Any,
    /// One where transactions may write.
    ReadWrite,
    /// One where they may not.
    ReadOnly,
    /// One that is not a standby.
    Primary,
    /// A standby.
    Standby,
    /// A standby; if there is none, every one.
    PreferStandby,
}

impl SessionAttrs {
    /// All values.
    pub const ALL: [Self; 6] =
        [Self::Any, Self::ReadWrite, Self::ReadOnly, Self::Primary, Self::Standby, Self::PreferStandby];

    /// Returns libpq's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::Primary => "primary",
            Self::Standby => "standby",
            Self::PreferStandby => "prefer-standby",
        }
    }
}

/// How a silent TCP connection is kept open, and noticed when it is dead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalives {
    /// The silence before the first probe.
    pub idle: Duration,
    /// The time between probes; the system's own where there is none.
    pub interval: Option<Duration>,
    /// How many lost probes end the connection; the system's own where there is none.
    pub count: Option<u32>,
}

impl Default for Keepalives {
    /// 30 s: firewalls forget a silent connection after a few minutes, and a snapshot's coordinator is silent for hours. A dead
    /// one is noticed a minute later, where the system's own interval and count would take eleven.
    fn default() -> Self {
        Self { idle: Duration::from_secs(30), interval: Some(Duration::from_secs(10)), count: Some(6) }
    }
}
