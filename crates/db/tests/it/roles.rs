//! Roles and privileges on a live server.

mod lint;
