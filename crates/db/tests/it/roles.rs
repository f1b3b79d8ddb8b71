//! Roles and privileges on a live server.

mod create_database;
mod lint;
#[cfg(unix)]
mod password;
mod retire;
