//! The store: can it be written, does it survive the server's disk, is there room, who else reads it?

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::{Finding, finding};
use crate::store::DirectoryStore;
use crate::{OpsError, platform, random};

const STORE: &str = "store";
const SPACE: &str = "store's space";
const PRIVACY: &str = "store's privacy";
const PLACE: &str = "store's place";

/// What was found out about a store.
#[derive(Debug, Default)]
pub(super) struct StoreFacts {
    /// Its directory.
    pub(super) root: PathBuf,
    /// Why it cannot be written; nothing where it can.
    pub(super) unwritable: Option<String>,
    /// Whether only its owner may read it; unknown where it does not exist yet.
    pub(super) private: Option<bool>,
    /// The free space, in bytes.
    pub(super) free: Option<u64>,
    /// The file system it is on.
    pub(super) device: Option<u64>,
    /// The file system of the server's data directory, where that is on this machine and can be looked at.
    pub(super) server_device: Option<u64>,
}

/// Tries the store: writes, syncs, renames and removes a file, and leaves nothing behind.
pub(super) fn probe(store: &DirectoryStore, data_directory: Option<&Path>) -> StoreFacts {
    let root = store.root();
    let standing = standing(root);
    StoreFacts {
        root: root.to_owned(),
        private: root.is_dir().then(|| platform::is_private(root).unwrap_or(false)),
        unwritable: write(root, &standing).err().map(|error| finding::reason(&error)),
        free: fs4::available_space(&standing).ok(),
        device: platform::device_of(&standing),
        server_device: data_directory.and_then(platform::device_of),
    }
}

/// Returns the nearest directory on the way to `path` that exists.
pub(super) fn standing(path: &Path) -> PathBuf {
    path.ancestors().find(|ancestor| ancestor.is_dir()).unwrap_or(Path::new(".")).to_owned()
}

/// Directories and files that go when this value does, the last made first.
#[derive(Default)]
struct Traces {
    directories: Vec<PathBuf>,
    files: Vec<PathBuf>,
}

impl Drop for Traces {
    fn drop(&mut self) {
        for file in &self.files {
            // one of the two names is gone already
            let _ = fs::remove_file(file);
        }
        for directory in &self.directories {
            // a directory somebody put something into meanwhile stays
            let _ = fs::remove_dir(directory);
        }
    }
}

fn write(root: &Path, standing: &Path) -> Result<(), OpsError> {
    let mut traces = Traces::default();
    if !root.is_dir() {
        let missing = root.ancestors().take_while(|ancestor| *ancestor != standing);
        traces.directories = missing.map(Path::to_owned).collect();
        platform::create_private_dir(root)?;
    }
    let (first, second) = (name(root), name(root));
    traces.files = vec![first.clone(), second.clone()];
    let mut file =
        platform::private_file().create_new(true).open(&first).map_err(OpsError::io("create", &first))?;
    file.write_all(b"unisys-dba doctor\n").map_err(OpsError::io("write", &first))?;
    file.sync_all().map_err(OpsError::io("sync", &first))?;
    fs::rename(&first, &second).map_err(OpsError::io("rename", &first))?;
    platform::sync_dir(root)?;
    fs::remove_file(&second).map_err(OpsError::io("delete", &second))
}

fn name(root: &Path) -> PathBuf {
    root.join(format!(".doctor-{}", random::text(8)))
}

/// Judges a store for backups that take `needed` bytes each, where that is known.
pub(super) fn judge(facts: &StoreFacts, needed: Option<u64>, user: &str) -> Vec<Finding> {
    let root = facts.root.display();
    let mut findings = vec![match &facts.unwritable {
        None => Finding::ok(STORE, format!("{root}: written, synced, renamed, deleted")),
        Some(reason) => Finding::fail(STORE, reason, format!("install -d -m 700 -o {user} '{root}'")),
    }];
    findings.push(judge_space(facts, needed));
    if facts.private == Some(false) {
        let text = format!("{root} can be read by others: manifests name tables and count rows");
        findings.push(Finding::warn(PRIVACY, text, format!("chmod 700 '{root}'")));
    } else {
        findings.push(Finding::ok(PRIVACY, "only its owner reads it"));
    }
    findings.push(match (facts.device, facts.server_device) {
        (Some(here), Some(there)) if here == there => Finding::warn(
            PLACE,
            "on the same file system as the server's data: one broken disk takes both",
            "Put the store on another disk or machine, and set store in the configuration.",
        ),
        (Some(_), Some(_)) => Finding::ok(PLACE, "on another file system than the server's data"),
        _ => Finding::ok(PLACE, "the server's data is not seen from here"),
    });
    findings
}

fn judge_space(facts: &StoreFacts, needed: Option<u64>) -> Finding {
    let (Some(free), Some(needed)) = (facts.free, needed) else {
        return Finding::skipped(SPACE, if needed.is_none() { "connection" } else { STORE });
    };
    let text = format!("{} free, a backup takes about {}", size(free), size(needed));
    let repair = "Free some space, or name a larger place as store.";
    if free < needed {
        Finding::fail(SPACE, text, repair)
    } else if free / 3 < needed {
        Finding::warn(SPACE, text, repair)
    } else {
        Finding::ok(SPACE, text)
    }
}

/// Returns a size as people read it: `1.2 GB`, by thousands.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut size, mut unit) = (bytes as f64 / 1000.0, 0);
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::super::Level;
    use super::*;

    fn levels(facts: &StoreFacts, needed: Option<u64>) -> Vec<Level> {
        judge(facts, needed, "dba").iter().map(|finding| finding.level).collect()
    }

    fn sound() -> StoreFacts {
        StoreFacts {
            root: "/store".into(),
            private: Some(true),
            free: Some(1000),
            device: Some(1),
            server_device: Some(2),
            unwritable: None,
        }
    }

    #[test]
    fn each_fault_of_a_store_is_its_own_finding() {
        use Level::{Fail, Ok, Skipped, Warn};
        assert_eq!(levels(&sound(), Some(100)), [Ok, Ok, Ok, Ok]);
        let unwritable = StoreFacts { unwritable: Some("no".into()), ..sound() };
        assert_eq!(levels(&unwritable, Some(100)), [Fail, Ok, Ok, Ok]);
        assert_eq!(levels(&sound(), Some(1001)), [Ok, Fail, Ok, Ok]);
        assert_eq!(levels(&sound(), Some(500)), [Ok, Warn, Ok, Ok]);
        assert_eq!(levels(&sound(), None), [Ok, Skipped, Ok, Ok]);
        assert_eq!(levels(&StoreFacts { private: Some(false), ..sound() }, Some(1)), [Ok, Ok, Warn, Ok]);
        assert_eq!(levels(&StoreFacts { server_device: Some(1), ..sound() }, Some(1)), [Ok, Ok, Ok, Warn]);
    }

    #[test]
    fn a_probe_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        let there = DirectoryStore::new(directory.path());
        assert_eq!(probe(&there, None).unwritable, None);
        let missing = DirectoryStore::new(directory.path().join("a/b"));
        assert_eq!(probe(&missing, None).unwritable, None);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let facts = probe(&DirectoryStore::new(file.path().join("store")), None);
        assert!(facts.unwritable.is_some_and(|reason| reason.contains("could not create")));
    }
}
