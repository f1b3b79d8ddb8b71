//! Settings: a flag, else a variable `UNISYS_DBA_*`, else the file, else the default.
//!
//! The defaults *are* `config.example.toml`. [`Layers`] merges the sources and remembers where each value came from;
//! the types here say what a value means. Flags belong to the commands: `args.jobs.unwrap_or(settings.backup.jobs)`.

mod error;
mod file;
mod layers;
mod parse;
mod redact;
mod retention;
mod schema;
mod service;
mod source;
mod units;

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use unisys_db::pattern::{SchemaPattern, TablePattern};
use unisys_ops::backup::{DumpOptions, ReplicationLag};
use unisys_ops::platform::IoPriority;
use unisys_ops::retention::Policy;
use unisys_ops::store::Place;

pub(crate) use error::SettingsError;
pub(crate) use file::place;
pub(crate) use layers::{Entry, Layers};
pub(crate) use redact::{holds_password, redacted};
pub(crate) use retention::{Prune, Retention};
pub(crate) use service::{Event, Freshness, Hooks, Mail, Metrics, Notify, Operation, State};
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
    /// Which backups stay.
    pub(crate) retention: Retention,
    /// How backups are restored.
    pub(crate) restore: Restore,
    /// How backups are proved.
    pub(crate) drill: Drill,
    /// How migrations are applied.
    pub(crate) migrate: Migrate,
    /// Who may do what.
    pub(crate) roles: Roles,
    /// How buckets are reached and used.
    pub(crate) s3: S3,
    /// Who signs, and whose signatures count.
    pub(crate) evidence: Evidence,
    /// How old backups and proofs may be.
    pub(crate) freshness: Freshness,
    /// Programs run beside operations.
    pub(crate) hooks: Hooks,
    /// Who is told how operations ended.
    pub(crate) notify: Notify,
    /// How mail is sent.
    pub(crate) mail: Mail,
    /// Where metrics go.
    pub(crate) metrics: Metrics,
    /// What is remembered between runs.
    pub(crate) state: State,
    /// Where other programs are.
    pub(crate) programs: Programs,
}

/// `[databases.NAME]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Database {
    /// libpq's connection string, never empty. It may hold a password.
    #[serde(deserialize_with = "parse::conninfo")]
    pub(crate) url: SecretString,
    /// The file with its passwords.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) passfile: Option<PathBuf>,
    /// Where its backups go, instead of [`Backup::store`].
    #[serde(deserialize_with = "parse::optional_store")]
    pub(crate) store: Option<Place>,
    /// Where they are copied to; where empty, [`Backup::copies`].
    #[serde(deserialize_with = "parse::stores")]
    pub(crate) copies: Vec<Place>,
    /// Who can decrypt its backups; where empty, [`Backup::recipients`].
    pub(crate) recipients: Vec<String>,
    /// Files with age identities that can decrypt its backups; where empty, [`Drill::identities`].
    pub(crate) identities: Vec<PathBuf>,
    /// Which of its backups stay, instead of what [`Retention::policy`] says.
    #[serde(deserialize_with = "retention::rules")]
    pub(crate) retention: Option<Policy>,
    /// Which stay in its copies, instead of what [`Retention::copies`] says.
    #[serde(deserialize_with = "retention::rules")]
    pub(crate) copies_retention: Option<Policy>,
    /// A standby to read for backups. It may hold a password.
    #[serde(deserialize_with = "parse::optional_conninfo")]
    pub(crate) dump_from: Option<SecretString>,
    /// Whether definitions, rows or both; `None` for [`Backup::content`].
    #[serde(deserialize_with = "parse::optional_content")]
    pub(crate) content: Option<Content>,
    /// Its schemas; where empty, [`Backup::schemas`].
    #[serde(deserialize_with = "parse::schema_patterns")]
    pub(crate) schemas: Vec<SchemaPattern>,
    /// Its schemas to leave out; where empty, [`Backup::exclude_schemas`].
    #[serde(deserialize_with = "parse::schema_patterns")]
    pub(crate) exclude_schemas: Vec<SchemaPattern>,
    /// Its tables; where empty, [`Backup::tables`].
    #[serde(deserialize_with = "parse::table_patterns")]
    pub(crate) tables: Vec<TablePattern>,
    /// Its tables to leave out; where empty, [`Backup::exclude_tables`].
    #[serde(deserialize_with = "parse::table_patterns")]
    pub(crate) exclude_tables: Vec<TablePattern>,
    /// Its tables to back up without rows; where empty, [`Backup::exclude_table_data`].
    #[serde(deserialize_with = "parse::table_patterns")]
    pub(crate) exclude_table_data: Vec<TablePattern>,
    /// Options for pg_dump; where empty, [`Backup::pg_dump_options`].
    #[serde(deserialize_with = "parse::dump_options")]
    pub(crate) pg_dump_options: DumpOptions,
    /// The directory of its migrations; `None` for [`Migrate::dir`].
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) migrations: Option<PathBuf>,
    /// A file with the address of a webhook that is told of this database alone.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) webhook_file: Option<PathBuf>,
    /// Who gets a mail about this database alone.
    pub(crate) mail_to: Vec<String>,
}

impl Database {
    /// Returns a table that holds a url alone.
    pub(crate) fn at(url: SecretString) -> Self {
        Self {
            url,
            passfile: None,
            store: None,
            copies: Vec::new(),
            retention: None,
            copies_retention: None,
            recipients: Vec::new(),
            identities: Vec::new(),
            dump_from: None,
            content: None,
            schemas: Vec::new(),
            exclude_schemas: Vec::new(),
            tables: Vec::new(),
            exclude_tables: Vec::new(),
            exclude_table_data: Vec::new(),
            pg_dump_options: DumpOptions::default(),
            migrations: None,
            webhook_file: None,
            mail_to: Vec::new(),
        }
    }
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
    /// Where backups are kept.
    #[serde(deserialize_with = "parse::store")]
    pub(crate) store: Place,
    /// Where they are copied to.
    #[serde(deserialize_with = "parse::stores")]
    pub(crate) copies: Vec<Place>,
    /// Whether a store that seems to have too little room is refused.
    pub(crate) space_check: bool,
    /// age recipients.
    pub(crate) recipients: Vec<String>,
    /// A file with more of them.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) recipients_file: Option<PathBuf>,
    /// The program, with its arguments, that prints a passphrase; empty for none.
    pub(crate) passphrase_command: Vec<String>,
    /// The file with one.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) passphrase_file: Option<PathBuf>,
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
    pub(crate) max_replication_lag: Option<ReplicationLag>,
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
    /// Whether definitions, rows or both.
    pub(crate) content: Content,
    /// The schemas; all where there is none.
    #[serde(deserialize_with = "parse::schema_patterns")]
    pub(crate) schemas: Vec<SchemaPattern>,
    /// The schemas to leave out.
    #[serde(deserialize_with = "parse::schema_patterns")]
    pub(crate) exclude_schemas: Vec<SchemaPattern>,
    /// The tables; all where there is none.
    #[serde(deserialize_with = "parse::table_patterns")]
    pub(crate) tables: Vec<TablePattern>,
    /// The tables to leave out.
    #[serde(deserialize_with = "parse::table_patterns")]
    pub(crate) exclude_tables: Vec<TablePattern>,
    /// The tables to back up without rows.
    #[serde(deserialize_with = "parse::table_patterns")]
    pub(crate) exclude_table_data: Vec<TablePattern>,
    /// Whether our own sessions and staging tables go without rows.
    pub(crate) exclude_transient: bool,
    /// Options for pg_dump.
    #[serde(deserialize_with = "parse::dump_options")]
    pub(crate) pg_dump_options: DumpOptions,
    /// How many databases are worked on at once.
    pub(crate) databases_at_once: NonZeroUsize,
    /// How long a standby may take to catch up.
    pub(crate) max_replay_lag: Span,
}

/// What of a database is backed up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Content {
    /// Definitions and rows
    All,
    /// Definitions alone
    Schema,
    /// Rows, sequence values and large objects
    Data,
}

impl From<Content> for unisys_db::selection::Content {
    fn from(content: Content) -> Self {
        match content {
            Content::All => Self::All,
            Content::Schema => Self::Schema,
            Content::Data => Self::Data,
        }
    }
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
    /// How old the newest proof may become before a nightly run drills; `None`: it never does.
    #[serde(deserialize_with = "parse::optional_span")]
    pub(crate) every: Option<Span>,
}

/// `[migrate]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Migrate {
    /// The directory of the migrations; `None` for the university's own.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) dir: Option<PathBuf>,
    /// How long a migration waits for a table's lock.
    pub(crate) lock_timeout: Span,
    /// How often it is tried.
    pub(crate) lock_attempts: NonZeroU32,
    /// How long to wait while another run works.
    pub(crate) wait: Span,
}

/// `[roles]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Roles {
    /// The policy; `None` for the university's own.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) policy: Option<PathBuf>,
}

/// `[s3]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct S3 {
    /// The server.
    #[serde(deserialize_with = "parse::endpoint")]
    pub(crate) endpoint: Option<String>,
    /// The region.
    #[serde(deserialize_with = "parse::optional_text")]
    pub(crate) region: Option<String>,
    /// A file of certificates.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) ca: Option<PathBuf>,
    /// The size of a part, in MiB, 5 to 512.
    #[serde(deserialize_with = "parse::part_mib")]
    pub(crate) part_mib: usize,
    /// How long a part that fails is tried again.
    pub(crate) patience: Span,
    /// Where locks are; `None` for a directory in the program's own.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) directory: Option<PathBuf>,
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
