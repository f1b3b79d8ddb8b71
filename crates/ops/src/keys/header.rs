//! A stored file for other keys without touching what is in it.
//!
//! An age file is a header and a payload. The payload is encrypted with a file key; the header holds that key, once for each
//! recipient, under a MAC made with it (<https://c2sp.org/age>). So whoever opens the header can write another one for other
//! recipients, and the payload stays as it is, to the byte. The `age` crate opens headers and wraps keys, but writes a header
//! for new file keys alone: putting one together is done here, and each is read back by the crate before it is used.

use std::cell::RefCell;
use std::collections::HashSet;
use std::io::{self, BufReader, Read};

use age_core::format::{FileKey, Stanza, grease_the_joint, write::age_stanza};
use age_core::primitives::hkdf;
use age_core::secrecy::ExposeSecret;
use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::opener::copy;
use super::{Identities, Opener, Recipient, of_encryption, with_keys};
use crate::OpsError;

const MAGIC: &[u8] = b"age-encryption.org/v1\n";
const END: &[u8] = b"---";

/// How many bytes of a file's payload stand before its first encrypted chunk.
const NONCE: usize = 16;

/// A stored file with a header for other recipients.
pub(crate) struct Rewrapped<R> {
    /// The header it has now, in bytes as stored.
    pub(crate) old_header: Vec<u8>,
    /// The header it gets.
    pub(crate) new_header: Vec<u8>,
    /// What comes after either: the payload.
    pub(crate) payload: io::Chain<io::Cursor<Vec<u8>>, BufReader<R>>,
}

impl<R: Read> Rewrapped<R> {
    /// Reads the header of the stored file called `name`, opens it with the identities, and makes one for the recipients.
    ///
    /// # Errors
    /// [`OpsError::Open`] when no identity opens it or the header was changed; [`OpsError::Key`] and
    /// [`OpsError::PluginMissing`] when nothing can be encrypted to the recipients.
    pub(crate) fn new(
        name: &str,
        stored: R,
        identities: &Identities,
        recipients: &[Recipient],
    ) -> Result<Self, OpsError> {
        let mut recording =
            Recording { inner: BufReader::with_capacity(256 * 1024, stored), seen: Vec::new() };
        let opener = Opener::new(identities);
        // the slower way to read a header, which takes no byte more than the header and the nonce
        let decryptor = age::Decryptor::new(&mut recording).map_err(|error| opener.explain(name, &error))?;
        decryptor.decrypt(std::iter::once(&opener as _)).map_err(|error| opener.explain(name, &error))?;
        let fail = |reason: &str| OpsError::Open { name: name.to_owned(), reason: reason.to_owned() };
        let file_key = opener.take_file_key().ok_or_else(|| fail("its key was not found"))?;
        let Recording { inner, seen: mut old_header } = recording;
        let nonce = old_header.split_off(old_header.len() - NONCE);
        let new_header = header(&file_key, &stanzas(&file_key, recipients)?)
            .map_err(|error| OpsError::Seal { name: name.to_owned(), reason: error.to_string() })?;
        check(&new_header, &nonce, &file_key)
            .map_err(|error| OpsError::Seal { name: name.to_owned(), reason: error.to_string() })?;
        Ok(Self { old_header, new_header, payload: io::Cursor::new(nonce).chain(inner) })
    }
}

/// Keeps what is read.
struct Recording<R> {
    inner: BufReader<R>,
    seen: Vec<u8>,
}

impl<R: Read> Read for Recording<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.seen.extend_from_slice(&buffer[..read]);
        Ok(read)
    }
}

/// Returns the file key, wrapped for each recipient.
fn stanzas(file_key: &FileKey, recipients: &[Recipient]) -> Result<Vec<Stanza>, OpsError> {
    let wrapped = RefCell::new(Vec::new());
    with_keys(recipients, |keys| {
        let wrapping: Vec<_> =
            keys.iter().map(|key| Wrapping { key: &**key, file_key, wrapped: &wrapped }).collect();
        // the encryptor judges which recipients bear each other; what it would write is thrown away
        age::Encryptor::with_recipients(wrapping.iter().map(|key| key as &dyn age::Recipient))
            .map(|_| ())
            .map_err(|error| of_encryption(&error))
    })?;
    let mut stanzas = wrapped.into_inner();
    // one of an unknown kind, as the crate adds it: readers must not forget that there may be some
    stanzas.push(grease_the_joint());
    Ok(stanzas)
}

/// Wraps our file key instead of the one it is asked to wrap.
struct Wrapping<'a> {
    key: &'a dyn age::Recipient,
    file_key: &'a FileKey,
    wrapped: &'a RefCell<Vec<Stanza>>,
}

impl age::Recipient for Wrapping<'_> {
    fn wrap_file_key(&self, _: &FileKey) -> Result<(Vec<Stanza>, HashSet<String>), age::EncryptError> {
        let (stanzas, labels) = self.key.wrap_file_key(self.file_key)?;
        self.wrapped.borrow_mut().extend(stanzas);
        Ok((Vec::new(), labels))
    }
}

/// Returns a header: the magic line, the stanzas, and the MAC over all of it up to the dashes.
fn header(file_key: &FileKey, stanzas: &[Stanza]) -> Result<Vec<u8>, io::Error> {
    let mut bytes = MAGIC.to_vec();
    for stanza in stanzas {
        let write = age_stanza(&stanza.tag, &stanza.args, &stanza.body);
        bytes = cookie_factory::gen_simple(write, bytes).map_err(io::Error::other)?;
    }
    bytes.extend_from_slice(END);
    let key = hkdf(&[], b"header", file_key.expose_secret());
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(io::Error::other)?;
    mac.update(&bytes);
    let code = BASE64_STANDARD_NO_PAD.encode(mac.finalize().into_bytes());
    bytes.extend_from_slice(format!(" {code}\n").as_bytes());
    Ok(bytes)
}

/// Lets the crate read a header and check its MAC with the file key.
fn check(header: &[u8], nonce: &[u8], file_key: &FileKey) -> Result<(), age::DecryptError> {
    struct Known<'a>(&'a FileKey);
    impl age::Identity for Known<'_> {
        fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
            Some(Ok(copy(self.0)))
        }
    }
    let decryptor = age::Decryptor::new(header.chain(nonce))?;
    decryptor.decrypt(std::iter::once(&Known(file_key) as &dyn age::Identity)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::path::Path;

    use super::*;
    use crate::keys::KeyPair;

    fn encrypt(pairs: &[&KeyPair], content: &[u8]) -> Vec<u8> {
        let recipients: Vec<Recipient> = pairs.iter().map(|pair| pair.as_recipient()).collect();
        with_keys(&recipients, |keys| {
            let encryptor = age::Encryptor::with_recipients(keys.iter().map(|key| &**key)).unwrap();
            let mut stored = Vec::new();
            let mut stream = encryptor.wrap_output(&mut stored).unwrap();
            stream.write_all(content).unwrap();
            stream.finish().unwrap();
            Ok(stored)
        })
        .unwrap()
    }

    fn decrypt(stored: &[u8], pair: &KeyPair) -> Result<Vec<u8>, age::DecryptError> {
        let identity: age::x25519::Identity = pair.secret().expose_secret().parse().unwrap();
        let mut content = Vec::new();
        age::Decryptor::new_buffered(stored)?
            .decrypt(std::iter::once(&identity as &dyn age::Identity))?
            .read_to_end(&mut content)?;
        Ok(content)
    }

    fn identities(pair: &KeyPair) -> Identities {
        Identities::of_text(pair.secret().expose_secret(), Path::new("identity.txt")).unwrap()
    }

    fn rewrap(stored: &[u8], with: &KeyPair, to: &[&KeyPair]) -> Result<Vec<u8>, OpsError> {
        let recipients: Vec<Recipient> = to.iter().map(|pair| pair.as_recipient()).collect();
        let mut rewrapped = Rewrapped::new("a file", stored, &identities(with), &recipients)?;
        let mut payload = Vec::new();
        rewrapped.payload.read_to_end(&mut payload).unwrap();
        assert_eq!([rewrapped.old_header, payload.clone()].concat(), stored);
        Ok([rewrapped.new_header, payload].concat())
    }

    #[rstest::rstest]
    #[case(0)]
    #[case(1)]
    #[case(64 * 1024)]
    #[case(200_000)]
    fn a_file_opens_with_its_new_keys_and_not_with_the_old_one(#[case] size: usize) {
        let content: Vec<u8> = (0..size).map(|i| (i * 7) as u8).collect();
        let [old, new, other] = [(); 3].map(|()| KeyPair::generate());
        let stored = encrypt(&[&old], &content);
        let rewrapped = rewrap(&stored, &old, &[&new, &other]).unwrap();
        for pair in [&new, &other] {
            assert_eq!(decrypt(&rewrapped, pair).unwrap(), content);
        }
        assert!(matches!(decrypt(&rewrapped, &old), Err(age::DecryptError::NoMatchingKeys)));
        let again = rewrap(&rewrapped, &other, &[&old]).unwrap();
        assert_eq!(decrypt(&again, &old).unwrap(), content);
    }

    #[test]
    fn a_changed_header_is_not_carried_over() {
        let [old, new] = [(); 2].map(|()| KeyPair::generate());
        let stored = encrypt(&[&old], b"content");
        let text = String::from_utf8_lossy(&stored).into_owned();
        let mac = text.find("--- ").unwrap() + 6;
        for place in [mac, text.find("-> X25519 ").unwrap() + 12] {
            let mut changed = stored.clone();
            changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
            let result = rewrap(&changed, &old, &[&new]);
            assert!(matches!(result, Err(OpsError::Open { .. })), "{place}: {result:?}");
        }
        assert!(
            matches!(rewrap(&stored, &new, &[&old]), Err(OpsError::Open { .. })),
            "a key that does not fit"
        );
        assert!(matches!(rewrap(&stored, &old, &[]), Err(OpsError::Key(_))), "for nobody");
    }

    #[test]
    fn what_is_cut_in_its_header_is_refused() {
        let [old, new] = [(); 2].map(|()| KeyPair::generate());
        let stored = encrypt(&[&old], b"content");
        for length in [0, 10, 100, stored.len() - 40] {
            assert!(rewrap(&stored[..length], &old, &[&new]).is_err(), "{length}");
        }
    }
}
