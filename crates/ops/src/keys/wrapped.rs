//! The key of a backup behind a passphrase. A passphrase encrypts no data: it wraps an identity that is made for one backup, in a
//! file of the backup that stock `age` opens. So it is stretched once, and the stretching takes a bounded piece of memory.

use std::io::{Read, Write};
use std::path::Path;

use age::secrecy::{ExposeSecret, SecretString};

use super::{Identities, KeyPair, Passphrase, Recipient};
use crate::OpsError;

/// The file of a backup with its identity, wrapped by a passphrase.
pub(crate) const WRAPPED: &str = "key.age";

/// scrypt's work factor: 2^16 rounds of 1 KiB, which take 64 MiB of memory. More is also refused when reading.
pub const WORK_FACTOR: u8 = 16;

/// The key of one backup that a passphrase opens.
pub(crate) struct WrappedKey {
    /// Its public half.
    pub(crate) recipient: Recipient,
    /// The content of [`WRAPPED`].
    pub(crate) content: Vec<u8>,
}

impl WrappedKey {
    /// Makes one; this takes a tenth of a second, and 64 MiB.
    ///
    /// # Errors
    /// [`OpsError::Seal`].
    pub(crate) fn new(passphrase: &SecretString) -> Result<Self, OpsError> {
        let pair = KeyPair::generate();
        let content = wrap(&pair, passphrase, "the key of this backup alone")?;
        Ok(Self { recipient: pair.as_recipient(), content })
    }
}

/// Returns the identity of `pair`, as age-keygen writes it, encrypted with the passphrase.
fn wrap(pair: &KeyPair, passphrase: &SecretString, comment: &str) -> Result<Vec<u8>, OpsError> {
    let fail = |reason: String| OpsError::Seal { name: WRAPPED.into(), reason };
    let mut recipient = age::scrypt::Recipient::new(passphrase.clone());
    recipient.set_work_factor(WORK_FACTOR);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients).map_err(|error| fail(error.to_string()))?;
    let mut wrapped = Vec::new();
    let write = || {
        let mut stream = encryptor.wrap_output(&mut wrapped)?;
        stream.write_all(pair.text(comment).expose_secret().as_bytes())?;
        stream.finish().map(|_| ())
    };
    write().map_err(|error: std::io::Error| fail(error.to_string()))?;
    Ok(wrapped)
}

/// Returns the identity in the content of [`WRAPPED`].
///
/// # Errors
/// [`OpsError::Key`] when what a person typed does not open it; then it is forgotten. [`OpsError::Open`] when the content is
/// damaged, or the configured passphrase does not open it, which is as good as none.
pub(crate) fn unwrap(wrapped: &[u8], passphrase: &Passphrase) -> Result<Identities, OpsError> {
    let fail = |error: String| OpsError::Open { name: WRAPPED.into(), reason: error };
    let decryptor = age::Decryptor::new_buffered(wrapped).map_err(|error| fail(error.to_string()))?;
    if !decryptor.is_scrypt() {
        return Err(fail("it is not encrypted with a passphrase".into()));
    }
    let mut identity = age::scrypt::Identity::new(passphrase.get()?);
    identity.set_max_work_factor(WORK_FACTOR);
    let opened = decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity));
    let mut stream = opened.map_err(|error| match error {
        age::DecryptError::ExcessiveWork { required, .. } => {
            fail(format!("it asks for the work factor {required}; more than {WORK_FACTOR} is not done"))
        }
        // scrypt cannot tell a wrong passphrase from a damaged stanza
        age::DecryptError::DecryptionFailed
        | age::DecryptError::KeyDecryptionFailed
        | age::DecryptError::NoMatchingKeys => {
            passphrase.forget();
            match passphrase.is_unattended() {
                true => fail(format!("{} does not open it", passphrase.origin())),
                // a person may have mistyped it
                false => OpsError::Key(format!("{} does not open {WRAPPED}", passphrase.origin())),
            }
        }
        other => fail(other.to_string()),
    })?;
    let mut text = Vec::new();
    stream.read_to_end(&mut text).map_err(|error| fail(error.to_string()))?;
    let text: SecretString = String::from_utf8(text).map_err(|_| fail("it holds no text".into()))?.into();
    Identities::of_text(text.expose_secret(), Path::new(WRAPPED))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(unix)]
    use crate::keys::Source;

    fn known(passphrase: &str) -> Passphrase {
        Passphrase::known(passphrase.into())
    }

    #[test]
    fn what_is_wrapped_opens_with_its_passphrase_alone() {
        let pair = KeyPair::generate();
        let wrapped = wrap(&pair, &"right".into(), "a test").unwrap();
        let opened = unwrap(&wrapped, &known("right")).unwrap();
        assert_eq!(opened.recipients(), [pair.recipient()]);
        let wrong = known("wrong");
        let Err(error) = unwrap(&wrapped, &wrong) else { panic!("a wrong passphrase opened it") };
        assert!(matches!(error, OpsError::Key(_)), "{error:?}");
        assert!(wrong.get().is_err(), "a wrong one is forgotten, to be typed again");
        #[cfg(unix)]
        {
            let configured = Passphrase::new(Source::Command(vec!["echo".into(), "wrong".into()]));
            assert!(matches!(unwrap(&wrapped, &configured), Err(OpsError::Open { .. })));
        }
        let cut = &wrapped[..wrapped.len() - 1];
        assert!(matches!(unwrap(cut, &known("right")), Err(OpsError::Open { .. })));
    }

    #[test]
    fn more_work_than_agreed_is_refused() {
        let mut recipient = age::scrypt::Recipient::new("x".into());
        recipient.set_work_factor(WORK_FACTOR + 1);
        let encryptor =
            age::Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient)).unwrap();
        let mut wrapped = Vec::new();
        encryptor.wrap_output(&mut wrapped).unwrap().finish().unwrap();
        let Err(error) = unwrap(&wrapped, &known("x")) else { panic!("it was opened") };
        assert!(error.to_string().contains("work factor 17"), "{error}");
    }
}
