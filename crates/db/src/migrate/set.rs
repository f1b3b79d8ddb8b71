//! All migrations of one source, in order.

use std::fs;
use std::ops::Deref;
use std::path::Path;

use super::{MigrateError, MigrationFile};

/// The files compiled in, from `migrations/` at the root of the repository (listed by `build.rs`).
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Migrations ordered by version, each version once.
#[derive(Clone, Debug)]
pub struct MigrationSet(Vec<MigrationFile>);

impl MigrationSet {
    /// Returns the given files in order.
    ///
    /// # Errors
    /// [`MigrateError::Duplicate`] when two have one version.
    pub fn new(mut files: Vec<MigrationFile>) -> Result<Self, MigrateError> {
        files.sort_by(|a, b| (a.version(), a.file()).cmp(&(b.version(), b.file())));
        match files.windows(2).find(|pair| pair[0].version() == pair[1].version()) {
            Some(pair) => {
                Err(MigrateError::Duplicate { first: pair[0].file().into(), second: pair[1].file().into() })
            }
            None => Ok(Self(files)),
        }
    }

    /// Returns the migrations this program was built with.
    ///
    /// # Errors
    /// None in a build whose tests pass: they check every file.
    pub fn builtin() -> Result<Self, MigrateError> {
        let parsed = BUILTIN.iter().map(|(file, text)| MigrationFile::parse(file, text.as_bytes()));
        Self::new(parsed.collect::<Result<_, _>>()?)
    }

    /// Reads a directory. Every file in it must be a migration, apart from `README.md` and hidden files; directories
    /// are not entered. (refinery's own reader skips what it does not like, and a migration that is skipped silently
    /// is missed in production.)
    ///
    /// # Errors
    /// The first file that is not right, in order of names.
    pub fn from_dir(directory: &Path) -> Result<Self, MigrateError> {
        let read = |path: &Path| {
            let path = path.to_owned();
            move |source| MigrateError::Read { path, source }
        };
        let mut paths = Vec::new();
        for entry in fs::read_dir(directory).map_err(read(directory))? {
            let path = entry.map_err(read(directory))?.path();
            if !path.is_dir() {
                paths.push(path);
            }
        }
        paths.sort();
        let mut files = Vec::new();
        for path in paths {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name != "README.md" && !name.starts_with('.') {
                files.push(MigrationFile::parse(&name, &fs::read(&path).map_err(read(&path))?)?);
            }
        }
        Self::new(files)
    }
}

impl Deref for MigrationSet {
    type Target = [MigrationFile];

    fn deref(&self) -> &[MigrationFile] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_directory_is_built_in() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let on_disk = MigrationSet::from_dir(&directory).unwrap();
        let built_in = MigrationSet::builtin().unwrap();
        let names =
            |set: &MigrationSet| set.iter().map(|f| (f.file().to_owned(), f.checksum())).collect::<Vec<_>>();
        assert_eq!(names(&on_disk), names(&built_in));
        assert!(
            built_in.iter().enumerate().all(|(i, f)| f.version() as usize == i + 1),
            "versions leave no gap"
        );
    }

    #[test]
    fn one_version_twice_is_refused_by_both_names() {
        let file = |name: &str| MigrationFile::parse(name, b"-- unisys:owner login\n").unwrap();
        let error = MigrationSet::new(vec![file("V0002__b.sql"), file("V0001__a.sql"), file("V0002__a.sql")]);
        assert_eq!(error.unwrap_err().to_string(), "V0002__a.sql and V0002__b.sql have the same version");
    }

    #[test]
    fn a_stray_file_in_the_directory_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("README.md"), "how").unwrap();
        fs::write(directory.path().join("V0001__a.sql"), "-- unisys:owner login\n").unwrap();
        assert_eq!(MigrationSet::from_dir(directory.path()).unwrap().len(), 1);
        fs::write(directory.path().join("V2__b.sql"), "-- unisys:owner login\n").unwrap();
        let error = MigrationSet::from_dir(directory.path()).unwrap_err().to_string();
        assert!(error.starts_with("V2__b.sql is not named like a migration"), "{error}");
    }
}
