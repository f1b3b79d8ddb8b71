//! Keys: who can read a backup.
//!
//! Encryption is age. A recipient is public and stands in the configuration; an identity is secret and stands in a file only
//! its owner can read. A passphrase opens an identity that is made for one backup and stands in it, wrapped. The `age` crate
//! knows some kinds of keys itself; for the others it starts programs called `age-plugin-…`, which it finds on the PATH.

mod header;
mod identity;
mod opener;
mod pair;
mod passphrase;
mod prompts;
mod recipient;
mod trouble;
mod wrapped;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::random;

pub(crate) use header::Rewrapped;
pub use identity::Identities;
pub(crate) use opener::Opener;
pub use pair::KeyPair;
pub use passphrase::{Passphrase, Source, is_short};
pub use prompts::{Nobody, Prompts};
pub use recipient::{Recipient, read_recipients, try_recipients};
pub(crate) use recipient::{shorten, with_keys};
pub(crate) use trouble::of_encryption;
pub use wrapped::WORK_FACTOR;
pub(crate) use wrapped::{WRAPPED, WrappedKey, unwrap};

/// Which keys were seen to open a backup. Keys are named as in manifests, by [`id_of`] their public half; a plugin's key whose
/// public half is not known, by its plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProvedKeys {
    /// The keys at hand that opened every file they were tried on.
    pub proved: Vec<String>,
    /// The keys at hand that opened none, or not every file: those of other backups.
    pub not_proved: Vec<String>,
    /// The keys the backup is encrypted to that were not at hand, such as the recovery key: nothing is proved of them.
    pub elsewhere: Vec<String>,
}

/// Returns the short name of the key whose public half is `recipient`: it tells in a manifest which keys open a backup without
/// naming them. The first 16 hexadecimal digits of the SHA-256 of the text.
pub fn id_of(recipient: &str) -> String {
    sha256(recipient.as_bytes())[..16].to_owned()
}

/// Returns bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the SHA-256 of `bytes` in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Returns a name nobody else uses for a file that must not be seen half written.
pub(crate) fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}", random::text(6)))
}
