//! One migration: its name, its header, its text, and the scripts beside it.

use refinery_core::Migration;

use super::header::{self, Header};
use super::name::{self, Part};
use super::rules::{self, Broken, Use};
use super::{MigrateError, RunAs};

/// A script beside a migration, run as the same role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// The file's name, without a directory.
    pub file: String,
    /// Its text.
    pub sql: String,
    /// Whether it runs outside of a transaction (`-- unisys:no-transaction`); then it is one statement.
    pub no_transaction: bool,
}

/// A migration file, its name and header checked, with the scripts beside it.
#[derive(Clone, Debug)]
pub struct MigrationFile {
    file: String,
    run_as: RunAs,
    no_transaction: bool,
    migration: Migration,
    verify: Option<Script>,
    down: Option<Script>,
}

impl MigrationFile {
    /// Reads one migration.
    ///
    /// Its name is `V`, at least four digits, `__`, lower-case words joined by `_`, `.sql`. The text is UTF-8 with
    /// Unix line ends and begins with `-- unisys:owner ROLE` (or `login`). Its statements are [`MigrationFile::check`]'s.
    ///
    /// # Errors
    /// [`MigrateError::Name`] or [`MigrateError::Text`], naming the file.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, MigrateError> {
        let (part, stem) = name::read(file)?;
        if part != Part::Migration {
            return Err(MigrateError::Name {
                file: file.into(),
                reason: "it belongs to a migration and is none",
            });
        }
        let (sql, header) = text(file, bytes)?;
        let run_as = header.run_as.ok_or_else(|| MigrateError::Text {
            file: file.into(),
            reason: "line 1 is not `-- unisys:owner ROLE`".into(),
        })?;
        let migration = Migration::unapplied(stem, sql)
            .map_err(|_| MigrateError::Name { file: file.into(), reason: "its version is too large" })?;
        let no_transaction = header.no_transaction;
        Ok(Self { file: file.into(), run_as, no_transaction, migration, verify: None, down: None })
    }

    /// Adds the script `V0001__name.verify.sql` or `V0001__name.down.sql` of this migration.
    ///
    /// # Errors
    /// As [`MigrationFile::parse`]; also when it is another migration's.
    pub fn add_script(&mut self, file: &str, bytes: &[u8]) -> Result<(), MigrateError> {
        let (part, stem) = name::read(file)?;
        if part == Part::Migration || format!("{stem}.sql") != self.file {
            return Err(MigrateError::Orphan { file: file.into() });
        }
        let (sql, header) = text(file, bytes)?;
        let fault = |reason: &str| MigrateError::Text { file: file.into(), reason: reason.into() };
        if header.run_as.is_some() {
            return Err(fault("line 1: it runs as its migration does; `-- unisys:owner` stands there"));
        }
        if part == Part::Verify && (header.no_transaction || self.no_transaction) {
            return Err(fault("a verify script runs in its migration's transaction, and there is none"));
        }
        let script = Script { file: file.into(), sql: sql.to_owned(), no_transaction: header.no_transaction };
        match part {
            Part::Verify => self.verify = Some(script),
            _ => self.down = Some(script),
        }
        Ok(())
    }

    /// Returns every rule that the statements of this migration and its scripts break; see `migrations/README.md`.
    pub fn check(&self) -> Vec<Broken> {
        let usage = |alone| if alone { Use::Alone } else { Use::Transaction };
        let judge = |file, sql, usage| rules::broken(file, sql, usage, &self.run_as);
        let mut broken = judge(&self.file, self.sql(), usage(self.no_transaction));
        if let Some(verify) = &self.verify {
            broken.extend(judge(&verify.file, &verify.sql, Use::Check));
        }
        if let Some(down) = &self.down {
            broken.extend(judge(&down.file, &down.sql, usage(down.no_transaction)));
        }
        broken
    }

    /// Returns the file's name, without a directory.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the version, from 1.
    pub fn version(&self) -> i32 {
        self.migration.version()
    }

    /// Returns the name between version and extension.
    pub fn name(&self) -> &str {
        self.migration.name()
    }

    /// Returns whose rights it runs with.
    pub fn run_as(&self) -> &RunAs {
        &self.run_as
    }

    /// Returns whether it runs outside of a transaction, as one statement that makes its own.
    pub fn no_transaction(&self) -> bool {
        self.no_transaction
    }

    /// Returns refinery's checksum of name, version and text (SipHash 1-3).
    pub fn checksum(&self) -> u64 {
        self.migration.checksum()
    }

    /// Returns the text.
    pub fn sql(&self) -> &str {
        self.migration.sql().unwrap_or_default()
    }

    /// Returns the script that verifies it: each of its queries returns no row, or it raises an error.
    pub fn verify(&self) -> Option<&Script> {
        self.verify.as_ref()
    }

    /// Returns the script that takes it back.
    pub fn down(&self) -> Option<&Script> {
        self.down.as_ref()
    }

    pub(crate) fn migration(&self) -> &Migration {
        &self.migration
    }
}

fn text<'b>(file: &str, bytes: &'b [u8]) -> Result<(&'b str, Header), MigrateError> {
    let fault = |reason: String| MigrateError::Text { file: file.into(), reason };
    let sql = check_text(bytes).map_err(fault)?;
    let header = header::read(sql).map_err(fault)?;
    Ok((sql, header))
}

fn check_text(bytes: &[u8]) -> Result<&str, String> {
    let line = |before: &[u8]| before.iter().filter(|b| **b == b'\n').count() + 1;
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err("line 1 begins with a byte order mark".into());
    }
    let text = std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        format!("line {} is not UTF-8 (byte {} of the file)", line(&bytes[..at]), at + 1)
    })?;
    match text.find(['\r', '\0']) {
        Some(at) => Err(format!(
            "line {} has a carriage return or a NUL; lines end in a newline only",
            line(&bytes[..at])
        )),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("V20260101120000__late.sql", "-- unisys:owner login\n", "its version is too large")]
    #[case("V0001__a.verify.sql", "", "it belongs to a migration and is none")]
    #[case("V0001__a.sql", "", "line 1 is not `-- unisys:owner ROLE`")]
    #[case("V0001__a.sql", "select 1;\n-- unisys:owner login\n", "line 1 is not `-- unisys:owner ROLE`")]
    #[case("V0001__a.sql", "\u{feff}-- unisys:owner login\n", "line 1 begins with a byte order mark")]
    #[case(
        "V0001__a.sql",
        "-- unisys:owner login\nselect 1;\r\n",
        "line 2 has a carriage return or a NUL; lines end in a newline only"
    )]
    fn texts_are_strict(#[case] file: &str, #[case] text: &str, #[case] reason: &str) {
        let error = MigrationFile::parse(file, text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(file) && error.ends_with(reason), "{error}");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_placed() {
        let error = MigrationFile::parse("V0001__a.sql", b"-- x\n-- \xff").unwrap_err();
        let expected = "V0001__a.sql is not a migration: line 2 is not UTF-8 (byte 9 of the file)";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn a_file_is_read_as_named() {
        let file =
            MigrationFile::parse("V0042__add_x.sql", b"-- unisys:owner app_owner\nselect 1;\n").unwrap();
        assert_eq!((file.version(), file.name()), (42, "add_x"));
        assert_eq!(file.run_as(), &RunAs::Owner("app_owner".into()));
    }

    #[test]
    fn scripts_belong_to_one_migration_and_are_checked_like_it() {
        let mut file = MigrationFile::parse("V0002__b.sql", b"-- unisys:owner login\nselect 1;\n").unwrap();
        let other = file.add_script("V0002__c.down.sql", b"select 1;").unwrap_err().to_string();
        assert_eq!(other, "V0002__c.down.sql belongs to no migration");
        let owner = file.add_script("V0002__b.down.sql", b"-- unisys:owner login\n").unwrap_err();
        assert!(owner.to_string().ends_with("`-- unisys:owner` stands there"));
        file.add_script("V0002__b.down.sql", b"drop table a.b;\n").unwrap();
        file.add_script("V0002__b.verify.sql", b"select 1 where false;\ndelete from a.b where true;\n")
            .unwrap();
        let broken: Vec<String> = file.check().iter().map(|b| format!("{}:{}", b.file, b.line)).collect();
        assert_eq!(broken, ["V0002__b.verify.sql:2", "V0002__b.down.sql:1"]);
        assert_eq!(file.down().unwrap().file, "V0002__b.down.sql");
    }
}
