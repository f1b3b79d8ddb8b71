//! Identities: the secret halves.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::secrecy::SecretString;

use super::opener::Tally;
use super::{Nobody, Passphrase, Prompts, ProvedKeys, Recipient, id_of};
use crate::OpsError;

/// The secret keys of some files, each with the file it came from, and where a passphrase may come from. What they open is
/// counted; see [`Identities::proved`].
#[derive(Clone)]
pub struct Identities {
    pub(super) keys: Vec<Held>,
    passphrase: Option<Arc<Passphrase>>,
    pub(super) tally: Arc<Tally>,
}

/// One secret key.
#[derive(Clone)]
pub(super) struct Held {
    /// The file it came from.
    pub(super) file: PathBuf,
    pub(super) key: Key,
    /// Its public half: of a plugin's key, what a comment in its file says, for nothing else knows it.
    pub(super) recipient: Option<String>,
}

#[derive(Clone)]
pub(super) enum Key {
    X25519(age::x25519::Identity),
    Plugin(age::plugin::Identity, Arc<dyn Prompts>),
}

impl Identities {
    /// Reads identity files; nobody is there to answer a plugin's questions.
    ///
    /// # Errors
    /// As [`Identities::read_with`].
    pub fn read(paths: &[PathBuf]) -> Result<Self, OpsError> {
        let nobody: Arc<dyn Prompts> = Arc::new(Nobody);
        Self::read_with(paths, &nobody)
    }

    /// Reads identity files; a plugin asks `prompts`.
    ///
    /// # Errors
    /// [`OpsError::Io`]; [`OpsError::Key`] when a file holds no identity, or one of a kind that is not supported.
    pub fn read_with(paths: &[PathBuf], prompts: &Arc<dyn Prompts>) -> Result<Self, OpsError> {
        let mut keys = Vec::new();
        for path in paths {
            let text = std::fs::read_to_string(path).map_err(OpsError::io("read the identity file", path))?;
            keys.extend(read(&text, path, prompts)?);
        }
        Ok(Self::of(keys, None))
    }

    fn of(keys: Vec<Held>, passphrase: Option<Arc<Passphrase>>) -> Self {
        let tally = Arc::new(Tally::of(keys.len()));
        Self { keys, passphrase, tally }
    }

    /// Returns no identity.
    pub fn none() -> Self {
        Self::of(Vec::new(), None)
    }

    /// Returns the identities with a passphrase, for the backups that have one.
    pub fn with_passphrase(self, passphrase: Arc<Passphrase>) -> Self {
        Self { passphrase: Some(passphrase), ..self }
    }

    /// Returns the identities alone.
    pub(crate) fn without_passphrase(self) -> Self {
        Self { passphrase: None, ..self }
    }

    /// Returns the identities with those of another lot, which keep their files.
    pub(crate) fn and(&self, more: &Self) -> Self {
        let keys = self.keys.iter().chain(&more.keys).cloned().collect();
        Self::of(keys, self.passphrase.clone())
    }

    /// Returns the same identities, of which none has opened anything yet.
    pub(crate) fn fresh(self) -> Self {
        Self::of(self.keys, self.passphrase)
    }

    /// Returns where a passphrase may come from.
    pub fn passphrase(&self) -> Option<&Arc<Passphrase>> {
        self.passphrase.as_ref()
    }

    /// Returns the identities in a text that is no file; `name` tells people where it came from.
    ///
    /// # Errors
    /// [`OpsError::Key`].
    pub fn of_text(text: &str, name: &Path) -> Result<Self, OpsError> {
        let nobody: Arc<dyn Prompts> = Arc::new(Nobody);
        Ok(Self::of(read(text, name, &nobody)?, None))
    }

    /// Returns each identity alone, with its file, so that each can be proved.
    pub fn each(&self) -> impl Iterator<Item = (&Path, Identities)> {
        self.keys.iter().map(|held| (held.file.as_path(), Self::of(vec![held.clone()], None)))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Returns the public halves, in order; that of a plugin's key only where a comment in its file says it.
    pub fn recipients(&self) -> Vec<String> {
        self.keys.iter().filter_map(|held| held.recipient.clone()).collect()
    }

    /// Returns the secrets themselves, as they stand in a file, in order.
    pub fn secrets(&self) -> Vec<SecretString> {
        let secret = |held: &Held| match &held.key {
            Key::X25519(key) => key.to_string(),
            Key::Plugin(key, _) => key.to_string().into(),
        };
        self.keys.iter().map(secret).collect()
    }

    /// Returns the name of the plugin of each identity that has one, in order.
    pub fn plugins(&self) -> Vec<&str> {
        self.keys
            .iter()
            .filter_map(|held| match &held.key {
                Key::Plugin(key, _) => Some(key.plugin()),
                Key::X25519(_) => None,
            })
            .collect()
    }

    /// Returns each identity of a plugin alone, with its place for [`Identities::note`].
    pub(crate) fn each_plugin(&self) -> impl Iterator<Item = (usize, Identities)> {
        let plugins = self.keys.iter().enumerate().filter(|(_, held)| matches!(held.key, Key::Plugin(..)));
        plugins.map(|(place, held)| (place, Self::of(vec![held.clone()], None)))
    }

    /// Counts that the identity at `place` opened a file, or did not.
    pub(crate) fn note(&self, place: usize, opened: bool) {
        self.tally.note(place, opened);
    }

    /// Returns what these identities have opened so far of a backup that is encrypted to the keys with these short names.
    pub fn proved(&self, recipients: &[String]) -> ProvedKeys {
        let mut keys = ProvedKeys::default();
        for (held, seen) in self.keys.iter().zip(self.tally.seen()) {
            let id = held.recipient.as_deref().map(id_of);
            let name = id.unwrap_or_else(|| held.plugin_name());
            match seen.opened > 0 && seen.refused == 0 {
                true => keys.proved.push(name),
                false => keys.not_proved.push(name),
            }
        }
        let unnamed = keys.proved.iter().filter(|name| name.starts_with(PLUGIN)).count();
        let not_named = |id: &&String| !keys.proved.contains(id);
        keys.elsewhere = recipients.iter().filter(not_named).cloned().collect();
        // a plugin's key that does not say its public half is one of these; where it can be any of several, it is not told which
        if keys.elsewhere.len() <= unnamed {
            keys.elsewhere.clear();
        }
        keys
    }
}

/// What the names of plugins begin with, and no short name of a key.
const PLUGIN: &str = "age-plugin-";

impl Held {
    /// Returns what to call a plugin's key whose public half is not known.
    fn plugin_name(&self) -> String {
        match &self.key {
            Key::Plugin(key, _) => format!("{PLUGIN}{}", key.plugin()),
            Key::X25519(key) => id_of(&key.to_public().to_string()),
        }
    }
}

/// Reads the text of an identity file.
fn read(text: &str, path: &Path, prompts: &Arc<dyn Prompts>) -> Result<Vec<Held>, OpsError> {
    let (mut keys, mut said) = (Vec::new(), None);
    for (number, line) in text.lines().map(str::trim).enumerate() {
        if let Some(comment) = line.strip_prefix('#') {
            said = public_half(comment).or(said);
        } else if let Ok(key) = line.parse::<age::x25519::Identity>() {
            let recipient = Some(key.to_public().to_string());
            keys.push(Held { file: path.to_owned(), key: Key::X25519(key), recipient });
            said = None;
        } else if let Ok(key) = line.parse() {
            let key = Key::Plugin(key, Arc::clone(prompts));
            keys.push(Held { file: path.to_owned(), key, recipient: said.take() });
        } else if !line.is_empty() {
            // the line is not repeated: it may hold a piece of the secret
            return Err(OpsError::Key(format!(
                "line {} of {} is not an age identity: {}",
                number + 1,
                path.display(),
                why_not(line)
            )));
        }
    }
    match keys.is_empty() {
        true => Err(OpsError::Key(format!("{} holds no age identity", path.display()))),
        false => Ok(keys),
    }
}

/// Returns the recipient in a comment, as age-keygen and the plugins write it: `public key: age1…`, `Recipient: age1…`.
fn public_half(comment: &str) -> Option<String> {
    let (label, text) = comment.split_once(':')?;
    let labels = ["public key", "recipient"];
    let known = labels.iter().any(|known| label.trim().eq_ignore_ascii_case(known));
    let recipient = known.then(|| Recipient::parse(text).ok()).flatten()?;
    Some(recipient.text().to_owned())
}

/// Returns why a line is no identity, as far as its start tells.
fn why_not(line: &str) -> &'static str {
    match line {
        _ if line.starts_with("AGE-SECRET-KEY-PQ-1") => {
            "it is a post-quantum key of age 1.3; `age-plugin-pq -identity FILE` writes it in the form needed here"
        }
        _ if line.starts_with("AGE-SECRET-KEY-1") || line.starts_with("AGE-PLUGIN-") => {
            "a character is missing or wrong"
        }
        _ if line.starts_with("age1") => "it is a recipient, the public half",
        _ if line.starts_with("age-encryption.org/") || line.starts_with("-----BEGIN AGE") => {
            "the file is encrypted; decrypt it first with `age -d`"
        }
        _ if line.starts_with("-----BEGIN") => {
            "ssh keys are not used here; make one with `unisys-dba key new`"
        }
        _ => "one starts with AGE-SECRET-KEY-1 or AGE-PLUGIN-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeyPair;
    use crate::platform;

    fn of(text: &str) -> Result<Identities, OpsError> {
        Identities::of_text(text, Path::new("identity.txt"))
    }

    #[test]
    fn a_pair_is_written_once_and_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("identity.txt");
        let pair = KeyPair::generate();
        pair.write(&path, "a test").unwrap();
        assert!(platform::is_private(&path).unwrap());
        assert!(pair.write(&path, "again").is_err());
        let identities = Identities::read(&[path]).unwrap();
        assert_eq!(identities.recipients(), [pair.recipient()]);
    }

    #[rstest::rstest]
    #[case("# nothing here\n", "identity.txt holds no age identity")]
    #[case(
        "\n\nAGE-SECRET-KEY-1XYZ\n",
        "line 3 of identity.txt is not an age identity: a character is missing"
    )]
    #[case("AGE-SECRET-KEY-PQ-1XYZ", "age-plugin-pq -identity FILE")]
    #[case("age1xyz", "it is a recipient")]
    #[case("age-encryption.org/v1\n", "decrypt it first")]
    #[case("-----BEGIN OPENSSH PRIVATE KEY-----", "ssh keys are not used here")]
    #[case("hunter2", "one starts with AGE-SECRET-KEY-1")]
    fn what_is_no_identity_is_told_with_its_line_and_without_itself(
        #[case] text: &str,
        #[case] reason: &str,
    ) {
        let Err(error) = of(text) else { panic!("{text} was taken") };
        let error = error.to_string();
        assert!(error.contains(reason) && !error.contains("XYZ") && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn a_plugin_s_key_has_the_public_half_its_comment_says() {
        let text =
            "#       Serial: 1\n#    Recipient: age1nonesuch1qypqxynzr22\nAGE-PLUGIN-NONESUCH-1QYPQXKTRJ2Z\n";
        let identities = of(text).unwrap();
        assert_eq!(identities.recipients(), ["age1nonesuch1qypqxynzr22"]);
        assert_eq!(identities.plugins(), ["nonesuch"]);
        let without = of("AGE-PLUGIN-NONESUCH-1QYPQXKTRJ2Z").unwrap();
        assert_eq!(without.recipients(), Vec::<String>::new());
        assert_eq!(without.proved(&["x".into()]).not_proved, ["age-plugin-nonesuch"]);
    }
}
