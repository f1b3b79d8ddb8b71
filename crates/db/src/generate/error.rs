//! What can go wrong when generating data.

use thiserror::Error;

use crate::DbError;

/// Data could not be generated.
#[derive(Debug, Error)]
pub enum GenerateError {
    /// The tables are not there.
    #[error("the database has no table {}", missing.join(", "))]
    NoSchema {
        /// Which ones.
        missing: Vec<String>,
    },
    /// There is data already, and it was not to be replaced.
    #[error("there is data already in {}", tables.join(", "))]
    NotEmpty {
        /// Where.
        tables: Vec<String>,
    },
    /// The key of the encrypted columns is of no use.
    #[error("the key of the encrypted columns is {reason}")]
    Key {
        /// Why.
        reason: &'static str,
    },
    /// The server refused.
    #[error(transparent)]
    Db(#[from] DbError),
}
