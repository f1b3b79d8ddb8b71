//! The lines a file begins with: whose rights it runs with, and whether in a transaction.

/// Whose rights a migration runs with, from its first line, `-- unisys:owner …`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunAs {
    /// The login's own: for what an owner may not do, such as creating a schema. Written `login`.
    Login,
    /// This role's: what is created belongs to it.
    Owner(String),
}

/// What the lines say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) run_as: Option<RunAs>,
    pub(crate) no_transaction: bool,
}

const PREFIX: &str = "-- unisys:";

/// Reads the comment lines at the top; `-- unisys:destructive` may stand there for the first statement.
///
/// # Errors
/// A line that is not understood, with its number.
pub(crate) fn read(sql: &str) -> Result<Header, String> {
    let mut header = Header::default();
    let comments = sql.lines().take_while(|line| line.is_empty() || line.starts_with("--"));
    for (index, line) in comments.enumerate() {
        let Some(directive) = line.strip_prefix(PREFIX) else { continue };
        let number = index + 1;
        match directive.trim_end().split_once(' ').unwrap_or((directive.trim_end(), "")) {
            ("owner", role) if index == 0 => header.run_as = Some(run_as(role)?),
            ("owner", _) => {
                return Err(format!("line {number}: `{PREFIX}owner` is the first line, and there once"));
            }
            ("no-transaction", "") => header.no_transaction = true,
            ("destructive", _) => {}
            (other, _) => return Err(format!("line {number}: `{PREFIX}{other}` means nothing here")),
        }
    }
    Ok(header)
}

fn run_as(role: &str) -> Result<RunAs, String> {
    let plain = role.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    match role {
        "login" => Ok(RunAs::Login),
        _ if plain && role.len() <= 63 && role.starts_with(|c: char| c.is_ascii_lowercase()) => {
            Ok(RunAs::Owner(role.into()))
        }
        _ => Err(format!("line 1: `{role}` is not the name of an owner role")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn a_header_says_who_and_how() {
        let header =
            read("-- unisys:owner app_owner\n-- why\n\n-- unisys:no-transaction\nvacuum;\n").unwrap();
        assert_eq!(header.run_as, Some(RunAs::Owner("app_owner".into())));
        assert!(header.no_transaction);
        assert_eq!(read("-- unisys:owner login\n").unwrap().run_as, Some(RunAs::Login));
        assert_eq!(read("select 1;\n-- unisys:owner login\n").unwrap(), Header::default());
    }

    #[rstest]
    #[case("-- unisys:owner app\"owner\n", "line 1: `app\"owner` is not the name of an owner role")]
    #[case("-- unisys:ownr login\n", "line 1: `-- unisys:ownr` means nothing here")]
    #[case("-- x\n-- unisys:owner login\n", "line 2: `-- unisys:owner` is the first line, and there once")]
    #[case("-- unisys:no-transaction please\n", "line 1: `-- unisys:no-transaction` means nothing here")]
    fn what_it_does_not_know_is_an_error(#[case] sql: &str, #[case] expected: &str) {
        assert_eq!(read(sql), Err(expected.into()));
    }
}
