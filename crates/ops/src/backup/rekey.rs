//! Other keys for a stored backup: new headers, the same payload.
//!
//! The backup with the new keys gets a name of its own, with the same moment. It is written whole beside the old one, read back,
//! and only then is the old one removed: at every moment one of the two is complete, in a bucket too, which knows no rename.
//! What an interrupted run left unfinished is swept by the next run; one that was complete is recognised and finished.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::Serialize;
use tokio::task::JoinSet;

use super::check::RESTORE;
use super::complete::{ONE_KEY_ONLY, commit, one_key_only, write_facts, write_plain, write_restore_text};
use super::run::{FACTS, prepare_keys};
use super::{BackupFacts, BackupId, Finding, Manifest, Rekeyed, stored};
use crate::OpsError;
use crate::drill::chain;
use crate::evidence::{SigningKey, Trust};
use crate::keys::{Identities, Passphrase, ProvedKeys, Recipient, WRAPPED, WrappedKey, unwrap};
use crate::progress::{Expected, Progress};
use crate::restore::OpenBackup;
use crate::seal::StoredFile;
use crate::store::{Draft, MANIFEST, Store};

/// zstd's level for the facts, the one file that is sealed anew.
const LEVEL: i32 = 1;

/// What the records of drills start with: they are of the bytes that were drilled, and stay with those.
const DRILLS: &str = "drill-";

/// Nothing shows that anybody has the new keys.
const NOBODY_AT_HAND: &str = "no key at hand opens the new one";

/// How a backup gets other keys.
#[derive(Clone)]
pub struct RekeyOptions {
    /// The keys that open it now.
    pub identities: Identities,
    /// Who can read it from now on.
    pub recipients: Vec<Recipient>,
    /// What else opens it, where that is wanted.
    pub passphrase: Option<SecretString>,
    /// Whose signatures count: what nobody vouches for is given no other keys.
    pub trust: Trust,
    /// The key its new manifest is signed with.
    pub signing: Option<SigningKey>,
    /// Whether the backup with the old keys goes even when no key at hand opens the new one.
    pub trust_new_keys: bool,
    /// How many files are copied at once.
    pub jobs: usize,
    /// The time (UTC), for the manifest.
    pub now: DateTime<Utc>,
    /// This program's version, for the manifest.
    pub made_by: String,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// What became of a backup with other keys.
#[derive(Clone, Debug, Serialize)]
pub struct RekeyReport {
    /// What it was called.
    pub from: BackupId,
    /// What it is called now.
    pub to: BackupId,
    /// Where it is now.
    pub location: String,
    /// Its size as stored, in bytes.
    pub stored_bytes: u64,
    /// Which keys at hand were seen to open it, and which of its new keys were not at hand.
    pub keys: ProvedKeys,
    /// Why the one with the old keys is still there; nothing where it is removed.
    pub kept: Option<String>,
}

/// Whether a backup has just these keys, and a passphrase or none.
pub fn has_these_keys(manifest: &Manifest, recipients: &[Recipient], passphrase: bool) -> bool {
    let wanted: BTreeSet<String> = recipients.iter().map(Recipient::id).collect();
    let found = manifest.recipients.iter().filter(|id| Some(*id) != manifest.passphrase.as_ref());
    found.cloned().collect::<BTreeSet<_>>() == wanted && manifest.passphrase.is_some() == passphrase
}

/// Gives a backup other keys. Its pin goes with it; the records of drills are of the bytes that were drilled, so the new one is
/// unproven until it is drilled.
///
/// # Errors
/// [`OpsError`]; then the backup with the old keys is there, complete. [`OpsError::Open`] when no identity opens it.
pub async fn rekey(
    store: &dyn Store,
    id: &BackupId,
    options: &RekeyOptions,
) -> Result<RekeyReport, OpsError> {
    let (manifest, _) = OpenBackup::manifest(store, id)?;
    let _lock = store.lock(&manifest.database)?;
    options.progress.begin("open", Expected::UNKNOWN);
    let old = OpenBackup::open(store, id, options.identities.clone(), &options.trust)?;
    let manifest = match complete_already(store, &old, options)? {
        Some(manifest) => manifest,
        None => write(store, &old, options).await?,
    };
    let keys = check(store, &manifest, options).await?;
    carry_over(store, &old.manifest, &manifest.id)?;
    drop(old); // and with it the protection from removal
    let kept = match keys.proved.is_empty() && !options.trust_new_keys {
        true => Some(NOBODY_AT_HAND.to_owned()),
        false => store.remove(id).err().map(|error| chain(&error)),
    };
    Ok(RekeyReport {
        from: id.clone(),
        location: store.location_of(&manifest.id),
        stored_bytes: manifest.stored_bytes(),
        to: manifest.id,
        keys,
        kept,
    })
}

/// Returns the backup that an earlier run completed, with the keys wanted, without coming to the removal of the old one.
fn complete_already(
    store: &dyn Store,
    old: &OpenBackup,
    options: &RekeyOptions,
) -> Result<Option<Manifest>, OpsError> {
    for id in store.ids()? {
        if id == old.manifest.id || id.moment() != old.manifest.id.moment() {
            continue;
        }
        // one that cannot be read is none of ours
        let Ok((manifest, _)) = OpenBackup::manifest(store, &id) else { continue };
        let from = |rekeyed: &Rekeyed| {
            rekeyed.from == old.manifest.id && rekeyed.manifest_sha256 == old.manifest_sha256
        };
        if manifest.rekeyed.as_ref().is_some_and(from)
            && has_these_keys(&manifest, &options.recipients, options.passphrase.is_some())
            && passphrase_opens(store, &manifest, options)?
        {
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

fn passphrase_opens(
    store: &dyn Store,
    manifest: &Manifest,
    options: &RekeyOptions,
) -> Result<bool, OpsError> {
    let Some(passphrase) = &options.passphrase else { return Ok(true) };
    let wrapped = store.read_small(&manifest.id, WRAPPED)?.unwrap_or_default();
    Ok(unwrap(&wrapped, &Passphrase::known(passphrase.clone())).is_ok())
}

/// What the workers share.
struct Work {
    old: OpenBackup,
    draft: Box<dyn Draft>,
    recipients: Vec<Recipient>,
    queue: Mutex<VecDeque<(usize, StoredFile)>>,
    progress: Arc<dyn Progress>,
}

/// Writes the backup with the new keys, whole.
async fn write(store: &dyn Store, old: &OpenBackup, options: &RekeyOptions) -> Result<Manifest, OpsError> {
    let (recipients, key) = prepare_keys(options.recipients.clone(), options.passphrase.clone()).await?;
    let id = new_name(store, &old.manifest.id)?;
    let sealed: Vec<StoredFile> =
        old.manifest.files.iter().filter(|file| is_copied(&file.name)).cloned().collect();
    options.progress.begin("rekey", Expected::bytes(sealed.iter().map(|file| file.bytes).sum()));
    let work = Arc::new(Work {
        old: old.clone(),
        draft: store.begin(&id)?,
        recipients,
        queue: Mutex::new(sealed.into_iter().enumerate().collect()),
        progress: Arc::clone(&options.progress),
    });
    let files = copy_all(&work, options.jobs).await?;
    let work = Arc::into_inner(work).ok_or_else(|| OpsError::Refused("a worker outlived its work".into()))?;
    describe(work, id, files, key.as_deref(), options)
}

/// The other files tell of the keys, or of the files: they are written anew.
fn is_copied(name: &str) -> bool {
    ![FACTS, RESTORE, WRAPPED].contains(&name)
}

fn new_name(store: &dyn Store, id: &BackupId) -> Result<BackupId, OpsError> {
    let taken: BTreeSet<BackupId> = store.ids()?.into_iter().collect();
    std::iter::repeat_with(|| id.sibling())
        .take(1000)
        .find(|new| !taken.contains(new))
        .ok_or_else(|| OpsError::Refused(format!("no other name is left for a backup of the moment of {id}")))
}

async fn copy_all(work: &Arc<Work>, jobs: usize) -> Result<Vec<StoredFile>, OpsError> {
    let mut workers = JoinSet::new();
    for _ in 0..jobs.max(1) {
        let work = Arc::clone(work);
        workers.spawn_blocking(move || copy_some(&work));
    }
    let (mut files, mut failed) = (Vec::new(), None);
    while let Some(result) = workers.join_next().await {
        match result.unwrap_or_else(|_| Err(OpsError::Refused("a worker was stopped".into()))) {
            Ok(some) => files.extend(some),
            Err(error) => {
                // the others end after the file they are at
                work.queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                failed.get_or_insert(error);
            }
        }
    }
    files.sort_by_key(|(place, _)| *place);
    failed.map_or_else(|| Ok(files.into_iter().map(|(_, file)| file).collect()), Err)
}

fn copy_some(work: &Work) -> Result<Vec<(usize, StoredFile)>, OpsError> {
    let mut files = Vec::new();
    loop {
        let next = work.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some((place, file)) = next else { return Ok(files) };
        let item = work.progress.start(&file.name, Expected::bytes(file.bytes));
        let part = work.draft.create(&file.name)?;
        let copied = work.old.rewrap(&file, &work.recipients, part, &mut |bytes| item.advance(bytes, 0))?;
        item.finish();
        files.push((place, copied));
    }
}

/// Writes what tells of the keys and of the files, and commits.
fn describe(
    work: Work,
    id: BackupId,
    files: Vec<StoredFile>,
    key: Option<&WrappedKey>,
    options: &RekeyOptions,
) -> Result<Manifest, OpsError> {
    let Work { old, draft, recipients, .. } = work;
    let rekeyed = Rekeyed {
        from: old.manifest.id.clone(),
        manifest_sha256: old.manifest_sha256.clone(),
        at: options.now,
        by: options.made_by.clone(),
    };
    let mut manifest = Manifest {
        id: id.clone(),
        recipients: recipients.iter().map(Recipient::id).collect(),
        passphrase: key.map(|key| key.recipient.id()),
        rekeyed: Some(rekeyed),
        signed_by: options.signing.as_ref().map(|key| key.public().id()),
        files,
        ..old.manifest
    };
    manifest.warnings.retain(|warning| !ONE_KEY_ONLY.contains(&warning.as_str()));
    manifest.warnings.extend(one_key_only(recipients.len(), key.is_some()).map(str::to_owned));
    if let Some(key) = key {
        manifest.files.push(write_plain(&*draft, WRAPPED, &key.content)?);
    }
    manifest.files.push(write_restore_text(&*draft, &manifest, &old.facts.tables)?);
    let facts = BackupFacts { id, files: manifest.files.clone(), ..old.facts };
    manifest.files.push(write_facts(&*draft, &facts, &recipients, LEVEL)?);
    commit(draft, &manifest, options.signing.as_ref())?;
    Ok(manifest)
}

/// Reads the new backup back, byte for byte, and opens it with the keys at hand. One that is not as it was written is removed.
async fn check(
    store: &dyn Store,
    manifest: &Manifest,
    options: &RekeyOptions,
) -> Result<ProvedKeys, OpsError> {
    let RekeyOptions { jobs, progress, .. } = options;
    progress.begin("check", Expected::bytes(manifest.stored_bytes()));
    let found = stored::examine(store, &manifest.id, &manifest.files, 1, *jobs, progress).await?;
    if let Some(Finding { file, problem }) = found.into_iter().next() {
        // the error to report is the one that came first
        let _ = store.remove(&manifest.id);
        return Err(OpsError::Refused(format!(
            "what was written is not what the store gives back: {file}: {problem}"
        )));
    }
    let identities = match &options.passphrase {
        Some(passphrase) => {
            options.identities.clone().with_passphrase(Arc::new(Passphrase::known(passphrase.clone())))
        }
        None => options.identities.clone(),
    };
    match OpenBackup::open(store, &manifest.id, identities, &options.trust) {
        Ok(mut backup) => {
            backup.try_other_keys()?;
            Ok(backup.proved_keys())
        }
        // its bytes are right, so the keys are elsewhere
        Err(
            OpsError::Open { .. }
            | OpsError::Key(_)
            | OpsError::NoIdentity(_)
            | OpsError::PluginMissing { .. },
        ) => Ok(ProvedKeys { elsewhere: manifest.recipients.clone(), ..ProvedKeys::default() }),
        Err(error) => Err(error),
    }
}

/// Copies what stands beside a backup and does not belong to its manifest.
fn carry_over(store: &dyn Store, old: &Manifest, new: &BackupId) -> Result<(), OpsError> {
    let own: BTreeSet<&str> = old.files.iter().map(|file| file.name.as_str()).collect();
    for name in store.names(&old.id)? {
        // what starts with a dot is being written, or was never finished
        if !name.starts_with(MANIFEST)
            && !name.starts_with(DRILLS)
            && !name.starts_with('.')
            && !own.contains(name.as_str())
            && let Some(content) = store.read_small(&old.id, &name)?
        {
            store.write_beside(new, &name, &content)?;
        }
    }
    Ok(())
}
