//! Roles and privileges on a live server.

mod chance;
mod converges;
mod lint;
#[cfg(unix)]
mod password;
mod random_policy;
mod random_state;
