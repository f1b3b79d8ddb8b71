//! Connections: where to connect ([`Target`]) and one open connection ([`Session`]).
//!
//! A connection is described as libpq's users describe it: a URL or `key=value` string, a service file, `PG*` variables
//! and a passfile, in libpq's order. What libpq does is followed to the letter where it decides whom we talk to and how
//! safely; the few differences are named where they are made, and each is on the strict side.

mod attempt;
mod child;
mod conninfo;
mod environment;
mod error;
mod failure;
mod keywords;
mod options;
mod passfile;
mod patience;
mod pin;
mod resolve;
mod service;
mod session;
mod target;
mod tls;
mod url;
mod values;

pub use child::CHILD_ENV_REMOVE;
pub use environment::Environment;
pub use error::ConninfoError;
pub use failure::{Attempt, ConnectFailure, Obstacle};
pub use options::{ChannelBinding, Keepalives, SYSTEM_ROOTS, SessionAttrs, SslMode, TlsOptions};
pub use passfile::Passfile;
pub use patience::Retries;
pub use resolve::is_unconfigured;
pub use session::{CancelHandle, Session};
pub use target::{Host, HostAddress, Target};
