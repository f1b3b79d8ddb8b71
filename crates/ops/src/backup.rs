//! Backups: made, listed, checked, decrypted.

mod check;
mod complete;
mod content;
mod decrypt;
mod dump_options;
pub mod find;
mod globals;
mod id;
mod list;
mod manifest;
mod plan;
mod restore_text;
mod run;
mod sealing;
mod selected;
mod standby;
pub(crate) mod stored;
mod work;

pub use check::{CheckOptions, CheckReport, Finding, ReadData, check};
pub use decrypt::{decrypt_pieces, decrypt_sql};
pub use dump_options::DumpOptions;
pub use id::BackupId;
pub use list::{Listed, State, list};
pub(crate) use manifest::copy_encoding;
pub use manifest::{BackupFacts, FORMAT, LargeObjects, Manifest, ManifestTable};
pub use plan::{Layout, Piece, Plan, Ranges};
pub(crate) use run::FACTS;
pub use run::{BackupOptions, BackupReport, run};
pub use selected::Selected;
pub use standby::Standby;
