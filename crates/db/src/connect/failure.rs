//! Why no connection came about, and what to try next.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::Duration;

use super::{Host, SessionAttrs};
use crate::error::ServerError;

/// Why no connection came about, attempt by attempt.
#[derive(Debug)]
pub struct ConnectFailure {
    /// What was tried, in order; at least one.
    pub attempts: Vec<Attempt>,
}

/// One try of one address.
#[derive(Debug)]
pub struct Attempt {
    /// The host; where its name was looked up, with the address.
    pub host: Host,
    /// Whether TLS was asked for.
    pub encrypted: bool,
    pub(crate) reason: Reason,
}

/// Why one attempt failed.
#[derive(Debug)]
pub(crate) enum Reason {
    /// The name leads nowhere.
    Lookup(io::Error),
    /// The server, or the connection to it, said no.
    Server(ServerError),
    /// Nothing was said within `connect_timeout`.
    TimedOut(Duration),
    /// It answered, but is not what `target_session_attrs` asks for.
    Unsuitable(SessionAttrs),
}

impl Attempt {
    /// Whether the other half of `allow` and `prefer` may fare better: TLS failed, or no line of `pg_hba.conf` or
    /// another login rule let this one in (class 28).
    pub(crate) fn depends_on_encryption(&self) -> bool {
        match &self.reason {
            Reason::Server(error) => match error.code() {
                Some(code) => code.code().starts_with("28"),
                None => self.is_tls_failure(),
            },
            _ => false,
        }
    }

    /// Whether the remaining addresses are not to be tried.
    pub(crate) fn is_final(&self) -> bool {
        const CANNOT_CONNECT_NOW: &str = "57P03";
        match &self.reason {
            Reason::Server(error) => match error.code() {
                Some(code) => code.code() != CANNOT_CONNECT_NOW,
                None => self.is_tls_failure(),
            },
            _ => false,
        }
    }

    /// The driver keeps the kind of its errors to itself, except for the text.
    fn is_tls_failure(&self) -> bool {
        matches!(&self.reason, Reason::Server(error) if error.to_string() == "error performing TLS handshake")
    }
}

/// What kind of thing stood in the way, for whoever has to say what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// The host's name leads nowhere.
    UnknownHost,
    /// Nothing listens there.
    Refused,
    /// There is no such Unix socket.
    NoSocket,
    /// Nothing was said in time.
    TimedOut,
    /// The server asks for a password and there is none.
    NoPassword,
    /// TLS could not be agreed on, or the server's certificate is not trusted.
    Tls,
    /// No server is of the kind that `target_session_attrs` asks for.
    Unsuitable,
    /// The server said no; the SQLSTATE says more.
    Server,
    /// Something else.
    Other,
}

impl ConnectFailure {
    /// Returns what stood in the way of the last attempt.
    pub fn obstacle(&self) -> Obstacle {
        self.attempts.last().map_or(Obstacle::Other, |attempt| match &attempt.reason {
            Reason::Lookup(_) => Obstacle::UnknownHost,
            Reason::TimedOut(_) => Obstacle::TimedOut,
            Reason::Unsuitable(_) => Obstacle::Unsuitable,
            Reason::Server(error) if error.code().is_some() => Obstacle::Server,
            Reason::Server(_) if attempt.is_tls_failure() => Obstacle::Tls,
            Reason::Server(error) => of_cause(error.source()),
        })
    }

    /// Returns the SQLSTATE of the last server that spoke.
    pub fn sqlstate(&self) -> Option<&tokio_postgres::error::SqlState> {
        self.attempts.iter().rev().find_map(|attempt| match &attempt.reason {
            Reason::Server(error) => error.code(),
            _ => None,
        })
    }
}

/// The driver tells its errors apart only by their causes.
fn of_cause(cause: Option<&(dyn StdError + 'static)>) -> Obstacle {
    let Some(cause) = cause else { return Obstacle::Other };
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(io::ErrorKind::ConnectionRefused) => Obstacle::Refused,
        Some(io::ErrorKind::NotFound) => Obstacle::NoSocket,
        Some(io::ErrorKind::TimedOut) => Obstacle::TimedOut,
        _ if cause.to_string() == "password missing" => Obstacle::NoPassword,
        _ if cause.to_string().contains("TLS") => Obstacle::Tls,
        _ => Obstacle::Other,
    }
}

impl StdError for ConnectFailure {}

/// The reason; where several were tried, a line for each.
impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [only] = self.attempts.as_slice() {
            return write!(f, "{}", only.reason);
        }
        for (i, attempt) in self.attempts.iter().enumerate() {
            if i > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{attempt}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.host)?;
        if let Some(ip) = self.host.hostaddr.filter(|ip| ip.to_string() != self.host.address.to_string()) {
            write!(f, " ({ip})")?;
        }
        let how = match (&self.reason, self.encrypted) {
            (Reason::Lookup(_), _) => "",
            (_, true) => " with TLS",
            (_, false) => " without TLS",
        };
        write!(f, "{how}: {}", self.reason)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => write!(f, "could not look up the host name: {error}"),
            Self::TimedOut(limit) => write!(f, "no answer within {} s", limit.as_secs_f64()),
            Self::Unsuitable(attrs) => {
                write!(f, "the server is not what target_session_attrs={} asks for", attrs.as_str())
            }
            Self::Server(error) => match error.source() {
                None => write!(f, "{error}"),
                Some(cause) if cause.to_string() == "password missing" => {
                    f.write_str("the server asks for a password, and none was given or found in a passfile")
                }
                Some(cause) if cause.is::<io::Error>() => write!(f, "{cause}"),
                Some(cause) => write!(f, "{error}: {cause}"),
            },
        }
    }
}
