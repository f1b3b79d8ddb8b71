//! What went wrong with keys, in words. The crate's own texts come in the user's language, on several lines, and one of them
//! repeats a secret's neighbourhood; what is told here is ours.

use std::collections::HashSet;
use std::fmt::Display;

use age::plugin::ResolveError;
use age::{DecryptError, EncryptError};

use crate::OpsError;

/// The label of recipients that a quantum computer does not break.
const POSTQUANTUM: &str = "postquantum";

/// Returns why nothing can be encrypted to some recipients.
pub(crate) fn of_encryption(error: &EncryptError) -> OpsError {
    match error {
        EncryptError::IncompatibleRecipients { l_labels, r_labels } => {
            OpsError::Key(incompatible(l_labels, r_labels))
        }
        EncryptError::MissingRecipients => OpsError::Key("there is no recipient to encrypt to".into()),
        EncryptError::PluginResolve(error) => of_resolving(error),
        EncryptError::Plugin(errors) => OpsError::Key(of_plugin(errors)),
        EncryptError::Io(error) => OpsError::Key(format!("a plugin ended early: {}", one_line(error))),
        other => OpsError::Key(one_line(other)),
    }
}

/// age lets recipients share a file only when they ask for the same company.
fn incompatible(left: &HashSet<String>, right: &HashSet<String>) -> String {
    let is_postquantum = |labels: &HashSet<String>| labels.len() == 1 && labels.contains(POSTQUANTUM);
    if is_postquantum(left) || is_postquantum(right) {
        return "post-quantum recipients do not share a backup with others: it would be only as safe as the weakest \
            of them"
            .into();
    }
    "one of the recipients refuses to share a backup with the others: its plugin wants it alone, or among its own kind"
        .into()
}

/// Returns why a plugin cannot be used.
pub(super) fn of_resolving(error: &ResolveError) -> OpsError {
    match error {
        ResolveError::MissingPlugin { binary_name } => {
            OpsError::PluginMissing { program: binary_name.clone() }
        }
        _ => OpsError::Key("a key names no possible plugin".into()),
    }
}

/// Returns why an identity did not open a file though it is one of those it was encrypted to, or could not be tried; `None`
/// where it simply is another key.
pub(super) fn of_decryption(error: &DecryptError) -> Option<OpsError> {
    match error {
        DecryptError::PluginResolve(error) => Some(of_resolving(error)),
        DecryptError::Plugin(errors) => Some(OpsError::Key(of_plugin(errors))),
        _ => None,
    }
}

/// The crate does not let the error of a plugin be named.
fn of_plugin<E: Display>(errors: &[E]) -> String {
    let texts: Vec<String> = errors.iter().map(|error| one_line(error)).collect();
    texts.join("; ")
}

/// Returns a text of somebody else's on one line.
fn one_line(error: &impl Display) -> String {
    let text = error.to_string();
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
