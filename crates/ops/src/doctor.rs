//! The doctor: every link between a database and a proven backup, tried without writing to the database.
//!
//! `run` gathers facts and hands them to judgements that know no server; each link gives findings, in the order of the
//! pipeline. A link that hangs on a broken one is skipped, never called sound.

mod connection;
mod contents;
mod cve;
mod drill;
mod estimate;
mod extensions;
mod finding;
mod functions;
mod keys;
mod limits;
mod lint;
mod listener;
mod locale;
mod opened;
mod programs;
mod rights;
mod run;
mod standby;
mod store;

pub use estimate::Estimate;
pub(crate) use estimate::{estimate, experience};
pub use finding::{Broken, Diagnosis, Finding, Level};
pub use lint::{Lint, lint};
pub use run::{DoctorOptions, run};
pub use standby::look as look_at_standby;
pub(crate) use store::size;

#[cfg(test)]
mod samples;
