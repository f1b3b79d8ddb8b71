//! Settings: a flag, else a variable `UNISYS_DBA_*`, else the file, else the default.
//!
//! The defaults *are* `config.example.toml`. [`Layers`] merges the sources and remembers where each value came from;
//! the types here say what a value means. Flags belong to the commands: `args.jobs.unwrap_or(settings.backup.jobs)`.

mod error;
mod file;
mod layers;
mod parse;
mod redact;
mod schema;
mod source;
mod units;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use unisys_ops::backup::Lag;
use unisys_ops::platform::IoPriority;

pub(crate) use error::SettingsError;
pub(crate) use file::place;
pub(crate) use layers::{Entry, Layers};
pub(crate) use redact::{holds_password, redacted};
pub(crate) use source::Source;
pub(crate) use units::{Size, Span};

/// Everything that can be configured, as `config.example.toml` documents it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    /// The databases by name.
    #[serde(default)]
    pub(crate) databases: BTreeMap<String, Database>,
    /// The private PostgreSQL.
    pub(crate) server: Server,
    /// How backups are made, and where they are kept.
    pub(crate) backup: Backup,
    /// How backups are restored.
    pub(crate) restore: Restore,
    /// How backups are proved.
    pub(crate) drill: Drill,
    /// Who signs, and whose signatures count.
    pub(crate) evidence: Evidence,
    /// Where other programs are.
    pub(crate) programs: Programs,
}

/// `[databases.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Database {
    /// libpq's connection string, never empty. It may hold a password.
    #[serde(deserialize_with = "parse::conninfo")]
    pub(crate) url: SecretString,
    /// The file with its passwords.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) passfile: Option<PathBuf>,
    /// Where its backups go, instead of [`Backup::store`].
    #[serde(deserialize_with = "parse::optional_store")]
    pub(crate) store: Option<PathBuf>,
    /// Who can decrypt its backups; where empty, [`Backup::recipients`].
    pub(crate) recipients: Vec<String>,
    /// Files with age identities that can decrypt its backups; where empty, [`Drill::identities`].
    pub(crate) identities: Vec<PathBuf>,
}

/// `[server]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Server {
    /// The data directory; `None` for one in the program's own.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) directory: Option<PathBuf>,
    /// The port.
    #[serde(deserialize_with = "parse::port")]
    pub(crate) port: u16,
    /// The major version; `None` for the newest installed.
    #[serde(deserialize_with = "parse::major_version")]
    pub(crate) version: Option<u32>,
    /// The system user it runs as, when the program runs as root.
    pub(crate) system_user: String,
}

/// `[backup]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Backup {
    /// The directory backups are kept in.
    #[serde(deserialize_with = "parse::store")]
    pub(crate) store: PathBuf,
    /// age recipients.
    pub(crate) recipients: Vec<String>,
    /// A file with more of them.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) recipients_file: Option<PathBuf>,
    /// How data is laid out.
    pub(crate) layout: Layout,
    /// Parallel sessions.
    pub(crate) jobs: NonZeroUsize,
    /// zstd's level, 1 to 19.
    #[serde(deserialize_with = "parse::compression_level")]
    pub(crate) compression_level: i32,
    /// Whether large tables are cut.
    pub(crate) ranges: Ranges,
    /// How long one attempt waits for the tables' locks.
    pub(crate) lock_timeout: Span,
    /// How many attempts there are.
    pub(crate) lock_attempts: NonZeroU32,
    /// How many bytes a second are read.
    #[serde(deserialize_with = "parse::optional_size")]
    pub(crate) max_rate: Option<Size>,
    /// How long a backup may run.
    #[serde(deserialize_with = "parse::optional_span")]
    pub(crate) max_runtime: Option<Span>,
    /// How old its snapshot may get.
    #[serde(deserialize_with = "parse::optional_span")]
    pub(crate) max_snapshot_age: Option<Span>,
    /// How far a replica may fall behind.
    #[serde(deserialize_with = "parse::optional_lag")]
    pub(crate) max_replication_lag: Option<Lag>,
    /// How long a server that cannot be reached is tried again.
    pub(crate) connect_wait: Span,
    /// How long the server may be silent.
    pub(crate) network_timeout: Span,
    /// The priority, 1 to 19; 0 leaves it as it is.
    #[serde(deserialize_with = "parse::nice")]
    pub(crate) nice: i32,
    /// The I/O priority; `None` leaves it as it is.
    #[serde(deserialize_with = "parse::ionice")]
    pub(crate) ionice: Option<IoPriority>,
}

/// Where the rows of a backup go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Layout {
    /// Tables in files of their own, written side by side
    Parallel,
    /// All data in one standard pg_dump archive
    Single,
}

/// Whether tables are cut into ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ranges {
    /// Only a table that alone would keep the others waiting
    Auto,
    /// Never
    Off,
}

impl From<Layout> for unisys_ops::backup::Layout {
    fn from(layout: Layout) -> Self {
        match layout {
            Layout::Parallel => Self::Parallel,
            Layout::Single => Self::Single,
        }
    }
}

impl From<Ranges> for unisys_ops::backup::Ranges {
    fn from(ranges: Ranges) -> Self {
        match ranges {
            Ranges::Auto => Self::Auto,
            Ranges::Off => Self::Off,
        }
    }
}

/// `[restore]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restore {
    /// Parallel sessions.
    pub(crate) jobs: NonZeroUsize,
}

/// `[drill]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Drill {
    /// The scratch server's port.
    #[serde(deserialize_with = "parse::port")]
    pub(crate) port: u16,
    /// Where its data goes; `None` for a temporary directory.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) directory: Option<PathBuf>,
    /// Files with age identities.
    pub(crate) identities: Vec<PathBuf>,
    /// Parallel sessions.
    pub(crate) jobs: NonZeroUsize,
    /// The system user it runs as, when the program runs as root; `None` for the private server's.
    #[serde(deserialize_with = "parse::optional_text")]
    pub(crate) system_user: Option<String>,
    /// How long to wait for the port.
    pub(crate) wait: Span,
}

/// `[evidence]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Evidence {
    /// The file of the key that signs.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) signing_key: Option<PathBuf>,
    /// Public keys whose signatures count.
    pub(crate) trusted: Vec<String>,
    /// Whether what was never signed is refused.
    pub(crate) require_signature: bool,
}

/// `[programs]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Programs {
    /// The directory of PostgreSQL's programs; `None` to search the usual places.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) directory: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
