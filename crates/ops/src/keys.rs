//! Keys: who can read a backup.
//!
//! Encryption is age. A recipient is public and stands in the configuration; an identity is secret and stands in a file only
//! its owner can read.

use std::io::Write;
use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::platform;
use crate::{OpsError, random};

/// A public key, parsed, with the text it came from.
#[derive(Clone, Debug)]
pub struct Recipient {
    key: age::x25519::Recipient,
    text: String,
}

impl Recipient {
    /// Returns the recipient in `text`, such as `age1…`.
    ///
    /// # Errors
    /// [`OpsError::Key`].
    pub fn parse(text: &str) -> Result<Self, OpsError> {
        let text = text.trim();
        let key = text.parse::<age::x25519::Recipient>();
        let key = key.map_err(|reason| {
            OpsError::Key(format!("{} is not an age recipient: {reason}", shorten(text)))
        })?;
        Ok(Self { key, text: text.to_owned() })
    }

    /// Returns a short name for this key, to tell in a manifest which keys open a backup without naming them: the first 16
    /// hexadecimal digits of the SHA-256 of its text.
    pub fn id(&self) -> String {
        sha256(self.text.as_bytes())[..16].to_owned()
    }

    /// Returns its text, `age1…`.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn key(&self) -> &dyn age::Recipient {
        &self.key
    }
}

/// A secret that may slip into a recipient's place is not repeated in full.
pub(crate) fn shorten(text: &str) -> String {
    let start: String = text.chars().take(8).collect();
    format!("{start:?}…")
}

/// Returns bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Returns the SHA-256 of `bytes` in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// A new key pair.
pub struct KeyPair {
    identity: age::x25519::Identity,
}

impl KeyPair {
    /// Makes one from the operating system's generator.
    pub fn generate() -> Self {
        Self { identity: age::x25519::Identity::generate() }
    }

    /// Returns the secret half, `AGE-SECRET-KEY-1…`.
    pub fn secret(&self) -> SecretString {
        self.identity.to_string()
    }

    /// Returns the public half, `age1…`.
    pub fn recipient(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// Writes the pair as `age-keygen` does, into a file that only its owner may read and that must not exist yet.
    ///
    /// # Errors
    /// [`OpsError::Io`]; an existing file is never overwritten.
    pub fn write(&self, path: &Path, comment: &str) -> Result<(), OpsError> {
        let mut file =
            platform::private_file().create_new(true).open(path).map_err(OpsError::io("create", path))?;
        let text =
            format!("# {comment}\n# public key: {}\n{}\n", self.recipient(), self.secret().expose_secret());
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(OpsError::io("write", path))
    }
}

/// The secret keys of some files, each with the file it came from.
#[derive(Clone)]
pub struct Identities {
    keys: Vec<(PathBuf, age::x25519::Identity)>,
}

impl Identities {
    /// Reads identity files.
    ///
    /// # Errors
    /// [`OpsError::Io`]; [`OpsError::Key`] when a file holds no identity, or one of a kind that is not supported.
    pub fn read(paths: &[PathBuf]) -> Result<Self, OpsError> {
        let mut keys = Vec::new();
        for path in paths {
            let text = std::fs::read_to_string(path).map_err(OpsError::io("read the identity file", path))?;
            let before = keys.len();
            for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
            {
                let key = line.parse::<age::x25519::Identity>();
                // the reason is not repeated: it may hold a piece of the secret
                let key = key.map_err(|_| {
                    OpsError::Key(format!("{} holds a line that is no age identity", path.display()))
                })?;
                keys.push((path.clone(), key));
            }
            if keys.len() == before {
                return Err(OpsError::Key(format!("{} holds no age identity", path.display())));
            }
        }
        Ok(Self { keys })
    }

    /// Returns each identity alone, with its file, so that each can be proved.
    pub fn each(&self) -> impl Iterator<Item = (&Path, Identities)> {
        self.keys.iter().map(|(path, key)| (path.as_path(), Self { keys: vec![(path.clone(), key.clone())] }))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the public halves, in order.
    pub fn recipients(&self) -> Vec<String> {
        self.keys.iter().map(|(_, key)| key.to_public().to_string()).collect()
    }

    pub(crate) fn as_dyn(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.keys.iter().map(|(_, key)| key as &dyn age::Identity)
    }
}

/// Returns a name nobody else uses for a file that must not be seen half written.
pub(crate) fn temporary_name(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.{}", random::text(6)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_written_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.txt");
        let pair = KeyPair::generate();
        pair.write(&path, "a test").unwrap();
        assert!(platform::is_private(&path).unwrap());
        assert!(pair.write(&path, "again").is_err());
        let identities = Identities::read(&[path]).unwrap();
        assert_eq!(identities.recipients(), [pair.recipient()]);
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_printed() {
        let secret = KeyPair::generate().secret().expose_secret().to_owned();
        let error = Recipient::parse(&secret).unwrap_err().to_string();
        assert!(!error.contains(&secret[10..]), "{error}");
    }

    #[test]
    fn a_file_without_identities_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.txt");
        std::fs::write(&path, "# nothing here\n").unwrap();
        assert!(matches!(Identities::read(&[path]), Err(OpsError::Key(_))));
    }
}
