//! Roles and privileges on a live server.

mod create_database;
mod retire;
