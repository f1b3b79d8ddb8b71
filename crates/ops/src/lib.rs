//! `unisys-ops`: what a DBA does to files and processes: pg_dump and its kin, age and zstd, stores, private and scratch
//! servers, backup, restore, drill.
//!
//! It prints nothing and reads no environment, no clock and no configuration file. SQL belongs to `unisys-db`.

mod at_once;
pub mod backup;
pub mod changes;
mod child;
pub mod doctor;
pub mod drill;
mod error;
pub mod evidence;
pub mod freshness;
pub mod hook;
pub mod keys;
pub mod memory;
pub mod metrics;
pub mod notify;
pub mod opened;
pub mod platform;
pub mod program;
pub mod progress;
pub mod random;
pub mod rehearsal;
pub mod restore;
pub mod retention;
pub mod schedule;
pub mod seal;
pub mod secret;
pub mod server;
pub mod store;

pub use error::OpsError;
