//! What can go wrong when speaking to PostgreSQL.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;
use tokio_postgres::error::SqlState;

use crate::connect::ConnectFailure;

/// Talking to PostgreSQL failed.
#[derive(Debug, Error)]
pub enum DbError {
    /// No session could be opened.
    #[error("could not connect to {target}")]
    Connect {
        /// Where to, without the password.
        target: String,
        /// Why not, for each address that was tried.
        source: ConnectFailure,
    },
    /// TLS could not be set up as the connection asks.
    #[error("could not prepare TLS for {target}: {reason}")]
    Tls {
        /// Where to, without the password.
        target: String,
        /// What is wrong with the certificates or the mode.
        reason: String,
    },
    /// A statement failed.
    #[error("could not {doing}")]
    Query {
        /// What the statement was for, as an infinitive phrase: "lock the tables".
        doing: String,
        /// What the server or the connection said.
        source: ServerError,
    },
    /// The connection brings nothing, and the server is not working on an answer.
    #[error(
        "the connection has brought nothing for {waited:?}, and the server has nothing left to do for it"
    )]
    Silent {
        /// How long that was waited for.
        waited: std::time::Duration,
    },
    /// The server answered, but not with what was asked for.
    #[error("{0}")]
    Unexpected(String),
}

impl DbError {
    /// Returns a function that wraps a driver error with what was being done: `.map_err(DbError::doing("list the tables"))`.
    ///
    /// [`crate::Session::doing`] knows more: why the server ended the session.
    pub fn doing(doing: impl Into<String>) -> impl FnOnce(tokio_postgres::Error) -> Self {
        move |source| Self::Query { doing: doing.into(), source: source.into() }
    }

    /// Returns the SQLSTATE the server gave, where it was the server that refused.
    pub fn sqlstate(&self) -> Option<&SqlState> {
        match self {
            Self::Connect { source, .. } => source.sqlstate(),
            Self::Query { source, .. } => source.code(),
            Self::Tls { .. } | Self::Silent { .. } | Self::Unexpected(_) => None,
        }
    }

    /// Returns whether the login lacks a privilege.
    pub fn is_about_rights(&self) -> bool {
        self.sqlstate() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
    }

    /// Returns whether the connection is gone: what was being done may work in a new session.
    pub fn is_connection_lost(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::Silent { .. } => true,
            Self::Query { source, .. } => source.is_connection_lost(),
            Self::Tls { .. } | Self::Unexpected(_) => false,
        }
    }
}

/// What the server, or the connection to it, said.
///
/// The driver's own text for an error of the server is "db error", and for a lost connection "connection closed". This one
/// prints the message with its SQLSTATE, then DETAIL and HINT on lines of their own.
#[derive(Debug)]
pub struct ServerError {
    error: tokio_postgres::Error,
    /// How the connection ended, where that is known and `error` only says that it did.
    ended: Option<Arc<tokio_postgres::Error>>,
}

impl ServerError {
    /// Returns `error`, to be explained by how the connection ended.
    pub(crate) fn with_end(error: tokio_postgres::Error, ended: Option<Arc<tokio_postgres::Error>>) -> Self {
        let ended = ended.filter(|_| error.is_closed());
        Self { error, ended }
    }

    /// The error that says the most.
    fn telling(&self) -> &tokio_postgres::Error {
        self.ended.as_deref().unwrap_or(&self.error)
    }

    /// Returns the SQLSTATE, where it was the server that spoke.
    pub fn code(&self) -> Option<&SqlState> {
        self.telling().code()
    }

    /// Returns all the server said, where it was the server that spoke.
    pub fn as_db_error(&self) -> Option<&tokio_postgres::error::DbError> {
        self.telling().as_db_error()
    }

    /// Returns whether the connection is gone: closed, broken, or ended by the server (SQLSTATE 57P01 to 57P05, class 08).
    pub fn is_connection_lost(&self) -> bool {
        let ended_by = |code: &str| code.starts_with("08") || (code.starts_with("57P") && code != "57P03");
        match self.code() {
            Some(code) => ended_by(code.code()),
            None => self.error.is_closed() || self.error.source().is_some_and(|s| s.is::<std::io::Error>()),
        }
    }
}

impl From<tokio_postgres::Error> for ServerError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self { error, ended: None }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ended.is_some() {
            f.write_str("the connection was lost: ")?;
        }
        write!(f, "{}", Plain(self.telling()))
    }
}

impl StdError for ServerError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // What the server said is in our own text already.
        match self.as_db_error() {
            Some(_) => None,
            None => self.telling().source(),
        }
    }
}

/// One driver error in words, without its source unless that is the server's own message.
struct Plain<'e>(&'e tokio_postgres::Error);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(said) = self.0.as_db_error() else {
            return match self.0.is_closed() {
                true => f.write_str("the server closed the connection without a word (its log may say why)"),
                false => write!(f, "{}", self.0),
            };
        };
        write!(f, "{} (SQLSTATE {})", said.message(), said.code().code())?;
        for (title, text) in [("DETAIL", said.detail()), ("HINT", said.hint())] {
            if let Some(text) = text {
                write!(f, "\n{title}: {text}")?;
            }
        }
        Ok(())
    }
}
