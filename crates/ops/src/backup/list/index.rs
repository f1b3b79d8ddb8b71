//! The listing's memory: a file that may be thrown away at any time.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Listed;
use crate::backup::BackupId;
use crate::backup::worth::{self, Drilled, State, Worth};
use crate::evidence::Trust;

/// Its form; another one is read as none at all.
const FORMAT: u32 = 3;

/// One backup in the index. Whose proofs count is judged when it is read.
#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    /// The mark of the version it was read from.
    pub(super) mark: String,
    pub(super) backup: Listed,
    pub(super) drills: Vec<Drilled>,
}

impl Entry {
    /// Returns the backup, with what it is worth.
    pub(super) fn judged(self, trust: &Trust) -> Listed {
        let backup = self.backup;
        if matches!(backup.state, State::Damaged | State::Newer) {
            return backup;
        }
        let Worth { state, proven, drilled, doubted } =
            worth::judge(&self.drills, backup.signed_by.as_deref(), trust);
        Listed { state, proven, drilled, doubted, ..backup }
    }
}

/// Reads the index; whatever is wrong with it, there is none.
pub(super) fn read(path: &Path) -> HashMap<BackupId, Entry> {
    #[derive(Deserialize)]
    struct File {
        format: u32,
        entries: Vec<Entry>,
    }
    let text = fs::read(path).unwrap_or_default();
    match serde_json::from_slice::<File>(&text) {
        Ok(file) if file.format == FORMAT => {
            file.entries.into_iter().map(|entry| (entry.backup.id.clone(), entry)).collect()
        }
        _ => HashMap::new(),
    }
}

/// Writes the index, whole or not at all. It is not synced: what a power cut leaves of it is read as none.
pub(super) fn write(path: &Path, entries: &[Entry]) -> io::Result<()> {
    #[derive(Serialize)]
    struct File<'a> {
        format: u32,
        entries: &'a [Entry],
    }
    let text = serde_json::to_vec(&File { format: FORMAT, entries })?;
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(OsStr::to_str)) else {
        return Ok(());
    };
    let mut file = tempfile::Builder::new().prefix(name).tempfile_in(directory)?;
    file.write_all(&text)?;
    file.persist(path)?;
    Ok(())
}
