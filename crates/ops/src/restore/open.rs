//! A stored backup with its key: manifest and facts, checked against each other.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use unisys_db::facts::TableFacts;
use unisys_db::selection::Content;

use crate::backup::{BackupFacts, BackupId, FACTS, Finding, Manifest, copy_encoding, stored};
use crate::evidence::{Subject, Trust, Verdict, signature_of};
use crate::keys::{Identities, ProvedKeys, Recipient, WRAPPED, id_of, unwrap};
use crate::progress::{Expected, Progress};
use crate::seal::{self, Opened, StoredFile};
use crate::store::{Hold, MANIFEST, Part, Store};
use crate::{OpsError, platform};

/// A backup that can be read.
#[derive(Clone)]
pub struct OpenBackup {
    /// Where it is.
    pub store: Arc<dyn Store>,
    /// What it says of itself in the open.
    pub manifest: Manifest,
    /// The SHA-256 of its manifest's bytes: what a proof is about.
    pub manifest_sha256: String,
    /// What its manifest's signature is worth.
    pub signature: Verdict,
    /// What it says of itself under encryption.
    pub facts: BackupFacts,
    identities: Identities,
    _hold: Arc<Hold>,
}

impl OpenBackup {
    /// Reads a backup's manifest.
    ///
    /// # Errors
    /// [`OpsError::Refused`] when there is no such backup, or its format is newer; [`OpsError::Corrupt`] when it is damaged.
    pub fn manifest(store: &dyn Store, id: &BackupId) -> Result<(Manifest, String), OpsError> {
        Self::manifest_in(store, id).map(|(manifest, json)| (manifest, crate::keys::sha256(&json)))
    }

    /// Reads a backup's manifest, and returns it with the bytes it was read from.
    pub(crate) fn manifest_in(store: &dyn Store, id: &BackupId) -> Result<(Manifest, Vec<u8>), OpsError> {
        let Some(json) = store.read_small(id, MANIFEST)? else {
            return Err(if store.contains(id)? {
                OpsError::Corrupt(format!("{id} holds no manifest"))
            } else {
                OpsError::Refused(format!("there is no backup {id} in {}", store.location()))
            });
        };
        let manifest = Manifest::from_json(&json, id.as_str())?;
        if manifest.id != *id {
            return Err(OpsError::Corrupt(format!("{id} holds the manifest of {}", manifest.id)));
        }
        Ok((manifest, json))
    }

    /// Reads a backup's manifest, and returns it with its bytes and with what its signature is worth.
    ///
    /// # Errors
    /// As [`OpenBackup::manifest`].
    pub(crate) fn judged(
        store: &dyn Store,
        id: &BackupId,
        trust: &Trust,
    ) -> Result<(Manifest, Vec<u8>, Verdict), OpsError> {
        let (manifest, json) = Self::manifest_in(store, id)?;
        let signature = signature_of(store, id, MANIFEST)?;
        let claimed = manifest.signed_by.as_deref();
        let verdict = trust.judge(Subject::Manifest, &json, claimed, signature.as_deref());
        Ok((manifest, json, verdict))
    }

    /// Returns what the signature of a backup's manifest is worth.
    ///
    /// # Errors
    /// As [`OpenBackup::manifest`].
    pub fn signature(store: &dyn Store, id: &BackupId, trust: &Trust) -> Result<Verdict, OpsError> {
        Self::judged(store, id, trust).map(|(_, _, verdict)| verdict)
    }

    /// Returns the SHA-256 of a backup's manifest as it is stored, sound or not; nothing where there is none.
    ///
    /// # Errors
    /// [`OpsError::Io`].
    pub fn manifest_sha256(store: &dyn Store, id: &BackupId) -> Result<Option<String>, OpsError> {
        Ok(store.read_small(id, MANIFEST)?.map(|json| crate::keys::sha256(&json)))
    }

    /// Opens a backup with the identities: reads its manifest and its facts, and compares what both say. Where keys are trusted,
    /// one of them must have signed the manifest. It is protected from removal as long as the value, or a clone of it, lives.
    ///
    /// # Errors
    /// [`OpsError::Signature`] when it was signed by nobody who is trusted; [`OpsError::Open`] when no identity fits or the facts
    /// are damaged; [`OpsError::Corrupt`] when manifest and facts contradict each other.
    pub fn open(
        store: &dyn Store,
        id: &BackupId,
        identities: Identities,
        trust: &Trust,
    ) -> Result<Self, OpsError> {
        let hold = store.hold(id)?;
        let (manifest, json, signature) = Self::judged(store, id, trust)?;
        trust.admit(MANIFEST, &signature)?;
        let manifest_sha256 = crate::keys::sha256(&json);
        let with_passphrase = manifest.passphrase.is_some() && identities.passphrase().is_some();
        if identities.is_empty() && !with_passphrase {
            return Err(OpsError::NoIdentity(id.clone()));
        }
        let identities = identities.fresh();
        let (json, identities) = match read_facts(store, &manifest, &identities) {
            Ok(json) => (json, identities),
            Err(OpsError::Open { .. } | OpsError::Key(_) | OpsError::PluginMissing { .. })
                if with_passphrase =>
            {
                let identities = with_wrapped(store, &manifest, &identities)?;
                (read_facts(store, &manifest, &identities)?, identities)
            }
            Err(error) => return Err(error),
        };
        let facts: BackupFacts = serde_json::from_slice(&json)
            .map_err(|error| OpsError::Corrupt(format!("the facts of {id} are damaged: {error}")))?;
        agree(&manifest, &facts)?;
        let store = store.shared();
        let hold = Arc::new(hold);
        Ok(Self { store, manifest, manifest_sha256, signature, facts, identities, _hold: hold })
    }

    /// Tries each key that was not needed so far on the facts: those of plugins, and the passphrase where no person has to be
    /// asked for it. What does not open is no error; [`OpenBackup::proved_keys`] tells.
    ///
    /// # Errors
    /// [`OpsError`] when the store fails.
    pub(crate) fn try_other_keys(&mut self) -> Result<(), OpsError> {
        let unattended = self.identities.passphrase().is_some_and(|passphrase| passphrase.is_unattended());
        if let Some(id) = self.manifest.passphrase.as_ref().filter(|_| unattended)
            && !self.identities.recipients().iter().any(|text| id_of(text) == *id)
            && let Ok(identities) = with_wrapped(&*self.store, &self.manifest, &self.identities)
            && read_facts(&*self.store, &self.manifest, &identities).is_ok()
        {
            self.identities = identities;
        }
        let file = self.manifest.file(FACTS)?;
        for (place, plugin) in self.identities.each_plugin() {
            let stored = self.store.read(&self.manifest.id, FACTS)?;
            let opened = Opened::start(file, stored, &plugin).and_then(Opened::read_all);
            self.identities.note(place, opened.is_ok());
        }
        Ok(())
    }

    /// Returns which keys have opened all that was read of the backup so far, and which of its keys were not at hand.
    pub fn proved_keys(&self) -> ProvedKeys {
        self.identities.proved(&self.manifest.recipients)
    }

    /// Reads every stored file and compares its size and hash, `jobs` files at once.
    ///
    /// # Errors
    /// [`OpsError::Open`] naming the first file found that is not what it was.
    pub(super) async fn check_files(
        &self,
        jobs: usize,
        progress: &Arc<dyn Progress>,
    ) -> Result<(), OpsError> {
        let manifest = &self.manifest;
        progress.begin("check the stored files", Expected::bytes(manifest.stored_bytes()));
        let found = stored::examine(&*self.store, &manifest.id, &manifest.files, 1, jobs, progress).await?;
        match found.into_iter().next() {
            Some(Finding { file, problem }) => Err(OpsError::Open { name: file, reason: problem }),
            None => Ok(()),
        }
    }

    /// Returns whether it holds definitions, rows or both.
    pub fn content(&self) -> Content {
        self.facts.selection.as_ref().map_or(Content::All, |selection| selection.content)
    }

    /// Starts reading one of its files.
    ///
    /// # Errors
    /// [`OpsError::Open`].
    pub fn read(&self, name: &str) -> Result<Opened, OpsError> {
        let file = self.manifest.file(name)?;
        Opened::start(file, self.store.read(&self.manifest.id, name)?, &self.identities)
    }

    /// Copies one of its files into `part` for other recipients; see [`seal::rewrap`].
    ///
    /// # Errors
    /// As [`seal::rewrap`].
    pub(crate) fn rewrap(
        &self,
        file: &StoredFile,
        recipients: &[Recipient],
        part: Box<dyn Part>,
        advance: &mut dyn FnMut(u64),
    ) -> Result<StoredFile, OpsError> {
        let stored = self.store.read(&self.manifest.id, &file.name)?;
        seal::rewrap(file, stored, &self.identities, recipients, part, advance)
    }

    /// Decrypts one of its files into `path`, which only its owner may read.
    ///
    /// # Errors
    /// [`OpsError::Open`]; then nothing stays at `path`.
    pub fn extract(&self, name: &str, path: &Path) -> Result<(), OpsError> {
        let mut file =
            platform::private_file().create_new(true).open(path).map_err(OpsError::io("create", path))?;
        let result =
            self.copy_to(name, &mut |data| file.write_all(data).map_err(OpsError::io("write", path)));
        if result.is_err() {
            // the error to report is the one that came first
            let _ = std::fs::remove_file(path);
        }
        result
    }

    /// Passes a file's content to `take`, in pieces, and checks that it was whole.
    ///
    /// # Errors
    /// [`OpsError::Open`]; what `take` has got by then must be thrown away.
    pub fn copy_to(
        &self,
        name: &str,
        take: &mut dyn FnMut(&[u8]) -> Result<(), OpsError>,
    ) -> Result<(), OpsError> {
        let mut opened = self.read(name)?;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            match opened.read(&mut buffer)? {
                0 => return opened.finish(),
                read => take(&buffer[..read])?,
            }
        }
    }
}

fn read_facts(store: &dyn Store, manifest: &Manifest, identities: &Identities) -> Result<Vec<u8>, OpsError> {
    let file = manifest.file(FACTS)?;
    Opened::start(file, store.read(&manifest.id, FACTS)?, identities)?.read_all()
}

/// Returns the identities with the one that the passphrase opens.
fn with_wrapped(
    store: &dyn Store,
    manifest: &Manifest,
    identities: &Identities,
) -> Result<Identities, OpsError> {
    let Some(passphrase) = identities.passphrase() else { return Ok(identities.clone()) };
    let wrapped = store.read_small(&manifest.id, WRAPPED)?.ok_or_else(|| OpsError::missing(WRAPPED))?;
    Ok(identities.and(&unwrap(&wrapped, passphrase)?))
}

/// A manifest is not encrypted and can be changed by whoever can write to the store; the facts say what it said.
fn agree(manifest: &Manifest, facts: &BackupFacts) -> Result<(), OpsError> {
    let lies = |what: &str| {
        Err(OpsError::Corrupt(format!("the manifest of {} contradicts its facts: {what}", manifest.id)))
    };
    if manifest.id != facts.id {
        return lies("they belong to different backups");
    }
    if manifest.database != facts.database.name
        || manifest.system_identifier != facts.database.system_identifier
    {
        return lies("the database");
    }
    if manifest.selection != facts.selection {
        return lies("what of the database is left out");
    }
    if manifest.moment.timestamp() != facts.id.moment().timestamp() {
        return lies("the moment");
    }
    if manifest.copy_encoding != copy_encoding(&facts.database) {
        return lies("the encoding");
    }
    let files: Vec<_> = manifest.files.iter().filter(|file| file.name != FACTS).collect();
    if files.len() != facts.files.len() || files.iter().zip(&facts.files).any(|(a, b)| **a != *b) {
        return lies("the files");
    }
    let said = manifest.tables.iter().map(|table| (&table.schema, &table.name, table.rows, table.bytes));
    let known =
        facts.tables.iter().map(|f| (&f.table.name.schema, &f.table.name.name, f.rows.rows, f.rows.bytes));
    if !said.eq(known) {
        return lies("the tables and their counts");
    }
    let left_out =
        |f: &TableFacts| facts.selection.as_ref().is_some_and(|s| s.is_without_rows(&f.table.name));
    if !manifest.tables.iter().map(|table| table.without_rows).eq(facts.tables.iter().map(left_out)) {
        return lies("the tables whose rows are left out");
    }
    Ok(())
}
