//! A new key pair.

use std::io::Write;
use std::path::Path;

use age::secrecy::{ExposeSecret, SecretString};

use super::Recipient;
use crate::{OpsError, platform};

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

    /// Returns the public half as a recipient.
    pub(crate) fn as_recipient(&self) -> Recipient {
        Recipient::of_x25519(self.identity.to_public())
    }

    /// Returns the pair as `age-keygen` writes it.
    pub(crate) fn text(&self, comment: &str) -> SecretString {
        let secret = self.secret();
        let text = format!("# {comment}\n# public key: {}\n{}\n", self.recipient(), secret.expose_secret());
        text.into()
    }

    /// Writes the pair as `age-keygen` does, into a file that only its owner may read and that must not exist yet.
    ///
    /// # Errors
    /// [`OpsError::Io`]; an existing file is never overwritten.
    pub fn write(&self, path: &Path, comment: &str) -> Result<(), OpsError> {
        let mut file =
            platform::private_file().create_new(true).open(path).map_err(OpsError::io("create", path))?;
        let written = file.write_all(self.text(comment).expose_secret().as_bytes());
        written.and_then(|()| file.sync_all()).map_err(OpsError::io("write", path))
    }
}
