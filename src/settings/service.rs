//! Settings of what happens around an operation: freshness, hooks, notifications, metrics.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use unisys_ops::notify::mail;

use super::{Span, parse};

/// `[freshness]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Freshness {
    /// How old the newest backup may be.
    pub(crate) max_age: Span,
    /// How old the newest proof may be.
    pub(crate) max_proof_age: Span,
}

/// What hooks are run beside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Operation {
    /// `backup run`
    Backup,
    /// `drill`
    Drill,
}

impl Operation {
    /// Returns its name, as settings, hooks and notifications have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Backup => "backup",
            Self::Drill => "drill",
        }
    }
}

/// `[hooks]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Hooks {
    /// What they are run beside.
    pub(crate) operations: Vec<Operation>,
    /// The program run before, with its arguments; none where empty.
    pub(crate) before: Vec<String>,
    /// The one run after a success.
    pub(crate) after: Vec<String>,
    /// The one run after a failure.
    pub(crate) failed: Vec<String>,
    /// The one run last.
    pub(crate) finally: Vec<String>,
    /// Variables passed on to them.
    pub(crate) pass: Vec<String>,
    /// How long each may take.
    pub(crate) time_limit: Span,
}

/// What somebody can be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Event {
    /// An operation, or a step after it, failed.
    Failed,
    /// The first one after a failure succeeded.
    Recovered,
    /// It succeeded, as before.
    Succeeded,
}

impl Event {
    /// Returns its name, as settings and notifications have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Recovered => "recovered",
            Self::Succeeded => "succeeded",
        }
    }
}

/// `[notify]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Notify {
    /// Of what.
    pub(crate) on: Vec<Event>,
    /// The address of a webhook, which may be a secret.
    #[serde(deserialize_with = "parse::optional_secret")]
    pub(crate) webhook: Option<SecretString>,
    /// A file with it.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) webhook_file: Option<PathBuf>,
    /// How long each receiver may take.
    pub(crate) time_limit: Span,
}

/// How the connection to a mail server is kept from being read.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Security {
    /// TLS, begun in plain text.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all.
    None,
}

impl From<Security> for mail::Security {
    fn from(security: Security) -> Self {
        match security {
            Security::Starttls => Self::StartTls,
            Security::Tls => Self::Tls,
            Security::None => Self::None,
        }
    }
}

/// `[mail]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Mail {
    /// The receivers; nobody where empty.
    pub(crate) to: Vec<String>,
    /// The sender.
    #[serde(deserialize_with = "parse::optional_text")]
    pub(crate) from: Option<String>,
    /// The server.
    #[serde(deserialize_with = "parse::optional_text")]
    pub(crate) server: Option<String>,
    /// Its port.
    #[serde(deserialize_with = "parse::port")]
    pub(crate) port: u16,
    /// How it is spoken to.
    pub(crate) security: Security,
    /// The login.
    #[serde(deserialize_with = "parse::optional_text")]
    pub(crate) user: Option<String>,
    /// The file with its password.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) password_file: Option<PathBuf>,
    /// The program that prints it.
    pub(crate) password_command: Vec<String>,
}

/// `[metrics]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    /// The file for node_exporter.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) textfile: Option<PathBuf>,
    /// The address of a Pushgateway, which may hold a password.
    #[serde(deserialize_with = "parse::optional_secret")]
    pub(crate) push: Option<SecretString>,
}

/// `[state]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// The directory; `None` for one in the program's own.
    #[serde(deserialize_with = "parse::optional_path")]
    pub(crate) directory: Option<PathBuf>,
}
