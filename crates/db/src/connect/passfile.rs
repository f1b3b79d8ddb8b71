//! The passfile: one `host:port:database:user:password` per line, the first line that matches counts.
//!
//! The rules are libpq's (`passwordFromFile` in fe-connect.c), its refusal of a file others can read included.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::{Environment, Host, HostAddress};

/// A passfile that has been read. `Debug` shows no password.
///
/// A whole file is kept, not one password of it, because each host of a target, and each database the target is
/// pointed at later, may have an entry of its own.
#[derive(Clone, Debug, Default)]
pub struct Passfile {
    /// Where it was read from.
    pub path: Option<PathBuf>,
    entries: Vec<Entry>,
    socket_directories: Vec<PathBuf>,
}

/// One line: four patterns, still escaped, and what they lead to.
#[derive(Clone, Debug)]
struct Entry {
    host: String,
    port: String,
    database: String,
    user: String,
    password: SecretString,
}

impl Passfile {
    /// Reads the passfile: `explicit`, or the user's own. A file that is not there is an empty one; one that may not
    /// be used is an empty one, with a sentence for the user that says why.
    pub(crate) fn load(explicit: Option<&str>, env: &Environment) -> (Self, Option<String>) {
        let path = match explicit.filter(|p| !p.is_empty()) {
            Some(path) => Some(PathBuf::from(path)),
            None => env.user_file(".pgpass", "pgpass.conf"),
        };
        let Some(path) = path else { return (Self::default(), None) };
        match read(&path) {
            Ok(Some(text)) => {
                let entries = text.lines().filter_map(Entry::parse).collect();
                (Self { path: Some(path), entries, socket_directories: env.socket_directories.clone() }, None)
            }
            Ok(None) => (Self::default(), None),
            Err(reason) => {
                (Self::default(), Some(format!("password file \"{}\" is not used: {reason}", path.display())))
            }
        }
    }

    /// Returns the password of the first line that matches.
    pub fn password(&self, host: &Host, database: &str, user: &str) -> Option<&SecretString> {
        let name = self.host_name(host);
        let port = host.port.to_string();
        self.entries
            .iter()
            .find(|e| {
                matches(&e.host, &name)
                    && matches(&e.port, &port)
                    && matches(&e.database, database)
                    && matches(&e.user, user)
            })
            .map(|e| &e.password)
    }

    /// The name a line must give: a server in one of the default socket directories is `localhost`.
    fn host_name(&self, host: &Host) -> String {
        match &host.address {
            HostAddress::Socket(dir) if self.socket_directories.contains(dir) => "localhost".into(),
            address => address.to_string(),
        }
    }
}

/// Returns the text, `None` where there is no such file, or why it may not be used.
fn read(path: &Path) -> Result<Option<String>, String> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    if !metadata.is_file() {
        return Err("it is not a plain file".into());
    }
    if open_to_others(&metadata) {
        return Err("it has group or world access; permissions should be u=rw (0600) or less".into());
    }
    fs::read(path)
        .map(|bytes| Some(String::from_utf8_lossy(&bytes).into_owned()))
        .map_err(|error| error.to_string())
}

#[cfg(unix)]
fn open_to_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

/// Windows protects the profile directory as a whole, and libpq checks nothing.
#[cfg(windows)]
fn open_to_others(_metadata: &fs::Metadata) -> bool {
    false
}

impl Entry {
    /// Parses a line; comments, and lines with fewer than five fields, are none.
    fn parse(line: &str) -> Option<Self> {
        if line.starts_with('#') {
            return None;
        }
        let (host, rest) = field(line)?;
        let (port, rest) = field(rest)?;
        let (database, rest) = field(rest)?;
        let (user, password) = field(rest)?;
        Some(Self {
            host: host.into(),
            port: port.into(),
            database: database.into(),
            user: user.into(),
            password: unescape(password).into(),
        })
    }
}

/// Splits at the first `:` that no backslash precedes.
fn field(text: &str) -> Option<(&str, &str)> {
    let mut escaped = false;
    let at = text.find(|c| {
        let end = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        end
    })?;
    Some((&text[..at], &text[at + 1..]))
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        // A backslash at the very end stands for itself.
        plain.push(if c == '\\' { chars.next().unwrap_or(c) } else { c });
    }
    plain
}

fn matches(pattern: &str, value: &str) -> bool {
    pattern == "*" || unescape(pattern) == value
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use secrecy::ExposeSecret;

    use super::*;

    const LINES: &str = "# comment:*:*:*:no\n\
        too:few:fields\n\
        db.example:5432:sales:ann:first\n\
        db.example:*:sales:ann:second\n\
        ::1:5432:*:*:unreachable, the address must be escaped\n\
        \\:\\:1:5432:*:*:six\n\
        localhost:*:*:*:local\n\
        /srv/pg:*:*:*:socket\n\
        *:*:odd\\:name\\\\x:*:a\\:b\\\\c:d\\\n\
        *:*:star:\\*:literal\n\
        *:5499:*:*:\n";

    fn find(host: &str, port: u16, database: &str, user: &str) -> Option<String> {
        let file = Passfile {
            path: None,
            entries: LINES.lines().filter_map(Entry::parse).collect(),
            socket_directories: vec!["/tmp".into(), "/var/run/postgresql".into()],
        };
        let address = match host.starts_with('/') {
            true => HostAddress::Socket(host.into()),
            false => HostAddress::Tcp(host.into()),
        };
        let host = Host { address, hostaddr: None, port };
        file.password(&host, database, user).map(|p| p.expose_secret().to_owned())
    }

    #[rstest]
    #[case("db.example", 5432, "sales", "ann", Some("first"))]
    #[case("db.example", 5433, "sales", "ann", Some("second"))]
    #[case("db.example", 5432, "sales", "bob", None)]
    #[case("::1", 5432, "d", "u", Some("six"))]
    #[case("localhost", 1, "d", "u", Some("local"))]
    #[case("/var/run/postgresql", 1, "d", "u", Some("local"))]
    #[case("/tmp", 1, "d", "u", Some("local"))]
    #[case("/srv/pg", 1, "d", "u", Some("socket"))]
    #[case("/other", 1, "d", "u", None)]
    #[case("h", 1, "odd:name\\x", "u", Some("a:b\\c:d\\"))]
    #[case("h", 1, "star", "*", Some("literal"))]
    #[case("h", 1, "star", "u", None)]
    #[case("h", 5499, "d", "u", Some(""))]
    fn first_match_wins(
        #[case] host: &str,
        #[case] port: u16,
        #[case] database: &str,
        #[case] user: &str,
        #[case] expected: Option<&str>,
    ) {
        assert_eq!(find(host, port, database, user).as_deref(), expected);
    }

    #[cfg(unix)]
    #[rstest]
    #[case(0o600, true)]
    #[case(0o400, true)]
    #[case(0o640, false)]
    #[case(0o604, false)]
    fn a_file_others_can_read_is_not_used(#[case] mode: u32, #[case] used: bool) {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pass");
        fs::write(&path, "*:*:*:*:sesame\r\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let (file, warning) = Passfile::load(path.to_str(), &Environment::default());
        let host = Host { address: HostAddress::Tcp("h".into()), hostaddr: None, port: 1 };
        let found = file.password(&host, "d", "u").map(|p| p.expose_secret());
        assert_eq!(found, used.then_some("sesame"));
        assert_eq!(warning.is_some(), !used);
        assert!(!format!("{file:?}{warning:?}").contains("sesame"));
    }

    #[test]
    fn no_file_is_no_warning_and_a_directory_is_one() {
        let dir = tempfile::tempdir().unwrap();
        let env = Environment::default();
        assert!(Passfile::load(dir.path().join("none").to_str(), &env).1.is_none());
        assert!(Passfile::load(dir.path().to_str(), &env).1.unwrap().ends_with("is not a plain file"));
    }
}
