//! Roles and privileges on a live server.

mod lint;
#[cfg(unix)]
mod password;
