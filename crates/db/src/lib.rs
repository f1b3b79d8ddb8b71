//! `unisys-db`: the data-access crate. Everything that speaks SQL lives here, for the program and the web app alike.
//!
//! It prints nothing, reads no environment, no clock and no configuration file: values come in, reports go out.
//! Files and processes belong to `unisys-ops`.

pub mod audit;
pub mod catalog;
pub mod connect;
pub mod copy;
pub mod erd;
mod error;
pub mod facts;
pub mod fingerprint;
pub mod generate;
mod ident;
pub mod inventory;
pub mod migrate;
pub mod monitor;
pub mod pattern;
pub mod preflight;
pub mod quality;
pub mod replication;
pub mod roles;
pub mod run_lock;
pub mod selection;
pub mod silence;
pub mod snapshot;
pub mod standby;
pub mod throttle;
pub mod verify;

pub use connect::{Session, Target};
pub use error::{DbError, ServerError};
pub use ident::{TableName, quote_ident, quote_literal};
