//! Backups: made, listed, checked, decrypted.

mod check;
mod complete;
mod content;
mod decrypt;
pub mod find;
mod globals;
mod id;
mod limits;
mod list;
mod manifest;
mod plan;
mod restore_text;
mod run;
mod sealing;
pub(crate) mod stored;
mod watch;
mod work;
mod workers;

pub use check::{CheckOptions, CheckReport, Finding, ReadData, check};
pub use decrypt::{decrypt_pieces, decrypt_sql};
pub use id::BackupId;
pub use limits::{Lag, Limits};
pub use list::{Listed, State, list};
pub(crate) use manifest::copy_encoding;
pub use manifest::{BackupFacts, FORMAT, LargeObjects, Manifest, ManifestTable};
pub use plan::{Layout, Piece, Plan, Ranges};
pub(crate) use run::FACTS;
pub use run::{BackupOptions, BackupReport, Locks, lock, run, run_locked};
