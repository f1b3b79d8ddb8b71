//! One file per command: its `Args`, whose comments are its help, and `run`: compute, show, do.

pub(crate) mod backup;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod data;
pub(crate) mod doctor;
pub(crate) mod drill;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod monitor;
pub(crate) mod open;
pub(crate) mod pick;
pub(crate) mod quickstart;
pub(crate) mod restore;
pub(crate) mod roles;
pub(crate) mod schedule;
pub(crate) mod server;
pub(crate) mod signature;
pub(crate) mod verify;
