//! What the files of a directory are called.

use super::MigrateError;

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// `V0001__name.sql`
    Migration,
    /// `V0001__name.verify.sql`
    Verify,
    /// `V0001__name.down.sql`
    Down,
}

/// Returns what a file is, and the name of its migration without extension.
///
/// # Errors
/// [`MigrateError::Name`]: a name refinery would skip, or read differently.
pub(crate) fn read(file: &str) -> Result<(Part, &str), MigrateError> {
    check(file).map_err(|reason| MigrateError::Name { file: file.into(), reason })
}

fn check(file: &str) -> Result<(Part, &str), &'static str> {
    let rest = file.strip_prefix('V').ok_or("it does not begin with a capital V")?;
    let stem = rest.strip_suffix(".sql").ok_or("it does not end in .sql")?;
    let (part, stem) = match stem.split_once('.') {
        Some((stem, "verify")) => (Part::Verify, stem),
        Some((stem, "down")) => (Part::Down, stem),
        _ => (Part::Migration, stem),
    };
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
    if !name.split('_').all(word) {
        return Err("a name is lower-case words joined by one underscore");
    }
    Ok((part, &file[..stem.len() + 1]))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("v0001__schemas.sql", "it does not begin with a capital V")]
    #[case("U0001__schemas.sql", "it does not begin with a capital V")]
    #[case("|1__schemas.sql", "it does not begin with a capital V")]
    #[case("V0001__schemas.SQL", "it does not end in .sql")]
    #[case("V0001__schemas.sql~", "it does not end in .sql")]
    #[case("V0001_schemas.sql", "version and name are joined by two underscores")]
    #[case("V1__schemas.sql", "a version has four digits, more only from 10000 on")]
    #[case("V00001__schemas.sql", "a version has four digits, more only from 10000 on")]
    #[case("V0000__schemas.sql", "versions begin at 0001")]
    #[case("V1.2__schemas.sql", "its version is not a number")]
    #[case("V0001__add-b.sql", "a name is lower-case words joined by one underscore")]
    #[case("V0001__Add.sql", "a name is lower-case words joined by one underscore")]
    #[case("V0001___add.sql", "a name is lower-case words joined by one underscore")]
    #[case("V0001__.sql", "a name is lower-case words joined by one underscore")]
    #[case("V0001__a.undo.sql", "a name is lower-case words joined by one underscore")]
    fn names_are_strict(#[case] file: &str, #[case] expected: &str) {
        assert_eq!(check(file), Err(expected));
    }

    #[rstest]
    #[case("V0001__schemas.sql", Part::Migration, "V0001__schemas")]
    #[case("V12345__a_2nd_try.sql", Part::Migration, "V12345__a_2nd_try")]
    #[case("V0042__add_x.verify.sql", Part::Verify, "V0042__add_x")]
    #[case("V0042__add_x.down.sql", Part::Down, "V0042__add_x")]
    fn names_say_what_a_file_is(#[case] file: &str, #[case] part: Part, #[case] stem: &str) {
        assert_eq!(check(file), Ok((part, stem)));
    }
}
