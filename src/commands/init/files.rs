//! Files made on the way, which go again unless all of it worked.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use unisys_ops::platform;

use crate::failure::{Explain, Failure};

/// What was made so far; removed when this value is dropped, unless [`Traces::keep`] was called.
#[derive(Default)]
pub(super) struct Traces {
    files: Vec<PathBuf>,
    directories: Vec<PathBuf>,
}

impl Traces {
    /// Makes a directory for its owner alone, with its parents, where there is none. An existing one is left as it is.
    pub(super) fn directory(&mut self, path: &Path) -> Result<(), Failure> {
        let missing: Vec<PathBuf> = path
            .ancestors()
            .take_while(|dir| !dir.as_os_str().is_empty() && !dir.exists())
            .map(Path::to_owned)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        // the deepest goes first, and those made later before those made earlier
        self.directories.splice(0..0, missing);
        Ok(platform::create_private_dir(path)?)
    }

    /// Remembers a file that was made.
    pub(super) fn file(&mut self, path: &Path) {
        self.files.push(path.to_owned());
    }

    /// Makes a file for its owner alone; one that exists is not touched.
    pub(super) fn create(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        let mut file = platform::private_file().create_new(true).open(path)?;
        self.file(path);
        Ok(file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?)
    }

    /// Adds to the end of a file: its owner, permissions and links stay. What could be added only in part is taken back.
    pub(super) fn append(path: &Path, text: &str) -> Result<(), Failure> {
        let append = || -> io::Result<()> {
            let mut file = OpenOptions::new().append(true).open(path)?;
            let length = file.metadata()?.len();
            let added = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
            added.inspect_err(|_| {
                // the error to report is the one that came first
                let _ = file.set_len(length);
            })
        };
        append().hint(format!("{} could not be added to; it is as it was.", path.display()))
    }

    /// Keeps everything.
    pub(super) fn keep(mut self) {
        self.files.clear();
        self.directories.clear();
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        for file in &self.files {
            let _ = fs::remove_file(file);
        }
        for directory in &self.directories {
            // one that somebody put something into meanwhile stays
            let _ = fs::remove_dir(directory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_goes_and_what_was_there_stays() {
        let root = tempfile::tempdir().unwrap();
        let make = |keep: bool| {
            let mut traces = Traces::default();
            traces.directory(&root.path().join("a/b")).unwrap();
            traces.directory(&root.path().join("a/b/keys")).unwrap();
            traces.create(&root.path().join("a/b/keys/k"), "x").unwrap();
            if keep {
                traces.keep();
            }
        };
        make(false);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0);
        make(true);
        assert!(root.path().join("a/b/keys/k").exists());
    }
}
