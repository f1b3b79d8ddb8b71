//! Passwords of roles: set as a SCRAM verifier, and only where they are other than they were. A server never sees the password
//! itself, nor does its log, `pg_stat_activity` or an error.

use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use thiserror::Error;

use super::scram::{ITERATIONS, Verifier};
use super::{Oid, Password};
use crate::{DbError, Session, quote_ident, quote_literal};

macro_rules! sql {
    ($name:literal) => {
        include_str!(concat!("../../../../sql/roles/", $name, ".sql"))
    };
}

/// The longest password, in bytes: libpq before 14 knows no longer ones.
pub const LONGEST: usize = 1024;

/// A password could not be set.
#[derive(Debug, Error)]
pub enum PasswordError {
    /// It is empty: PostgreSQL takes that for none.
    #[error("the password is empty")]
    Empty,
    /// It holds a NUL, which no client can send.
    #[error("the password holds a NUL character")]
    Nul,
    /// It is longer than some clients can send.
    #[error("the password has {0} bytes, more than {LONGEST}")]
    TooLong(usize),
    /// There is no such role.
    #[error("there is no role {role:?}")]
    NoSuchRole {
        /// The name asked for.
        role: String,
        /// The name most like it.
        nearest: Option<String>,
    },
    /// The server made the role, and lets nobody log in as it.
    #[error("role {0} is PostgreSQL's own and has no password")]
    Reserved(String),
    /// The server takes no changes.
    #[error("the password of role {0} cannot be set: the server is a standby, or the session read-only")]
    ReadOnly(String),
    /// The server refused, or the connection failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A role whose password is about to be set. `Debug` shows no verifier.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Its name.
    pub role: String,
    /// Whether it may log in.
    pub login: bool,
    /// Whether `VALID UNTIL` is over, so that no password counts.
    pub expired: bool,
    /// Whether the session logged in as it.
    pub own: bool,
    /// Whether the server's log will show the verifier, because the session is no superuser's and cannot keep it out.
    pub logged: bool,
    oid: Oid,
    read_only: bool,
    iterations: u32,
    kept: Kept,
}

/// What the server keeps of the password now.
#[derive(Clone, Debug)]
enum Kept {
    /// The session may not know.
    Unknown,
    Nothing,
    /// An md5 hash, or what else there once was.
    Old,
    Scram(Verifier),
}

/// What setting a password would do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is the password already.
    Same,
    /// It is another one, or there is none yet.
    Other,
    /// It may be the same, but is kept with fewer iterations than the server wants now, or as md5: it is hashed anew.
    Weaker,
    /// The session may not read what the server keeps, so it cannot be known whether it is the same.
    Unknown,
}

/// What became of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is the password already: nothing was said to the server.
    Unchanged,
    /// The server keeps a new verifier.
    Changed,
    /// The session may not know whether it is the same, and it was left.
    Unknown,
}

/// Returns what stands in the way of a password.
///
/// # Errors
/// [`PasswordError::Empty`], [`PasswordError::Nul`], [`PasswordError::TooLong`].
pub fn check(password: &SecretString) -> Result<(), PasswordError> {
    match password.expose_secret() {
        "" => Err(PasswordError::Empty),
        text if text.contains('\0') => Err(PasswordError::Nul),
        text if text.len() > LONGEST => Err(PasswordError::TooLong(text.len())),
        _ => Ok(()),
    }
}

/// Looks a role up, and what the server keeps of its password where the session may know.
///
/// # Errors
/// [`PasswordError::NoSuchRole`], [`PasswordError::Reserved`], [`PasswordError::Db`].
pub async fn look(session: &Session, role: &str) -> Result<Holder, PasswordError> {
    let doing = || format!("look up role {role}");
    let row = session.query_opt(sql!("password_holder"), &[&role]).await.map_err(session.doing(doing()))?;
    let Some(row) = row else {
        let names = session.query(sql!("role_names"), &[]).await.map_err(session.doing(doing()))?;
        let names = names.iter().map(|row| row.get::<_, String>("name"));
        let likeness = |name: &String| strsim::jaro_winkler(&role.to_lowercase(), &name.to_lowercase());
        let nearest = names.filter(|name| likeness(name) > 0.8);
        let nearest = nearest.max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        return Err(PasswordError::NoSuchRole { role: role.to_owned(), nearest });
    };
    if row.get("reserved") {
        return Err(PasswordError::Reserved(role.to_owned()));
    }
    let oid: Oid = row.get("oid");
    let kept = match row.get("sees_verifier") {
        true => {
            let row = session.query_one(sql!("verifier"), &[&oid]).await.map_err(session.doing(doing()))?;
            match row.get::<_, Option<&str>>("verifier") {
                None => Kept::Nothing,
                Some(text) => Verifier::parse(text).map_or(Kept::Old, Kept::Scram),
            }
        }
        false => Kept::Unknown,
    };
    Ok(Holder {
        role: role.to_owned(),
        login: row.get("login"),
        expired: row.get("expired"),
        own: row.get("own"),
        logged: row.get("logged"),
        oid,
        read_only: row.get("read_only"),
        iterations: u32::try_from(row.get::<_, i32>("iterations")).unwrap_or(ITERATIONS),
        kept,
    })
}

impl Holder {
    /// Returns the kind of password the server keeps now.
    pub fn kind(&self) -> Password {
        match self.kept {
            Kept::Unknown => Password::Unknown,
            Kept::Nothing => Password::None,
            Kept::Old => Password::Md5,
            Kept::Scram(_) => Password::Scram,
        }
    }

    /// How often a new password is hashed: what the server says (`scram_iterations`, 16 and later), else 4096.
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Returns what setting a password would do.
    pub fn compare(&self, password: &SecretString) -> Verdict {
        match &self.kept {
            Kept::Unknown => Verdict::Unknown,
            Kept::Nothing => Verdict::Other,
            Kept::Old => Verdict::Weaker,
            Kept::Scram(verifier) if !verifier.is_of(password) => Verdict::Other,
            Kept::Scram(verifier) if verifier.iterations() < self.iterations => Verdict::Weaker,
            Kept::Scram(_) => Verdict::Same,
        }
    }
}

/// Gives a role a password, in the transaction that is open; nothing is said to the server where it has it already. A
/// superuser's session keeps the verifier out of the server's log and of `pg_stat_statements`, until the transaction ends, and
/// leaves a line there that says what was done.
///
/// Without the right to read `pg_authid` it cannot be known whether it is the same; `when_unknown` says whether it is set then.
///
/// # Errors
/// Everything of [`PasswordError`]; the transaction is then to be rolled back.
pub async fn set(
    session: &Session,
    holder: &Holder,
    password: &SecretString,
    when_unknown: bool,
) -> Result<Outcome, PasswordError> {
    check(password)?;
    match holder.compare(password) {
        Verdict::Same => return Ok(Outcome::Unchanged),
        Verdict::Unknown if !when_unknown => return Ok(Outcome::Unknown),
        Verdict::Unknown | Verdict::Other | Verdict::Weaker => {}
    }
    if holder.read_only {
        return Err(PasswordError::ReadOnly(holder.role.clone()));
    }
    let doing = || session.doing(format!("set the password of role {}", holder.role));
    let hidden = session.query(sql!("quiet_log"), &[]).await.map_err(doing())?;
    let verifier = Verifier::new(password, holder.iterations).text();
    let (role, verifier) = (quote_ident(&holder.role), quote_literal(verifier.expose_secret()));
    let statement = SecretString::from(format!("alter role {role} password {verifier}"));
    session.batch_execute(statement.expose_secret()).await.map_err(doing())?;
    if !hidden.is_empty() {
        // the statement is missing in the log, and whoever audits must know that it was
        let line =
            quote_literal(&format!("unisys-dba: new password for role {} ({})", holder.role, holder.oid));
        let tell = quote_literal(&format!("begin raise log '%', {line}; end"));
        session.batch_execute(&format!("do {tell}")).await.map_err(doing())?;
    }
    Ok(Outcome::Changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(kept: Kept, iterations: u32) -> Holder {
        Holder {
            role: "r".into(),
            login: true,
            expired: false,
            own: false,
            logged: false,
            oid: 1,
            read_only: false,
            iterations,
            kept,
        }
    }

    #[test]
    fn what_setting_would_do() {
        let password = SecretString::from("hunter22");
        let kept = |of: &str| Kept::Scram(Verifier::new(&of.into(), 10));
        assert_eq!(holder(kept("hunter22"), 10).compare(&password), Verdict::Same);
        assert_eq!(holder(kept("hunter22"), 5).compare(&password), Verdict::Same, "stronger than it must be");
        assert_eq!(holder(kept("hunter22"), 11).compare(&password), Verdict::Weaker);
        assert_eq!(holder(kept("hunter23"), 10).compare(&password), Verdict::Other);
        assert_eq!(holder(Kept::Old, 10).compare(&password), Verdict::Weaker);
        assert_eq!(holder(Kept::Nothing, 10).compare(&password), Verdict::Other);
        assert_eq!(holder(Kept::Unknown, 10).compare(&password), Verdict::Unknown);
    }

    #[rstest::rstest]
    #[case("x", None)]
    #[case("", Some("the password is empty"))]
    #[case("a\0b", Some("the password holds a NUL character"))]
    #[case(&"é".repeat(513), Some("the password has 1026 bytes, more than 1024"))]
    fn what_is_no_password_is_refused(#[case] text: &str, #[case] expected: Option<&str>) {
        assert_eq!(check(&text.into()).err().map(|error| error.to_string()).as_deref(), expected);
    }
}
