//! The keys a command works with: recipients, identities, passphrases, whom they may ask, and those that sign.

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;
use unisys_ops::evidence::{PublicKey, SigningKey, Trust};
use unisys_ops::keys::{self, Identities, Passphrase, Prompts, Recipient, Source};

use super::{Context, Selection};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};

impl Context {
    /// Lets keys ask the person at the terminal, where there is one.
    pub(crate) fn may_ask(&mut self, prompts: Arc<dyn Prompts>, interactive: bool) {
        (self.prompts, self.interactive) = (prompts, interactive);
    }

    /// Returns whom keys may ask.
    pub(crate) fn prompts(&self) -> &Arc<dyn Prompts> {
        &self.prompts
    }

    /// Returns the recipients of a database: its own, else those for all and those in the file. There may be none where a
    /// passphrase is configured.
    ///
    /// # Errors
    /// There is none, or one is no recipient: exit 3. The file cannot be read.
    pub(crate) fn recipients(&self, selection: &Selection<'_>) -> Result<Vec<Recipient>, Failure> {
        let recipients = self.recipients_if_any(selection)?;
        if recipients.is_empty() && self.passphrase()?.is_none() {
            return Err(Failure::config(
                "there is no recipient to encrypt to, and a backup is never written in plain text",
            )
            .hint("Run `unisys-dba init`, or set backup.recipients to the output of age-keygen -y."));
        }
        Ok(recipients)
    }

    /// As [`Context::recipients`], for those who have a passphrase.
    ///
    /// # Errors
    /// One is no recipient: exit 3. The file cannot be read.
    pub(crate) fn recipients_if_any(&self, selection: &Selection<'_>) -> Result<Vec<Recipient>, Failure> {
        let texts = match selection {
            Selection::Configured { database, .. } if !database.recipients.is_empty() => &database.recipients,
            _ => &self.settings.backup.recipients,
        };
        let parsed = texts.iter().map(|text| Recipient::parse_with(text, &self.prompts).exit(Exit::Config));
        let mut recipients: Vec<Recipient> = parsed.collect::<Result<_, _>>()?;
        if let Some(path) = &self.settings.backup.recipients_file {
            let more = keys::read_recipients(path, &self.prompts).exit(Exit::Config);
            recipients.extend(
                more.hint("Check backup.recipients-file: one recipient on each line, # for comments.")?,
            );
        }
        Ok(recipients)
    }

    /// Returns the passphrase that is configured; it is not fetched yet.
    ///
    /// # Errors
    /// Two of them are: exit 3.
    pub(crate) fn passphrase(&self) -> Result<Option<Arc<Passphrase>>, Failure> {
        let backup = &self.settings.backup;
        let source = match (backup.passphrase_command.as_slice(), &backup.passphrase_file) {
            ([], None) => return Ok(None),
            ([], Some(path)) => Source::File(path.clone()),
            (words, None) => Source::Command(words.to_vec()),
            (_, Some(_)) => {
                return Err(Failure::config(
                    "both backup.passphrase-command and backup.passphrase-file are set",
                )
                .hint("Take one of them out of the configuration."));
            }
        };
        Ok(Some(Arc::new(Passphrase::new(source))))
    }

    /// Returns the passphrase to encrypt with: the one that is configured; where none is, and one is `wanted`, what a person
    /// types twice.
    ///
    /// # Errors
    /// It cannot be had; there is no terminal to type it on: exit 2.
    pub(crate) async fn new_passphrase(&self, wanted: bool) -> Result<Option<SecretString>, Failure> {
        let source = match self.passphrase()? {
            Some(passphrase) => passphrase,
            None if !wanted => return Ok(None),
            None if !self.interactive => {
                return Err(Failure::usage("there is no terminal to type a passphrase on")
                    .hint("Set backup.passphrase-command or backup.passphrase-file."));
            }
            None => Arc::new(Passphrase::new(Source::Ask(Arc::clone(&self.prompts)))),
        };
        // it may wait for a person, and Ctrl-C must work meanwhile
        Ok(Some(tokio::task::spawn_blocking(move || source.get_new()).await??))
    }

    /// Returns the identities to decrypt with: those given, else the database's own, else those for all; and the passphrase that
    /// is configured, or that a person can be asked for, for the backups that have one.
    ///
    /// # Errors
    /// None is configured, or a file holds none: exit 3.
    pub(crate) fn identities(
        &self,
        selection: &Selection<'_>,
        given: &[PathBuf],
    ) -> Result<Identities, Failure> {
        let own = match selection {
            Selection::Configured { database, .. } => database.identities.as_slice(),
            Selection::Environment | Selection::Private => &[],
        };
        let all = self.settings.drill.identities.as_slice();
        let paths = [given, own, all].into_iter().find(|paths| !paths.is_empty()).unwrap_or_default();
        let passphrase = match self.passphrase()? {
            None if self.interactive => {
                Some(Arc::new(Passphrase::new(Source::Ask(Arc::clone(&self.prompts)))))
            }
            configured => configured,
        };
        if paths.is_empty() && passphrase.is_none() {
            return Err(Failure::config("there is no identity to decrypt with")
                .hint("Name an identity file with --identity FILE or drill.identities."));
        }
        let identities = Identities::read_with(paths, &self.prompts).exit(Exit::Config)?;
        Ok(match passphrase {
            Some(passphrase) => identities.with_passphrase(passphrase),
            None => identities,
        })
    }

    /// Whether any identity is configured for a database.
    pub(crate) fn has_identities(&self, selection: &Selection<'_>) -> bool {
        let own =
            matches!(selection, Selection::Configured { database, .. } if !database.identities.is_empty());
        own || !self.settings.drill.identities.is_empty()
    }

    /// Returns the key that signs; nothing where none is configured.
    ///
    /// # Errors
    /// It cannot be read: exit 3. What cannot be signed as it should is not made.
    pub(crate) fn signing_key(&self) -> Result<Option<SigningKey>, Failure> {
        let path = self.settings.evidence.signing_key.as_deref();
        path.map(SigningKey::read)
            .transpose()
            .exit(Exit::Config)
            .hint("Check evidence.signing-key, or make a key with `unisys-dba key new --signing`.")
    }

    /// Returns whose signatures count.
    ///
    /// # Errors
    /// A key is no public key, or signatures are required and nobody's counts: exit 3.
    pub(crate) fn trust(&self) -> Result<Trust, Failure> {
        let evidence = &self.settings.evidence;
        let keys: Result<Vec<PublicKey>, _> =
            evidence.trusted.iter().map(|text| PublicKey::parse(text)).collect();
        let keys = keys.exit(Exit::Config).hint("Check evidence.trusted: each is a line of a .pub file.")?;
        if keys.is_empty() && evidence.require_signature {
            return Err(Failure::config("signatures are required, and no key is trusted")
                .hint("Add the public key to evidence.trusted, or set evidence.require-signature = false."));
        }
        Ok(Trust::new(keys, evidence.require_signature))
    }
}
