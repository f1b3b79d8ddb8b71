//! Passphrases: where they come from.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use age::secrecy::{ExposeSecret, SecretString};

use super::{Nobody, Prompts};
use crate::{OpsError, secret};

/// A passphrase with fewer characters is guessed by machines, stretched or not.
const SHORT: usize = 16;

/// What the secret is called in an error.
const WHAT: &str = "passphrase";

/// Where a passphrase comes from.
#[derive(Clone)]
pub enum Source {
    /// A program and its arguments; no shell is involved. The first line it writes is the passphrase.
    Command(Vec<String>),
    /// A file that its owner alone can read; its first line is the passphrase.
    File(PathBuf),
    /// A person.
    Ask(Arc<dyn Prompts>),
}

/// A passphrase that is fetched when it is first needed.
pub struct Passphrase {
    source: Source,
    known: Mutex<Option<SecretString>>,
}

impl Passphrase {
    /// Returns the passphrase of a source, which is not asked yet.
    pub fn new(source: Source) -> Self {
        Self { source, known: Mutex::default() }
    }

    /// Returns a passphrase that is known already.
    pub fn known(passphrase: SecretString) -> Self {
        Self { source: Source::Ask(Arc::new(Nobody)), known: Mutex::new(Some(passphrase)) }
    }

    /// Whether it comes without a person.
    pub fn is_unattended(&self) -> bool {
        !matches!(self.source, Source::Ask(_))
    }

    /// Returns where it comes from, for people.
    pub fn origin(&self) -> String {
        match &self.source {
            Source::Command(words) => format!("the passphrase command {}", secret::program(words)),
            Source::File(path) => format!("the passphrase file {}", path.display()),
            Source::Ask(_) => "the passphrase typed".into(),
        }
    }

    /// Returns it, to open a backup.
    ///
    /// # Errors
    /// [`OpsError::Key`], [`OpsError::Io`], [`OpsError::Spawn`].
    pub fn get(&self) -> Result<SecretString, OpsError> {
        self.get_by(|prompts| answered(prompts.ask_secret("Passphrase of the backup: ")))
    }

    /// Returns it, to encrypt a backup: a person types it twice.
    ///
    /// # Errors
    /// As [`Passphrase::get`]; [`OpsError::Key`] also when the two differ.
    pub fn get_new(&self) -> Result<SecretString, OpsError> {
        self.get_by(|prompts| {
            let first = answered(prompts.ask_secret("New passphrase: "))?;
            let second = answered(prompts.ask_secret("The same again: "))?;
            match first.expose_secret() == second.expose_secret() {
                true => Ok(first),
                false => Err(OpsError::Key("the two passphrases are not the same".into())),
            }
        })
    }

    fn get_by(
        &self,
        ask: impl FnOnce(&dyn Prompts) -> Result<SecretString, OpsError>,
    ) -> Result<SecretString, OpsError> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(passphrase) = &*known {
            return Ok(passphrase.clone());
        }
        let passphrase = match &self.source {
            Source::Command(words) => secret::of_command(words, WHAT)?,
            Source::File(path) => secret::of_file(path, WHAT)?,
            Source::Ask(prompts) => ask(&**prompts)?,
        };
        if passphrase.expose_secret().is_empty() {
            return Err(OpsError::Key(format!("{} is empty", self.origin())));
        }
        Ok(known.insert(passphrase).clone())
    }

    /// Forgets what was fetched, because it opened nothing.
    pub(super) fn forget(&self) {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Whether whoever gets a backup may guess the passphrase.
pub fn is_short(passphrase: &SecretString) -> bool {
    passphrase.expose_secret().chars().count() < SHORT
}

fn answered(answer: Option<SecretString>) -> Result<SecretString, OpsError> {
    answer.ok_or_else(|| {
        OpsError::Key("a passphrase is needed, and there is no terminal to ask for it on".into())
    })
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Answers one line after the other.
    struct Typing(Vec<&'static str>, AtomicUsize);

    impl Typing {
        fn source(lines: &[&'static str]) -> Passphrase {
            Passphrase::new(Source::Ask(Arc::new(Self(lines.to_vec(), AtomicUsize::new(0)))))
        }
    }

    impl Prompts for Typing {
        fn tell(&self, _: &str) {}
        fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
            None
        }
        fn ask(&self, _: &str) -> Option<String> {
            None
        }
        fn ask_secret(&self, _: &str) -> Option<SecretString> {
            let line = self.1.fetch_add(1, Ordering::Relaxed);
            self.0.get(line).map(|line| (*line).into())
        }
    }

    fn text(result: Result<SecretString, OpsError>) -> String {
        match result {
            Ok(secret) => secret.expose_secret().to_owned(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn a_person_types_a_new_passphrase_twice_and_an_old_one_once() {
        assert_eq!(text(Typing::source(&["a b", "a b"]).get_new()), "a b");
        assert!(text(Typing::source(&["a b", "a c"]).get_new()).contains("are not the same"));
        let known = Typing::source(&["a b", "never asked for"]);
        assert_eq!((text(known.get()), text(known.get())), ("a b".into(), "a b".into()));
        assert!(text(Typing::source(&[""]).get()).ends_with("the passphrase typed is empty"));
        let nobody = Passphrase::new(Source::Ask(Arc::new(Nobody)));
        assert!(text(nobody.get()).contains("no terminal"));
    }
}
