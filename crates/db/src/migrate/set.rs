//! All migrations of one source, in order.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Deref;
use std::path::Path;

use super::name::{self, Part};
use super::rules::Broken;
use super::{MigrateError, MigrationFile, OWNERS, POLICY_ROLES, RunAs};

/// The files compiled in, from `migrations/` at the root of the repository (listed by `build.rs`).
const BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Migrations ordered by version, each version once.
#[derive(Clone, Debug)]
pub struct MigrationSet {
    files: Vec<MigrationFile>,
    builtin: bool,
}

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
            None => Ok(Self { files, builtin: false }),
        }
    }

    /// Returns the migrations this program was built with.
    ///
    /// # Errors
    /// None in a build whose tests pass: they check every file.
    pub fn builtin() -> Result<Self, MigrateError> {
        let set = Self::of_files(BUILTIN.iter().map(|(file, text)| (*file, text.as_bytes())))?;
        Ok(Self { builtin: true, ..set })
    }

    /// Reads a directory. Every file in it must be a migration or a script of one, apart from `README.md` and hidden
    /// files; directories are not entered. (refinery's own reader skips what it does not like, and a migration that is
    /// skipped silently is missed in production.)
    ///
    /// # Errors
    /// The first file that is not right, in order of names.
    pub fn from_dir(directory: &Path) -> Result<Self, MigrateError> {
        let read = |path: &Path| {
            let path = path.to_owned();
            move |source| MigrateError::Read { path, source }
        };
        let mut files = Vec::new();
        for entry in fs::read_dir(directory).map_err(read(directory))? {
            let path = entry.map_err(read(directory))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !path.is_dir() && name != "README.md" && !name.starts_with('.') {
                files.push((name, fs::read(&path).map_err(read(&path))?));
            }
        }
        Self::of_files(files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())))
    }

    fn of_files<'f>(files: impl Iterator<Item = (&'f str, &'f [u8])>) -> Result<Self, MigrateError> {
        let mut sorted: Vec<_> = files.collect();
        sorted.sort();
        let (mut migrations, mut scripts) = (Vec::<MigrationFile>::new(), Vec::new());
        for (file, bytes) in sorted {
            match name::read(file)? {
                (Part::Migration, _) => migrations.push(MigrationFile::parse(file, bytes)?),
                (_, stem) => scripts.push((file, format!("{stem}.sql"), bytes)),
            }
        }
        for (file, owner, bytes) in scripts {
            match migrations.iter_mut().find(|migration| migration.file() == owner) {
                Some(migration) => migration.add_script(file, bytes)?,
                None => return Err(MigrateError::Orphan { file: file.into() }),
            }
        }
        Self::new(migrations)
    }

    /// Returns whether these are the university's own, for which the roles of the privilege policy are made too.
    pub fn is_builtin(&self) -> bool {
        self.builtin
    }

    /// Returns the roles that own what these migrations create, in order of names; the university's in the usual order.
    pub fn owners(&self) -> Vec<String> {
        if self.builtin {
            return OWNERS.map(String::from).into();
        }
        let named: BTreeSet<&String> = self
            .files
            .iter()
            .filter_map(|file| match file.run_as() {
                RunAs::Owner(role) => Some(role),
                RunAs::Login => None,
            })
            .collect();
        named.into_iter().cloned().collect()
    }

    /// Returns the roles that must be there before the first migration.
    pub(crate) fn roles(&self) -> Vec<String> {
        let mut roles = self.owners();
        if self.builtin {
            roles.extend(POLICY_ROLES.map(String::from));
        }
        roles
    }

    /// Returns every rule that these migrations break, those up to version `applied` left out: a file that was applied
    /// cannot be mended any more.
    pub fn check(&self, applied: i32) -> Vec<Broken> {
        self.iter().filter(|file| file.version() > applied).flat_map(MigrationFile::check).collect()
    }
}

impl Deref for MigrationSet {
    type Target = [MigrationFile];

    fn deref(&self) -> &[MigrationFile] {
        &self.files
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_directory_is_built_in_and_breaks_no_rule() {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
        let on_disk = MigrationSet::from_dir(&directory).unwrap();
        let built_in = MigrationSet::builtin().unwrap();
        let names = |set: &MigrationSet| {
            let of = |f: &MigrationFile| {
                (f.file().to_owned(), f.checksum(), f.verify().cloned(), f.down().cloned())
            };
            set.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(names(&on_disk), names(&built_in));
        assert!(
            built_in.iter().enumerate().all(|(i, f)| f.version() as usize == i + 1),
            "versions leave no gap"
        );
        assert_eq!(built_in.check(0), []);
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
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
        let error = || MigrationSet::from_dir(directory.path()).unwrap_err().to_string();
        write("README.md", "how");
        write("V0001__a.sql", "-- unisys:owner login\n");
        write("V0001__a.down.sql", "select 1;\n");
        let set = MigrationSet::from_dir(directory.path()).unwrap();
        assert_eq!((set.len(), set[0].down().is_some(), set[0].verify().is_some()), (1, true, false));
        write("V0002__b.down.sql", "select 1;\n");
        assert_eq!(error(), "V0002__b.down.sql belongs to no migration");
        write("V0002__B.down.sql", "");
        assert!(error().starts_with("V0002__B.down.sql is not named like a migration"));
    }

    #[test]
    fn another_set_needs_only_the_owners_it_names() {
        let files =
            [("V0001__a.sql", "login"), ("V0002__b.sql", "shop_owner"), ("V0003__c.sql", "shop_owner")];
        let parse = |(name, role): (&str, &str)| {
            MigrationFile::parse(name, format!("-- unisys:owner {role}\n").as_bytes()).unwrap()
        };
        let set = MigrationSet::new(files.map(parse).into()).unwrap();
        assert_eq!(
            (set.owners(), set.roles()),
            (vec!["shop_owner".to_owned()], vec!["shop_owner".to_owned()])
        );
        assert_eq!(MigrationSet::builtin().unwrap().roles().len(), 11);
    }
}
