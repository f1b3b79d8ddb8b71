//! Reports as a person sees them, one file for each; JSON is the same report through serde.

pub(crate) mod all;
pub(crate) mod backup;
pub(crate) mod backups;
mod changes;
pub(crate) mod check;
pub(crate) mod copies;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod drill;
pub(crate) mod evidence;
pub(crate) mod freshness;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod migrate;
pub(crate) mod open;
pub(crate) mod plan;
pub(crate) mod prune;
pub(crate) mod rehearsal;
pub(crate) mod rekey;
pub(crate) mod report;
pub(crate) mod restore;
pub(crate) mod rollback;
pub(crate) mod schedule;
pub(crate) mod server;
pub(crate) mod settings;
pub(crate) mod sheet;
pub(crate) mod verify;
