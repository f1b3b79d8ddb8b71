//! Trying a directory out: writes, syncs, renames and removes a file, and leaves nothing behind.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::store::Trial;
use crate::{OpsError, platform, random};

pub(super) fn try_out(root: &Path) -> Trial {
    let standing = standing(root);
    Trial {
        done: "written, synced, renamed, deleted",
        private: root.is_dir().then(|| platform::is_private(root).unwrap_or(false)),
        unwritable: write(root, &standing).err(),
        undeletable: None,
        directory: Some(standing),
    }
}

/// Returns the nearest directory on the way to `path` that exists.
pub(crate) fn standing(path: &Path) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_leaves_nothing_behind() {
        let directory = tempfile::tempdir().unwrap();
        for root in [directory.path().to_owned(), directory.path().join("a/b")] {
            assert!(try_out(&root).unwritable.is_none());
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_in_the_way_is_told() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let trial = try_out(&file.path().join("store"));
        assert!(trial.unwritable.is_some_and(|error| error.to_string().contains("could not create")));
    }
}
