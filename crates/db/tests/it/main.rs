//! What needs a PostgreSQL server: connecting, migrations, the schema they make, generated data, the inventory.

#![allow(clippy::unwrap_used)] // the exemption for tests stops at their helpers

#[cfg(unix)]
mod connect;
mod generate;
mod inventory;
mod inventory_changes;
mod migrate;
mod migrate_faults;
mod monitor;
mod roles;
mod schema;
mod support;
#[cfg(unix)]
mod tls;
mod zoo;
