//! Values of encrypted columns, made here and not on the server: the key stays in this process, and a COPY stays a COPY.
//!
//! What is written is what `app.encrypt` (V0012) writes and pgcrypto reads: the id of the key and an OpenPGP message by a
//! password, RFC 4880: packets 5.3, 5.9, 5.13 and 5.14, the key made by 3.7.1.3.

use aes::Aes256;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cfb_mode::Encryptor;
use cfb_mode::cipher::{AsyncStreamCipher, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::GenerateError;
use super::rng::Rng;

const SALT: usize = 8;
const BLOCK: usize = 16;
/// How many bytes of salt and password are hashed. The key is random, nothing is gained by more.
const STRETCHED: usize = 1024;

/// The key of the encrypted columns.
#[derive(Clone, Debug)]
pub struct ColumnKey {
    key: SecretString,
    is_public: bool,
}

impl ColumnKey {
    /// Returns the key of a demonstration: everybody knows it.
    pub fn demonstration(seed: u64) -> Self {
        Self { key: format!("demonstration-key-of-seed-{seed:020}").into(), is_public: true }
    }

    /// Returns a key of one's own.
    ///
    /// # Errors
    /// [`GenerateError::Key`] when it is shorter than `app.encrypt` takes, or longer than 512 bytes.
    pub fn new(key: SecretString) -> Result<Self, GenerateError> {
        match key.expose_secret() {
            text if text.chars().count() < 32 => {
                Err(GenerateError::Key { reason: "shorter than 32 characters" })
            }
            text if text.len() > 512 => Err(GenerateError::Key { reason: "longer than 512 bytes" }),
            _ => Ok(Self { key, is_public: false }),
        }
    }

    /// Returns the id by which the values name it: as `app.key_id` says.
    pub fn id(&self) -> String {
        let key = self.key.expose_secret().as_bytes();
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
        mac.update(b"unisys column key");
        mac.finalize().into_bytes()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the key itself where it is no secret.
    pub fn public(&self) -> Option<&str> {
        self.is_public.then(|| self.key.expose_secret())
    }
}

/// Seals values with one key.
#[derive(Debug)]
pub(crate) struct Sealer {
    key: ColumnKey,
    id: String,
}

impl Sealer {
    pub(crate) fn new(key: ColumnKey) -> Self {
        Self { id: key.id(), key }
    }

    /// Returns a short text as the column holds it. What is random about it comes from `rng`, so that a seed stays a seed.
    pub(crate) fn seal(&self, plain: &str, rng: &mut Rng) -> String {
        let salt = rng.next().to_be_bytes();
        let mut message = vec![0xc3, 13, 4, 9, 3, 2]; // packet, length, version, AES-256, iterated and salted, SHA-1
        message.extend_from_slice(&salt);
        message.push(0); // 1024 bytes
        let body = self.body(plain.as_bytes(), &salt, rng);
        message.extend_from_slice(&[0xd2, body.len() as u8 + 1, 1]);
        message.extend_from_slice(&body);
        format!("{}:{}", self.id, STANDARD.encode(message))
    }

    /// The encrypted packet's content: a block of noise, its last two bytes again, the text, and a hash of all that.
    fn body(&self, plain: &[u8], salt: &[u8; SALT], rng: &mut Rng) -> Vec<u8> {
        let mut body = Vec::with_capacity(160);
        body.extend_from_slice(&rng.next().to_be_bytes());
        body.extend_from_slice(&rng.next().to_be_bytes());
        body.extend_from_within(BLOCK - 2..);
        body.extend_from_slice(&[0xcb, plain.len() as u8 + 6, b't', 0, 0, 0, 0, 0]); // text, no name, no date
        body.extend_from_slice(plain);
        body.extend_from_slice(&[0xd3, 20]);
        let hash = Sha1::digest(&body);
        body.extend_from_slice(&hash);
        let cipher = Encryptor::<Aes256>::new(&self.stretched(salt).into(), &[0; BLOCK].into());
        cipher.encrypt(&mut body);
        body
    }

    /// The second hash begins with a zero byte, so that 40 bytes come of two times 20.
    fn stretched(&self, salt: &[u8; SALT]) -> [u8; 32] {
        let key = self.key.key.expose_secret().as_bytes();
        let unit: Vec<u8> = salt.iter().chain(key).copied().collect();
        let repeated: Vec<u8> = unit.iter().cycle().take(STRETCHED).copied().collect();
        let first = Sha1::digest(&repeated);
        let second = Sha1::new().chain_update([0]).chain_update(&repeated).finalize();
        let mut stretched = [0; 32];
        stretched[..20].copy_from_slice(&first);
        stretched[20..].copy_from_slice(&second[..12]);
        stretched
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_random_and_long_and_prints_nowhere() {
        let key = |text: &str| ColumnKey::new(text.to_owned().into());
        assert!(key(&"k".repeat(31)).is_err() && key(&"k".repeat(513)).is_err());
        let own = key(&"k".repeat(32)).unwrap();
        assert!(own.public().is_none() && !format!("{own:?}").contains("kkk"));
        assert_eq!(
            ColumnKey::demonstration(1).public(),
            Some("demonstration-key-of-seed-00000000000000000001")
        );
    }

    #[test]
    fn a_value_is_the_seeds_and_differs_from_every_other() {
        let sealer = Sealer::new(ColumnKey::demonstration(1));
        let seal = |number| sealer.seal("DE12", &mut Rng::of(1, 1, number));
        assert_eq!(seal(1), seal(1));
        assert_ne!(seal(1), seal(2));
    }
}
