//! Generated data: a university of any size, the same for the same number of students and the same seed.
//!
//! Each row depends on the seed, its table and its number only: no clock, no state carried from row to row. Encrypted columns
//! are encrypted here, by a key that never leaves the process.
//!
//! Everything is loaded in one transaction: constraints and indexes down, COPY, constraints and indexes up again, which
//! checks every row at once. A run that fails or is killed leaves the database as it was, data and constraints. (Two
//! sessions could load side by side, but not in one transaction; the server sorts the indexes on several cores anyway.)

mod bulk;
mod campus;
mod courses;
mod error;
mod files;
mod imports;
mod library;
mod owners;
mod past;
mod people;
mod projects;
mod records;
mod rng;
mod row;
mod run;
mod seal;
mod table;
mod words;
mod world;

pub use error::GenerateError;
pub use run::{Existing, KeyReport, Options, Plan, Progress, Report, TablePlan, TableReport, plan, run};
pub use seal::ColumnKey;
