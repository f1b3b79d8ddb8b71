//! Keys that sign, and their public halves, in OpenSSH's form: `ssh-keygen -t ed25519` makes the same.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};

use super::Subject;
use crate::keys::shorten;
use crate::{OpsError, platform};

/// The secret half of an Ed25519 key. It is in no `Debug` output.
#[derive(Clone)]
pub struct SigningKey {
    key: Arc<PrivateKey>,
    public: PublicKey,
}

impl SigningKey {
    /// Makes one from the operating system's generator; `comment` says in its public half whose it is.
    ///
    /// # Errors
    /// [`OpsError::Key`]; not on a sound system.
    pub fn generate(comment: &str) -> Result<Self, OpsError> {
        let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519)
            .map_err(|error| OpsError::Key(format!("no signing key can be made: {error}")))?;
        key.set_comment(comment);
        Ok(Self::of(key))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`OpsError::Io`]; [`OpsError::Key`] when it holds no Ed25519 key, or one behind a passphrase.
    pub fn read(path: &Path) -> Result<Self, OpsError> {
        let text: SecretString =
            std::fs::read_to_string(path).map_err(OpsError::io("read the signing key", path))?.into();
        // the reason is not repeated: it is about a secret
        let key = PrivateKey::from_openssh(text.expose_secret())
            .map_err(|_| OpsError::Key(format!("{} holds no OpenSSH private key", path.display())))?;
        if key.is_encrypted() {
            let path = path.display();
            return Err(OpsError::Key(format!(
                "the signing key {path} is behind a passphrase, which a scheduled run cannot type"
            )));
        }
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(OpsError::Key(format!("{} holds no Ed25519 key", path.display())));
        }
        Ok(Self::of(key))
    }

    fn of(key: PrivateKey) -> Self {
        Self { public: PublicKey { key: key.public_key().clone() }, key: Arc::new(key) }
    }

    /// Writes it to `path`, for its owner alone, and its public half to `path` with `.pub` added. Neither may exist. Returns the
    /// second path.
    ///
    /// # Errors
    /// [`OpsError::Io`]; then neither was made.
    pub fn write(&self, path: &Path) -> Result<PathBuf, OpsError> {
        let mut public = path.as_os_str().to_owned();
        public.push(".pub");
        let public = PathBuf::from(public);
        let secret = self.key.to_openssh(LineEnding::LF);
        let secret = secret.map_err(|_| OpsError::Key("the signing key cannot be written".into()))?;
        create(path, secret.as_bytes())?;
        let written = create(&public, format!("{}\n", self.public.text()).as_bytes());
        if written.is_err() {
            // the error to report is the one that came first
            let _ = std::fs::remove_file(path);
        }
        written.map(|()| public)
    }

    /// Returns its public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Returns the signature of `content`, as a file holds it.
    ///
    /// # Errors
    /// [`OpsError::Key`]; not for an Ed25519 key.
    pub fn sign(&self, subject: Subject, content: &[u8]) -> Result<Vec<u8>, OpsError> {
        let signature = self.key.sign(subject.namespace(), HashAlg::Sha512, content);
        let text = signature.and_then(|signature| signature.to_pem(LineEnding::LF));
        let text = text
            .map_err(|error| OpsError::Key(format!("the key {} cannot sign: {error}", self.public.id())))?;
        Ok(text.into_bytes())
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.public.id()).finish()
    }
}

/// Creates a file that only its owner may read; nothing stays of one that could not be written.
fn create(path: &Path, content: &[u8]) -> Result<(), OpsError> {
    let mut file =
        platform::private_file().create_new(true).open(path).map_err(OpsError::io("create", path))?;
    let written = file.write_all(content).and_then(|()| file.sync_all());
    written.map_err(|source| {
        let _ = std::fs::remove_file(path);
        OpsError::io("write", path)(source)
    })
}

/// The public half of an Ed25519 key: what verifies a signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    pub(super) key: ssh_key::PublicKey,
}

impl PublicKey {
    /// Returns the key in `text`, such as `ssh-ed25519 AAAA… whose`.
    ///
    /// # Errors
    /// [`OpsError::Key`].
    pub fn parse(text: &str) -> Result<Self, OpsError> {
        let text = text.trim();
        match ssh_key::PublicKey::from_openssh(text) {
            Ok(key) if key.algorithm() == Algorithm::Ed25519 => Ok(Self { key }),
            _ => Err(OpsError::Key(format!("{} is no public key ssh-ed25519 …", shorten(text)))),
        }
    }

    /// Reads the keys of a file, one on each line.
    ///
    /// # Errors
    /// [`OpsError::Io`]; [`OpsError::Key`] when a line is no key, or there is none.
    pub fn read_all(path: &Path) -> Result<Vec<Self>, OpsError> {
        let text = std::fs::read_to_string(path).map_err(OpsError::io("read the public key", path))?;
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<Self> = lines.map(Self::parse).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(OpsError::Key(format!("{} holds no public key", path.display())));
        }
        Ok(keys)
    }

    /// Returns its name as `ssh-keygen -l` prints it: `SHA256:…`.
    pub fn id(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// Returns what its comment says, such as whose it is; empty where it says nothing.
    pub fn comment(&self) -> &str {
        self.key.comment()
    }

    /// Returns its text, `ssh-ed25519 AAAA… whose`.
    pub fn text(&self) -> String {
        self.key.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_written_once_and_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("signing-key");
        let key = SigningKey::generate("a test").unwrap();
        let public = key.write(&path).unwrap();
        assert!(platform::is_private(&path).unwrap());
        assert_eq!(SigningKey::read(&path).unwrap().public(), key.public());
        assert_eq!(PublicKey::read_all(&public).unwrap(), [key.public().clone()]);
        assert_eq!(key.public().comment(), "a test");
        assert!(SigningKey::generate("another").unwrap().write(&path).is_err());
        assert_eq!(SigningKey::read(&path).unwrap().public().id(), key.public().id());
    }

    #[test]
    fn a_public_half_in_the_way_leaves_no_secret_half() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k");
        std::fs::write(directory.path().join("k.pub"), "somebody's").unwrap();
        assert!(SigningKey::generate("").unwrap().write(&path).is_err());
        assert!(!path.exists());
    }

    #[test]
    fn no_secret_is_printed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("k");
        let key = SigningKey::generate("a test").unwrap();
        key.write(&path).unwrap();
        let secret = std::fs::read_to_string(&path).unwrap();
        let line = secret.lines().nth(2).unwrap();
        std::fs::write(&path, secret.replace("-----END", "-----END IT")).unwrap();
        let errors = [
            SigningKey::read(&path).unwrap_err().to_string(),
            PublicKey::parse(&secret).unwrap_err().to_string(),
            PublicKey::parse(line).unwrap_err().to_string(),
            format!("{key:?}"),
        ];
        for error in errors {
            assert!(!error.contains(&line[10..30]), "{error}");
        }
    }
}
