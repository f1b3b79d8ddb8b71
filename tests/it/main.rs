//! Tests of the program as a person meets it. One binary: a module for each subject.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod all;
mod backups;
#[cfg(unix)]
mod buckets;
mod cli;
mod copies;
mod data;
mod doctor;
mod evidence;
#[cfg(unix)]
mod faults;
mod first_minutes;
#[cfg(unix)]
mod fleet;
mod format;
mod init;
mod key;
#[cfg(unix)]
mod migrate;
#[cfg(unix)]
mod open;
mod own_database;
#[cfg(unix)]
mod passphrase;
#[cfg(unix)]
mod passwd;
mod place;
mod plain;
#[cfg(unix)]
mod plugins;
#[cfg(unix)]
mod provision;
mod restore;
mod restore_partitions;
mod retention;
#[cfg(unix)]
mod roles_explain;
#[cfg(unix)]
mod roles_plan;
mod rollback;
mod schedule;
#[cfg(unix)]
mod service;
mod transcripts;
mod verify;
mod world;
