//! Random values from the operating system's generator.

use rand::RngExt;
use rand::distr::Alphanumeric;
use secrecy::SecretString;

/// Returns a password of 32 letters and digits (190 bits).
pub fn password() -> SecretString {
    text(32).into()
}

/// Returns `length` random letters and digits.
pub fn text(length: usize) -> String {
    rand::rng().sample_iter(Alphanumeric).take(length).map(char::from).collect()
}

/// Returns four hexadecimal digits, to tell two backups of one second apart.
pub fn suffix() -> String {
    format!("{:04x}", rand::random::<u16>())
}
