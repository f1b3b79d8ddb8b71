//! Some identities as one key of the `age` crate, which sees what each of them opens.

use std::cell::RefCell;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use age::plugin::IdentityPluginV1;
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::ExposeSecret;

use super::Identities;
use super::identity::Key;
use super::prompts::Asking;
use super::trouble::{of_decryption, of_resolving};
use crate::OpsError;

/// How often an identity opened a file, and how often it was another key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) opened: u64,
    pub(super) refused: u64,
}

/// What each of some identities has opened so far.
pub(super) struct Tally(Mutex<Vec<Seen>>);

impl Tally {
    pub(super) fn of(identities: usize) -> Self {
        Self(Mutex::new(vec![Seen::default(); identities]))
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, identity: usize, opened: bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match opened {
            true => all[identity].opened += 1,
            false => all[identity].refused += 1,
        }
    }
}

/// Opens one file with whichever identity can. The native ones are all tried, so that each is proved on every file that is
/// read; a plugin, which may ask a person for something, only where none of them opens it.
pub(crate) struct Opener<'a> {
    identities: &'a Identities,
    trouble: RefCell<Option<OpsError>>,
    file_key: RefCell<Option<FileKey>>,
}

impl<'a> Opener<'a> {
    pub(crate) fn new(identities: &'a Identities) -> Self {
        Self { identities, trouble: RefCell::default(), file_key: RefCell::default() }
    }

    /// Returns the error to report for the file called `name`: a plugin that could not do its work is not the file's fault.
    pub(crate) fn explain(&self, name: &str, error: &age::DecryptError) -> OpsError {
        let trouble = self.trouble.take().or_else(|| of_decryption(error));
        let reason = || match error {
            age::DecryptError::NoMatchingKeys if self.identities.is_empty() => {
                "there is no identity to try".to_owned()
            }
            other => other.to_string(),
        };
        trouble.unwrap_or_else(|| OpsError::Open { name: name.to_owned(), reason: reason() })
    }

    /// Returns the key of the file that was opened.
    pub(super) fn take_file_key(&self) -> Option<FileKey> {
        self.file_key.take()
    }

    fn by_native(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        let mut found = None;
        for (i, held) in self.identities.keys.iter().enumerate() {
            let Key::X25519(key) = &held.key else { continue };
            let result = age::Identity::unwrap_stanzas(key, stanzas);
            self.identities.tally.note(i, matches!(result, Some(Ok(_))));
            if !matches!(found, Some(Ok(_))) {
                found = result.or(found);
            }
        }
        found
    }

    fn by_plugin(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        for (i, held) in self.identities.keys.iter().enumerate() {
            let Key::Plugin(key, prompts) = &held.key else { continue };
            let asking = Asking::new(prompts);
            let plugin = IdentityPluginV1::new(key.plugin(), std::slice::from_ref(key), asking.clone());
            let result = match plugin {
                Ok(plugin) => age::Identity::unwrap_stanzas(&plugin, stanzas),
                Err(error) => {
                    self.note_trouble(&held.file, of_resolving(&error));
                    continue;
                }
            };
            self.identities.tally.note(i, matches!(result, Some(Ok(_))));
            if let Some(question) = asking.unanswered() {
                let plugin = format!("age-plugin-{}", key.plugin());
                self.note_trouble(&held.file, OpsError::nobody_to_ask(&plugin, &question));
            }
            match result {
                Some(Ok(file_key)) => return Some(Ok(file_key)),
                Some(Err(error)) => {
                    if let Some(trouble) = of_decryption(&error) {
                        self.note_trouble(&held.file, trouble);
                    }
                }
                None => {}
            }
        }
        None
    }

    /// Keeps the first thing that went wrong.
    fn note_trouble(&self, file: &Path, trouble: OpsError) {
        let trouble = match trouble {
            OpsError::Key(text) => OpsError::Key(format!("the identity in {}: {text}", file.display())),
            other => other,
        };
        self.trouble.borrow_mut().get_or_insert(trouble);
    }
}

impl age::Identity for Opener<'_> {
    fn unwrap_stanza(&self, stanza: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        self.unwrap_stanzas(std::slice::from_ref(stanza))
    }

    fn unwrap_stanzas(&self, stanzas: &[Stanza]) -> Option<Result<FileKey, age::DecryptError>> {
        let native = self.by_native(stanzas);
        let found = match native {
            Some(Ok(_)) => native,
            other => self.by_plugin(stanzas).or(other),
        };
        if let Some(Ok(file_key)) = &found {
            *self.file_key.borrow_mut() = Some(copy(file_key));
        }
        found
    }
}

/// Returns the key of a file once more.
pub(super) fn copy(file_key: &FileKey) -> FileKey {
    FileKey::init_with_mut(|bytes| bytes.copy_from_slice(file_key.expose_secret()))
}
