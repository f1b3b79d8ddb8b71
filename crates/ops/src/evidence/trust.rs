//! Whose signatures count, and what is to be made of one.

use serde::Serialize;
use ssh_key::{HashAlg, LineEnding, SshSig};

use super::{PublicKey, Subject};
use crate::OpsError;
use crate::backup::BackupId;
use crate::store::Store;

/// What a signature is worth.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Verdict {
    /// These bytes were signed with a trusted key.
    Trusted {
        /// The key, `SHA256:…`.
        key: String,
        /// What the trusted key's comment says; empty where it says nothing.
        name: String,
    },
    /// These bytes were signed, but no key is trusted here, so nothing says by whom.
    Unknown {
        /// The key, `SHA256:…`.
        key: String,
    },
    /// These bytes were signed with a key that is not among the trusted ones.
    Untrusted {
        /// The key, `SHA256:…`.
        key: String,
    },
    /// The signature is not one of these bytes.
    Broken {
        /// What is wrong with it.
        reason: String,
    },
    /// The signature is not there, and the signed file says that there is one.
    Missing {
        /// The key it says it was signed with.
        key: String,
    },
    /// It was never signed.
    Unsigned,
}

impl Verdict {
    /// Returns what is wrong; nothing for a signature that could not be better, and for none at all where none was made.
    pub fn problem(&self) -> Option<String> {
        match self {
            Self::Trusted { .. } | Self::Unknown { .. } | Self::Unsigned => None,
            Self::Untrusted { key } => Some(format!("it is signed with {key}, which is not trusted")),
            Self::Broken { reason } => Some(reason.clone()),
            Self::Missing { key } => Some(format!("it is missing; it was made with {key}")),
        }
    }

    /// Returns the key that signed, or is said to have signed.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Trusted { key, .. }
            | Self::Unknown { key }
            | Self::Untrusted { key }
            | Self::Missing { key } => Some(key),
            Self::Broken { .. } | Self::Unsigned => None,
        }
    }

    /// Whether a trusted key vouches for the bytes.
    pub fn is_trusted(&self) -> bool {
        matches!(self, Self::Trusted { .. })
    }
}

/// The keys whose signatures count.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<PublicKey>,
    require: bool,
}

impl Trust {
    /// Returns the trust in these keys; `require` refuses also what was never signed.
    pub fn new(keys: Vec<PublicKey>, require: bool) -> Self {
        Self { keys, require }
    }

    /// Returns the trusted keys.
    pub fn keys(&self) -> &[PublicKey] {
        &self.keys
    }

    /// Whether signatures play a role at all.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Whether what the key `signer` signed is vouched for; what nobody signed is not, unless no key is trusted at all.
    pub fn vouches(&self, signer: Option<&str>) -> bool {
        self.keys.is_empty() || signer.is_some_and(|signer| self.keys.iter().any(|key| key.id() == signer))
    }

    /// Whether a backup is opened whose manifest the key `signer` signed, as [`Trust::admit`] has it.
    pub(crate) fn admits(&self, signer: Option<&str>) -> bool {
        self.vouches(signer) || (signer.is_none() && !self.require)
    }

    /// Returns what `signature` is worth for `content`, which itself says to be signed with the key `claimed`.
    pub fn judge(
        &self,
        subject: Subject,
        content: &[u8],
        claimed: Option<&str>,
        signature: Option<&[u8]>,
    ) -> Verdict {
        let signer = match (signature, claimed) {
            (Some(signature), _) => match signer(subject, content, signature) {
                Ok(signer) => signer,
                Err(reason) => return Verdict::Broken { reason },
            },
            (None, Some(key)) => return Verdict::Missing { key: key.to_owned() },
            (None, None) => return Verdict::Unsigned,
        };
        let key = signer.id();
        if let Some(claimed) = claimed.filter(|claimed| *claimed != key) {
            return Verdict::Broken {
                reason: format!("it is made with {key}, the signed file says {claimed}"),
            };
        }
        match self.keys.iter().find(|trusted| trusted.key.key_data() == signer.key.key_data()) {
            Some(trusted) => Verdict::Trusted { key, name: trusted.comment().to_owned() },
            None if self.keys.is_empty() => Verdict::Unknown { key },
            None => Verdict::Untrusted { key },
        }
    }

    /// Refuses `file` where the verdict does not allow to rely on it. Where no key is trusted, everything is let through.
    ///
    /// # Errors
    /// [`OpsError::Signature`].
    pub fn admit(&self, file: &str, verdict: &Verdict) -> Result<(), OpsError> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let refused = |reason: String| Err(OpsError::Signature { file: file.to_owned(), reason });
        match verdict {
            Verdict::Trusted { .. } | Verdict::Unknown { .. } => Ok(()),
            Verdict::Unsigned if self.require => {
                refused("it was never signed, and a signature is required".into())
            }
            Verdict::Unsigned => Ok(()),
            Verdict::Untrusted { .. } => refused(verdict.problem().unwrap_or_default()),
            Verdict::Broken { reason } => refused(format!("its signature does not hold: {reason}")),
            Verdict::Missing { key } => refused(format!("its signature, made with {key}, is missing")),
        }
    }
}

/// Returns the key that signed `content`, whoever's it is.
fn signer(subject: Subject, content: &[u8], signature: &[u8]) -> Result<PublicKey, String> {
    let no_signature = || "it is no signature in OpenSSH's form".to_owned();
    let text = signature;
    let signature = SshSig::from_pem(text).map_err(|_| no_signature())?;
    // the parser overlooks some wrong lengths: only the one true spelling will do
    if signature.to_pem(LineEnding::LF).is_ok_and(|spelled| spelled.as_bytes() != text) {
        return Err(no_signature());
    }
    let sound = signature.version() == SshSig::VERSION && signature.hash_alg() == HashAlg::Sha512;
    if !sound || !signature.public_key().is_ed25519() {
        return Err("it is no Ed25519 signature over SHA-512".into());
    }
    let key = PublicKey { key: signature.public_key().clone().into() };
    if signature.namespace() != subject.namespace() {
        return Err(format!(
            "it was made for the namespace {:?}, not for {:?}",
            signature.namespace(),
            subject.namespace()
        ));
    }
    match key.key.verify(subject.namespace(), content, &signature) {
        Ok(()) => Ok(key),
        Err(_) => Err(format!("the signature of {} is not one of these bytes", key.id())),
    }
}

/// Returns the signature of a backup's file, where there is one.
///
/// # Errors
/// [`OpsError::Io`].
pub(crate) fn signature_of(
    store: &dyn Store,
    id: &BackupId,
    name: &str,
) -> Result<Option<Vec<u8>>, OpsError> {
    store.read_small(id, &super::signature_name(name))
}

#[cfg(test)]
mod tests {
    use super::super::SigningKey;
    use super::*;

    fn key() -> SigningKey {
        SigningKey::generate("a test").unwrap()
    }

    const CONTENT: &[u8] = b"{\"format\": 1}\n";

    #[test]
    fn each_kind_of_signature_gets_its_verdict() {
        let (mine, other) = (key(), key());
        let trust = Trust::new(vec![other.public().clone(), mine.public().clone()], false);
        let nobody = Trust::default();
        let signature = mine.sign(Subject::Manifest, CONTENT).unwrap();
        let judge = |trust: &Trust, signature: Option<&[u8]>, claimed: Option<&str>| {
            trust.judge(Subject::Manifest, CONTENT, claimed, signature)
        };
        let id = mine.public().id();
        let trusted = Verdict::Trusted { key: id.clone(), name: "a test".into() };
        assert_eq!(judge(&trust, Some(&signature), None), trusted);
        assert_eq!(judge(&trust, Some(&signature), Some(&id)), trusted);
        assert_eq!(judge(&nobody, Some(&signature), None), Verdict::Unknown { key: id.clone() });
        let others = Trust::new(vec![other.public().clone()], false);
        assert_eq!(judge(&others, Some(&signature), None), Verdict::Untrusted { key: id.clone() });
        assert_eq!(judge(&trust, None, Some(&id)), Verdict::Missing { key: id });
        assert_eq!(judge(&trust, None, None), Verdict::Unsigned);
        let claimed = judge(&trust, Some(&signature), Some("SHA256:another"));
        assert!(matches!(&claimed, Verdict::Broken { reason } if reason.contains("SHA256:another")));
    }

    #[test]
    fn no_byte_of_the_signed_or_of_the_signature_can_change() {
        let key = key();
        let trust = Trust::new(vec![key.public().clone()], false);
        let signature = key.sign(Subject::Drill, CONTENT).unwrap();
        let judge =
            |content: &[u8], signature: &[u8]| trust.judge(Subject::Drill, content, None, Some(signature));
        assert!(judge(CONTENT, &signature).is_trusted());
        for at in 0..CONTENT.len() {
            let mut content = CONTENT.to_vec();
            content[at] ^= 1;
            assert!(matches!(judge(&content, &signature), Verdict::Broken { .. }), "content at {at}");
        }
        for at in 0..signature.len() {
            let mut changed = signature.clone();
            changed[at] ^= 1;
            assert!(!judge(CONTENT, &changed).is_trusted(), "signature at {at}");
            assert!(!judge(CONTENT, &signature[..at]).is_trusted(), "signature cut at {at}");
        }
        for content in [&CONTENT[..CONTENT.len() - 1], b"", &[CONTENT, b" "].concat()] {
            assert!(matches!(judge(content, &signature), Verdict::Broken { .. }));
        }
    }

    #[test]
    fn a_signature_for_one_thing_is_none_for_another() {
        let key = key();
        let trust = Trust::new(vec![key.public().clone()], false);
        let signature = key.sign(Subject::Manifest, CONTENT).unwrap();
        let verdict = trust.judge(Subject::Drill, CONTENT, None, Some(&signature));
        assert!(
            matches!(&verdict, Verdict::Broken { reason } if reason.contains("namespace")),
            "{verdict:?}"
        );
    }

    #[test]
    fn what_is_refused_depends_on_who_is_trusted() {
        let trusted = Trust::new(vec![key().public().clone()], false);
        let strict = Trust::new(trusted.keys().to_vec(), true);
        let nobody = Trust::default();
        let verdicts = [
            (Verdict::Trusted { key: "k".into(), name: String::new() }, [true, true, true]),
            (Verdict::Unsigned, [true, true, false]),
            (Verdict::Untrusted { key: "k".into() }, [true, false, false]),
            (Verdict::Broken { reason: "r".into() }, [true, false, false]),
            (Verdict::Missing { key: "k".into() }, [true, false, false]),
        ];
        for (verdict, admitted) in verdicts {
            let found = [&nobody, &trusted, &strict].map(|trust| trust.admit("f", &verdict).is_ok());
            assert_eq!(found, admitted, "{verdict:?}");
        }
    }
}
