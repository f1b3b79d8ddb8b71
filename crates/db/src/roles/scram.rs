//! SCRAM-SHA-256 verifiers: what PostgreSQL keeps of a password. They are made here, so that no password reaches a server.
//!
//! Source: RFC 5802, RFC 7677 and `src/common/scram-common.c`.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// How often a password is hashed where the server does not say (`scram_iterations`, 16 and later).
pub(crate) const ITERATIONS: u32 = 4096;

/// The length of a salt PostgreSQL makes, in bytes.
const SALT: usize = 16;

/// What a server keeps of a password. Whoever has it can try passwords against it, but not log in with it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

impl Verifier {
    /// Returns a verifier of a password, with a salt of its own.
    pub(crate) fn new(password: &SecretString, iterations: u32) -> Self {
        Self::salted(password, rand::random::<[u8; SALT]>().to_vec(), iterations)
    }

    fn salted(password: &SecretString, salt: Vec<u8>, iterations: u32) -> Self {
        let prepared = prepare(password);
        let mut salted = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(prepared.expose_secret().as_bytes(), &salt, iterations, &mut salted);
        let stored_key = Sha256::digest(keyed(&salted, b"Client Key")).into();
        Self { iterations, salt, stored_key, server_key: keyed(&salted, b"Server Key") }
    }

    /// Reads `SCRAM-SHA-256$4096:salt$StoredKey:ServerKey`, as `pg_authid` has it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (rounds, keys) = text.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
        let (iterations, salt) = rounds.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text| STANDARD.decode(text).ok()?.try_into().ok();
        Some(Self {
            iterations: iterations.parse().ok().filter(|iterations| *iterations > 0)?,
            salt: STANDARD.decode(salt).ok()?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    /// Whether it is of this password.
    pub(crate) fn is_of(&self, password: &SecretString) -> bool {
        *self == Self::salted(password, self.salt.clone(), self.iterations)
    }

    /// How often the password was hashed.
    pub(crate) fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Returns it as the server takes it.
    pub(crate) fn text(&self) -> SecretString {
        let [salt, stored, server] =
            [self.salt.as_slice(), &self.stored_key, &self.server_key].map(|bytes| STANDARD.encode(bytes));
        format!("SCRAM-SHA-256${}:{salt}${stored}:{server}", self.iterations).into()
    }
}

/// Shows no key.
impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("iterations", &self.iterations).finish_non_exhaustive()
    }
}

fn keyed(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    // a shorter key is filled up with zeros, to one block of SHA-256
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mut code = Hmac::<Sha256>::new(&block.into());
    code.update(message);
    code.finalize().into_bytes().into()
}

/// Returns the password as it is hashed: SASLprep (RFC 4013), and unchanged where that allows it not, or leaves nothing. The
/// server and libpq do the same (`pg_saslprep`).
fn prepare(password: &SecretString) -> SecretString {
    match stringprep::saslprep(password.expose_secret()) {
        Ok(prepared) if !prepared.is_empty() => prepared.into_owned().into(),
        _ => password.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of the test of `postgres-protocol`, which has it of PostgreSQL.
    const KNOWN: &str = "SCRAM-SHA-256$4096:AQIDBAUGBwgJCgsMDQ4PEA==$8rrDg00OqaiWXJ7p+sCgHEIaBSHY89ZJl3mfIsf32oY=:05L1f+yZbiN8O0AnO40Og85NNRhvzTS57naKRWCcsIA=";

    #[test]
    fn a_verifier_is_the_one_postgresql_makes() {
        let made = Verifier::salted(&"secret".into(), (1..=16).collect(), 4096);
        assert_eq!(made.text().expose_secret(), KNOWN);
        assert_eq!(Verifier::parse(KNOWN), Some(made));
    }

    #[test]
    fn it_knows_its_password_and_no_other_one() {
        let verifier = Verifier::new(&"Größe\u{a0}3".into(), 7);
        let read = Verifier::parse(verifier.text().expose_secret()).unwrap();
        assert!(read.is_of(&"Größe\u{a0}3".into()) && !read.is_of(&"Größe-3".into()));
        assert_eq!(read.iterations(), 7);
        assert_ne!(verifier, Verifier::new(&"Größe\u{a0}3".into(), 7), "a salt of its own");
    }

    #[rstest::rstest]
    #[case::composed("Gro\u{308}ße", "Größe")]
    #[case::compatible("\u{2168}", "IX")]
    #[case::space("a\u{a0}b", "a b")]
    #[case::soft_hyphen("I\u{ad}X", "IX")]
    #[case::nothing_left("\u{ad}", "\u{ad}")]
    #[case::prohibited("a\u{a0}b\u{7}", "a\u{a0}b\u{7}")]
    #[case::both_directions("\u{627}1\u{a0}a", "\u{627}1\u{a0}a")]
    #[case::unassigned("\u{a0}\u{221}", "\u{a0}\u{221}")]
    #[case::ascii(" a\\' ", " a\\' ")]
    fn it_is_prepared_as_libpq_does(#[case] password: &str, #[case] expected: &str) {
        assert_eq!(prepare(&password.into()).expose_secret(), expected);
    }

    #[rstest::rstest]
    #[case("")]
    #[case("md5a3556571e93b0d20722ba62be61e8c2d")]
    #[case("SCRAM-SHA-256$4096:AQID$x:y")]
    #[case(
        "SCRAM-SHA-256$0:AQIDBAUGBwgJCgsMDQ4PEA==$8rrDg00OqaiWXJ7p+sCgHEIaBSHY89ZJl3mfIsf32oY=:05L1f+yZbiN8O0AnO40Og85NNRhvzTS57naKRWCcsIA="
    )]
    fn what_is_no_verifier_is_none(#[case] text: &str) {
        assert_eq!(Verifier::parse(text), None);
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", Verifier::parse(KNOWN).unwrap());
        assert_eq!(shown, "Verifier { iterations: 4096, .. }");
    }
}
