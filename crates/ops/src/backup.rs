//! Backups: made, listed, checked, decrypted.

mod check;
mod complete;
mod content;
mod copies;
mod decrypt;
pub mod find;
mod globals;
mod id;
mod list;
mod manifest;
mod plan;
mod rekey;
mod restore_text;
mod run;
mod sealing;
pub(crate) mod stored;
mod tag;
mod work;

pub use check::{CheckOptions, CheckReport, Finding, ReadData, check};
pub use copies::{Copied, CopyOptions, Lag, bring_up_to_date, lag};
pub use decrypt::{decrypt_pieces, decrypt_sql};
pub use id::BackupId;
pub(crate) use list::judge as judge_drills;
pub use list::{Listed, State, list};
pub(crate) use manifest::copy_encoding;
pub use manifest::{BackupFacts, FORMAT, LargeObjects, Manifest, ManifestTable, Rekeyed};
pub use plan::{Layout, Piece, Plan, Ranges};
pub use rekey::{RekeyOptions, RekeyReport, has_these_keys, rekey};
pub(crate) use run::FACTS;
pub use run::{BackupOptions, BackupReport, run, run_and_keep_lock};
pub use tag::{Tag, TagError};
