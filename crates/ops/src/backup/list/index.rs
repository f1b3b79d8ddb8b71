//! The listing's memory: a file in the store that may be thrown away at any time.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::Listed;
use crate::backup::BackupId;

/// The file's name.
pub(super) const INDEX: &str = ".index.json";

/// Its form; another one is read as none at all.
const FORMAT: u32 = 1;

/// One backup in the index.
#[derive(Serialize, Deserialize)]
pub(super) struct Entry {
    /// When its directory was changed last.
    pub(super) changed: SystemTime,
    pub(super) backup: Listed,
}

/// Reads the index; whatever is wrong with it, there is none.
pub(super) fn read(root: &Path) -> HashMap<BackupId, Entry> {
    #[derive(Deserialize)]
    struct File {
        format: u32,
        entries: Vec<Entry>,
    }
    let text = fs::read(root.join(INDEX)).unwrap_or_default();
    match serde_json::from_slice::<File>(&text) {
        Ok(file) if file.format == FORMAT => {
            file.entries.into_iter().map(|entry| (entry.backup.id.clone(), entry)).collect()
        }
        _ => HashMap::new(),
    }
}

/// Writes the index, whole or not at all. It is not synced: what a power cut leaves of it is read as none.
pub(super) fn write(root: &Path, entries: &[Entry]) -> io::Result<()> {
    #[derive(Serialize)]
    struct File<'a> {
        format: u32,
        entries: &'a [Entry],
    }
    let text = serde_json::to_vec(&File { format: FORMAT, entries })?;
    let mut file = tempfile::Builder::new().prefix(INDEX).tempfile_in(root)?;
    file.write_all(&text)?;
    file.persist(root.join(INDEX))?;
    Ok(())
}
