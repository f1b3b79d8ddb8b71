//! Roles and privileges on a real server.

mod chance;
mod converges;
mod random_policy;
mod random_state;
