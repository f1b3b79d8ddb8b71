//! The schema that the migrations make: its catalog, and the rules the database itself keeps.

mod archive;
mod audit;
mod catalog;
mod encryption;
mod erd;
mod imports;
mod permissions;
mod row_security;
mod rules;
mod upkeep;
mod world;
