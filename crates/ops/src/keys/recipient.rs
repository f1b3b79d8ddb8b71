//! Recipients: the public halves.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use age::plugin::RecipientPluginV1;

use super::prompts::Asking;
use super::trouble::{of_encryption, of_resolving};
use super::{Nobody, Prompts, id_of};
use crate::OpsError;

/// A public key, parsed, with the text it came from.
#[derive(Clone)]
pub struct Recipient {
    key: Key,
    text: String,
}

#[derive(Clone)]
enum Key {
    X25519(age::x25519::Recipient),
    /// P-256, in hardware.
    Tag(age::tag::Recipient),
    /// P-256 and ML-KEM-768, in hardware.
    TagPq(Box<age::tagpq::Recipient>),
    Plugin(age::plugin::Recipient, Arc<dyn Prompts>),
}

impl Recipient {
    /// Returns the recipient in `text`, such as `age1…`; nobody is there to answer a plugin's questions.
    ///
    /// # Errors
    /// As [`Recipient::parse_with`].
    pub fn parse(text: &str) -> Result<Self, OpsError> {
        let nobody: Arc<dyn Prompts> = Arc::new(Nobody);
        Self::parse_with(text, &nobody)
    }

    /// Returns the recipient in `text`; a plugin asks `prompts`. Whether its plugin is installed shows when it is used.
    ///
    /// # Errors
    /// [`OpsError::Key`]; a text that may be a secret is not repeated.
    pub fn parse_with(text: &str, prompts: &Arc<dyn Prompts>) -> Result<Self, OpsError> {
        let text = text.trim();
        let key = if let Ok(key) = text.parse() {
            Key::X25519(key)
        } else if let Ok(key) = text.parse() {
            Key::Tag(key)
        } else if let Ok(key) = text.parse() {
            Key::TagPq(Box::new(key))
        } else if let Ok(key) = text.parse() {
            Key::Plugin(key, Arc::clone(prompts))
        } else {
            return Err(OpsError::Key(format!(
                "{} is not an age recipient: {}",
                shorten(text),
                why_not(text)
            )));
        };
        Ok(Self { key, text: text.to_owned() })
    }

    pub(crate) fn of_x25519(key: age::x25519::Recipient) -> Self {
        Self { text: key.to_string(), key: Key::X25519(key) }
    }

    /// Returns a short name for this key; see [`id_of`].
    pub fn id(&self) -> String {
        id_of(&self.text)
    }

    /// Returns its text, `age1…`.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Returns why a text is no recipient, as far as its start tells.
fn why_not(text: &str) -> &'static str {
    match text {
        "" => "it is empty",
        _ if text.starts_with("AGE-") => {
            "it is a secret key, whose place is an identity file; `unisys-dba key show FILE` prints the recipient"
        }
        _ if text.starts_with("ssh-") => "ssh keys are not used here; make one with `unisys-dba key new`",
        _ if text.starts_with("age1") => "a character is missing or wrong",
        _ => "one starts with age1",
    }
}

/// A secret that may slip into a recipient's place is not repeated in full.
pub(crate) fn shorten(text: &str) -> String {
    let start: String = text.chars().take(8).collect();
    format!("{start:?}…")
}

/// Reads a file with a recipient on each line; empty lines and those that start with `#` say nothing.
///
/// # Errors
/// [`OpsError::Io`]; [`OpsError::Key`] naming the line that is no recipient.
pub fn read_recipients(path: &Path, prompts: &Arc<dyn Prompts>) -> Result<Vec<Recipient>, OpsError> {
    let text = std::fs::read_to_string(path).map_err(OpsError::io("read the recipients file", path))?;
    let lines = text.lines().map(str::trim).enumerate();
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let recipient = |(number, line): (usize, &str)| {
        Recipient::parse_with(line, prompts)
            .map_err(|error| OpsError::Key(format!("line {} of {}: {error}", number + 1, path.display())))
    };
    lines.map(recipient).collect()
}

/// Tries to encrypt to these recipients together, to nothing: whether all plugins are there, and all of them bear each other.
///
/// # Errors
/// [`OpsError::Key`], [`OpsError::PluginMissing`].
pub fn try_recipients(recipients: &[Recipient]) -> Result<(), OpsError> {
    with_keys(recipients, |keys| {
        age::Encryptor::with_recipients(keys.iter().map(|key| &**key)).map_err(|error| of_encryption(&error))
    })?;
    Ok(())
}

/// Calls `act` with the recipients as the `age` crate takes them. Those of one plugin are one: it is started once.
///
/// # Errors
/// [`OpsError::PluginMissing`]; that of `act`, or the question that nobody answered, which explains it.
pub(crate) fn with_keys<T>(
    recipients: &[Recipient],
    act: impl FnOnce(&[Box<dyn age::Recipient>]) -> Result<T, OpsError>,
) -> Result<T, OpsError> {
    let mut keys: Vec<Box<dyn age::Recipient>> = Vec::new();
    let mut plugins: BTreeMap<&str, (Asking, Vec<age::plugin::Recipient>)> = BTreeMap::new();
    for recipient in recipients {
        match &recipient.key {
            Key::X25519(key) => keys.push(Box::new(key.clone())),
            Key::Tag(key) => keys.push(Box::new(key.clone())),
            Key::TagPq(key) => keys.push(Box::new((**key).clone())),
            Key::Plugin(key, prompts) => {
                let of_plugin = plugins.entry(key.plugin());
                of_plugin.or_insert_with(|| (Asking::new(prompts), Vec::new())).1.push(key.clone());
            }
        }
    }
    for (name, (asking, of_plugin)) in &plugins {
        let plugin = RecipientPluginV1::new(name, of_plugin, &[], asking.clone());
        keys.push(Box::new(plugin.map_err(|error| of_resolving(&error))?));
    }
    act(&keys).map_err(|error| {
        let unanswered = plugins.iter().find_map(|(name, (asking, _))| Some((name, asking.unanswered()?)));
        match unanswered {
            Some((name, question)) => OpsError::nobody_to_ask(&format!("age-plugin-{name}"), &question),
            None => error,
        }
    })
}

#[cfg(test)]
mod tests {
    use age::secrecy::ExposeSecret;

    use super::*;
    use crate::keys::KeyPair;

    const TAG: &str = "age1tag1qt8lw0ual6avlwmwatk888yqnmdamm7xfd0wak53ut6elz5c4swx2yqdj4e";

    #[test]
    fn a_secret_in_the_wrong_place_is_not_printed() {
        let secret = KeyPair::generate().secret().expose_secret().to_owned();
        let error = Recipient::parse(&secret).unwrap_err().to_string();
        assert!(!error.contains(&secret[10..]), "{error}");
        assert!(error.contains("is a secret key"), "{error}");
    }

    #[rstest::rstest]
    #[case("", "it is empty")]
    #[case("ssh-ed25519 AAAA", "ssh keys are not used here")]
    #[case("age1nonsense", "a character is missing or wrong")]
    #[case("nonsense", "one starts with age1")]
    fn what_is_no_recipient_is_told_from_its_start(#[case] text: &str, #[case] reason: &str) {
        let error = Recipient::parse(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }

    #[test]
    fn a_file_names_the_line_that_is_wrong() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("recipients.txt");
        let nobody: Arc<dyn Prompts> = Arc::new(Nobody);
        let good = KeyPair::generate().recipient();
        std::fs::write(&path, format!("# ours\n\n  {good}\r\n{TAG}\n")).unwrap();
        let read = read_recipients(&path, &nobody).unwrap();
        assert_eq!(read.iter().map(Recipient::text).collect::<Vec<_>>(), [good.as_str(), TAG]);
        std::fs::write(&path, format!("# ours\n\n{good}\n{}\n", &good[..20])).unwrap();
        let error = read_recipients(&path, &nobody).unwrap_err().to_string();
        assert!(error.starts_with(&format!("line 4 of {}: ", path.display())), "{error}");
    }

    #[test]
    fn a_missing_plugin_is_named() {
        let nonesuch = Recipient::parse("age1nonesuch1qypqxynzr22").unwrap();
        let recipients = [KeyPair::generate().as_recipient(), nonesuch];
        let error = try_recipients(&recipients).unwrap_err();
        assert!(
            matches!(&error, OpsError::PluginMissing { program } if program == "age-plugin-nonesuch"),
            "{error:?}"
        );
        assert!(try_recipients(&recipients[..1]).is_ok());
        assert!(matches!(try_recipients(&[]), Err(OpsError::Key(_))));
    }

    #[test]
    fn hardware_keys_are_known_without_a_plugin() {
        let tag = Recipient::parse(TAG).unwrap();
        try_recipients(&[KeyPair::generate().as_recipient(), tag]).unwrap();
    }
}
