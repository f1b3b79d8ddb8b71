//! What a backup needs to know of a database before it starts: its tables, and what it takes to create it again.

mod database;
mod indexes;
mod place;
mod tables;

pub use database::{DatabaseFacts, DatabaseGrant, DatabaseSetting};
pub use indexes::{Index, list_indexes};
pub use place::{
    Namesake, Place, Spot, count_user_objects, drop_database, namesake, owned_sequences, rename,
    schema_exists, set_connectable, spot,
};
pub use tables::{Table, list_tables};
