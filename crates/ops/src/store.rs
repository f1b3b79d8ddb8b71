//! Stores: where backups are kept. A backup is complete or it is not there at all.

mod directory;
mod identity;

use std::io::{self, Write};

pub(crate) use directory::MANIFEST;
pub use directory::{DirectoryStore, Draft, StoreLock};

/// A file of a backup that is being written.
pub trait Part: Write + Send {
    /// Makes the store keep what was written, so that it survives a power cut.
    ///
    /// # Errors
    /// The store's.
    fn keep(&mut self) -> io::Result<()>;
}
