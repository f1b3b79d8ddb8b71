//! One migration: its name, its header, its text.

use refinery_core::Migration;

use super::{MigrateError, statements};

/// Whose rights a migration runs with, from its first line, `-- unisys:owner …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunAs {
    /// The login's own: for what an owner may not do, such as creating a schema. Written `login`.
    Login,
    /// This role's: what is created belongs to it.
    Owner(String),
}

/// A migration file, its name and header checked.
#[derive(Clone, Debug)]
pub struct MigrationFile {
    file: String,
    run_as: RunAs,
    migration: Migration,
}

impl MigrationFile {
    /// Reads one file.
    ///
    /// Its name is `V`, at least four digits, `__`, lower-case words joined by `_`, `.sql`. The text is UTF-8 with
    /// Unix line ends, begins with `-- unisys:owner ROLE` (or `login`) and leaves its transaction alone.
    ///
    /// # Errors
    /// [`MigrateError::Name`] or [`MigrateError::Text`], naming the file.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self, MigrateError> {
        check_name(file).map_err(|reason| MigrateError::Name { file: file.into(), reason })?;
        let text_error = |reason: String| MigrateError::Text { file: file.into(), reason };
        let sql = check_text(bytes).map_err(text_error)?;
        let run_as = header(sql).map_err(text_error)?;
        let migration = Migration::unapplied(file.trim_end_matches(".sql"), sql)
            .map_err(|_| MigrateError::Name { file: file.into(), reason: "its version is too large" })?;
        Ok(Self { file: file.into(), run_as, migration })
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

    /// Returns refinery's checksum of name, version and text (SipHash 1-3).
    pub fn checksum(&self) -> u64 {
        self.migration.checksum()
    }

    /// Returns the text.
    pub fn sql(&self) -> &str {
        self.migration.sql().unwrap_or_default()
    }

    pub(crate) fn migration(&self) -> &Migration {
        &self.migration
    }
}

fn check_name(file: &str) -> Result<(), &'static str> {
    let rest = file.strip_prefix('V').ok_or("it does not begin with a capital V")?;
    let stem = rest.strip_suffix(".sql").ok_or("it does not end in .sql")?;
    let (digits, name) = stem.split_once("__").ok_or("version and name are joined by two underscores")?;
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err("its version is not a number");
    }
    if digits.len() < 4 || (digits.len() > 4 && digits.starts_with('0')) {
        return Err("a version has four digits, more only from 10000 on");
    }
    if digits.bytes().all(|b| b == b'0') {
        return Err("versions begin at 0001");
    }
    let word =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    if name.split('_').all(word) {
        Ok(())
    } else {
        Err("a name is lower-case words joined by one underscore")
    }
}

fn check_text(bytes: &[u8]) -> Result<&str, String> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err("it begins with a byte order mark".into());
    }
    let text =
        std::str::from_utf8(bytes).map_err(|e| format!("byte {} is not UTF-8", e.valid_up_to() + 1))?;
    if let Some(at) = text.find(['\r', '\0']) {
        let line = text[..at].matches('\n').count() + 1;
        return Err(format!("line {line} has a carriage return or a NUL; lines end in a newline only"));
    }
    match statements::forbidden(text) {
        Some((line, what)) => Err(format!("line {line} has {what}; each migration is one transaction")),
        None => Ok(text),
    }
}

fn header(sql: &str) -> Result<RunAs, String> {
    let mut directives = sql
        .lines()
        .filter_map(|line| line.strip_prefix("-- unisys:"))
        .map(|rest| rest.trim_end().split_once(' '));
    let first = sql.lines().next().unwrap_or_default();
    let missing = "its first line is not `-- unisys:owner ROLE`";
    if !first.starts_with("-- unisys:") {
        return Err(missing.into());
    }
    let Some(Some(("owner", role))) = directives.next() else { return Err(missing.into()) };
    if directives.next().is_some() {
        return Err("it has more than one `-- unisys:` line".into());
    }
    let plain = role.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match role {
        "login" => Ok(RunAs::Login),
        _ if plain && role.len() <= 63 && role.starts_with(|c: char| c.is_ascii_lowercase()) => {
            Ok(RunAs::Owner(role.into()))
        }
        _ => Err(format!("`{role}` is not the name of an owner role")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("V0001__schemas.sql", None)]
    #[case("V12345__a_2nd_try.sql", None)]
    #[case("v0001__schemas.sql", Some("it does not begin with a capital V"))]
    #[case("U0001__schemas.sql", Some("it does not begin with a capital V"))]
    #[case("|1__schemas.sql", Some("it does not begin with a capital V"))]
    #[case("V0001__schemas.SQL", Some("it does not end in .sql"))]
    #[case("V0001__schemas.sql~", Some("it does not end in .sql"))]
    #[case("V0001_schemas.sql", Some("version and name are joined by two underscores"))]
    #[case("V1__schemas.sql", Some("a version has four digits, more only from 10000 on"))]
    #[case("V00001__schemas.sql", Some("a version has four digits, more only from 10000 on"))]
    #[case("V0000__schemas.sql", Some("versions begin at 0001"))]
    #[case("V1.2__schemas.sql", Some("its version is not a number"))]
    #[case("V0001__add-b.sql", Some("a name is lower-case words joined by one underscore"))]
    #[case("V0001__Add.sql", Some("a name is lower-case words joined by one underscore"))]
    #[case("V0001___add.sql", Some("a name is lower-case words joined by one underscore"))]
    #[case("V0001__.sql", Some("a name is lower-case words joined by one underscore"))]
    fn names_are_strict(#[case] file: &str, #[case] expected: Option<&str>) {
        assert_eq!(check_name(file).err(), expected);
    }

    #[rstest]
    #[case("V20260101120000__late.sql", "-- unisys:owner login\n", "its version is too large")]
    #[case("V0001__a.sql", "", "its first line is not `-- unisys:owner ROLE`")]
    #[case(
        "V0001__a.sql",
        "select 1;\n-- unisys:owner login\n",
        "its first line is not `-- unisys:owner ROLE`"
    )]
    #[case("V0001__a.sql", "-- unisys:ownr app_owner\n", "its first line is not `-- unisys:owner ROLE`")]
    #[case("V0001__a.sql", "-- unisys:owner app\"owner\n", "`app\"owner` is not the name of an owner role")]
    #[case(
        "V0001__a.sql",
        "-- unisys:owner login\n-- unisys:x y\n",
        "it has more than one `-- unisys:` line"
    )]
    #[case("V0001__a.sql", "\u{feff}-- unisys:owner login\n", "it begins with a byte order mark")]
    #[case(
        "V0001__a.sql",
        "-- unisys:owner login\nselect 1;\r\n",
        "line 2 has a carriage return or a NUL; lines end in a newline only"
    )]
    #[case(
        "V0001__a.sql",
        "-- unisys:owner login\ncommit;\n",
        "line 2 has commit; each migration is one transaction"
    )]
    fn texts_are_strict(#[case] file: &str, #[case] text: &str, #[case] reason: &str) {
        let error = MigrationFile::parse(file, text.as_bytes()).unwrap_err().to_string();
        assert!(error.starts_with(file) && error.ends_with(reason), "{error}");
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_placed() {
        let error = MigrationFile::parse("V0001__a.sql", b"-- \xff").unwrap_err();
        assert_eq!(error.to_string(), "V0001__a.sql is not a migration: byte 4 is not UTF-8");
    }

    #[test]
    fn a_file_is_read_as_named() {
        let file =
            MigrationFile::parse("V0042__add_x.sql", b"-- unisys:owner app_owner\nselect 1;\n").unwrap();
        assert_eq!((file.version(), file.name()), (42, "add_x"));
        assert_eq!(file.run_as(), &RunAs::Owner("app_owner".into()));
    }
}
