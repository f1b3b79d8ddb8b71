//! What the process's surroundings say about connecting; the program fills it in, the library reads none of it itself.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The surroundings a connection is resolved in.
///
/// `Debug` shows the names of the variables only: one of them may be `PGPASSWORD`.
#[derive(Clone, Default)]
pub struct Environment {
    /// The environment variables; only those libpq reads (`PG*`, and `APPDATA` on Windows) matter.
    pub vars: BTreeMap<String, String>,
    /// The user's home directory: `.pgpass`, `.pg_service.conf` and `.postgresql/` are looked for there.
    pub home: Option<PathBuf>,
    /// The name of the system user, libpq's default for the login role.
    pub system_user: Option<String>,
    /// Where servers put their Unix sockets, in the order to look; empty on Windows.
    pub socket_directories: Vec<PathBuf>,
    /// Where the system's `pg_service.conf` is, unless `PGSYSCONFDIR` says otherwise.
    pub sysconf_directory: Option<PathBuf>,
}

impl Environment {
    /// Returns the places of this platform, without variables, home or user: sockets in `/var/run/postgresql` (Debian,
    /// Red Hat) or `/tmp` (the server's own default), services in `/etc/postgresql-common` (Debian).
    pub fn platform() -> Self {
        if cfg!(windows) {
            return Self::default();
        }
        Self {
            socket_directories: vec!["/var/run/postgresql".into(), "/tmp".into()],
            sysconf_directory: Some("/etc/postgresql-common".into()),
            ..Self::default()
        }
    }

    /// Returns a variable, set and not empty.
    pub(crate) fn var(&self, name: &str) -> Option<&str> {
        self.vars.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Returns where libpq keeps a file of the user's: `~/UNIX`, or `%APPDATA%\postgresql\WINDOWS`.
    pub(crate) fn user_file(&self, unix: &str, windows: &str) -> Option<PathBuf> {
        if cfg!(windows) {
            return self.var("APPDATA").map(|dir| PathBuf::from(dir).join("postgresql").join(windows));
        }
        self.home.as_ref().map(|home| home.join(unix))
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("vars", &self.vars.keys().collect::<Vec<_>>())
            .field("home", &self.home)
            .field("system_user", &self.system_user)
            .field("socket_directories", &self.socket_directories)
            .field("sysconf_directory", &self.sysconf_directory)
            .finish()
    }
}
