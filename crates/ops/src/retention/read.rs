//! The backups of a store, as retention sees them. Their own files tell, never an index over them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use unisys_db::TableName;

use super::counts::Judgement;
use super::pin::Pin;
use crate::OpsError;
use crate::backup::{BackupId, Manifest, State, Tag, worth};
use crate::drill;
use crate::evidence::{Trust, signature_name};
use crate::keys::sha256;
use crate::restore::OpenBackup;
use crate::store::{MANIFEST, Store};

/// A backup's moment is the server's clock, and may run ahead of ours by this much.
const SKEW: TimeDelta = TimeDelta::hours(1);

/// A complete backup whose manifest can be read.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its name.
    pub id: BackupId,
    /// The moment its data is of (UTC).
    pub moment: DateTime<Utc>,
    /// What it is worth.
    pub state: State,
    /// Its tags.
    pub tags: Vec<Tag>,
    /// Its pin.
    pub pin: Option<Pin>,
    /// Its tables, with their rows.
    pub tables: Vec<(TableName, u64)>,
    /// What was found out about these counts.
    pub judged: Option<Judgement>,
    /// The size of its files, in bytes.
    pub stored_bytes: u64,
}

impl Candidate {
    /// Whether its moment lies ahead of the clock: it was made while a clock was wrong, or the clock is wrong now.
    pub fn is_ahead_of(&self, now: DateTime<Utc>) -> bool {
        self.moment > now + SKEW
    }
}

/// A backup of which little more is known than that it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its name.
    pub id: BackupId,
    /// [`State::Damaged`] or [`State::Newer`].
    pub state: State,
    /// What is wrong with it.
    pub problem: String,
}

impl Unreadable {
    pub(super) fn is_ahead_of(&self, now: DateTime<Utc>) -> bool {
        self.id.moment() > now + SKEW
    }
}

/// The backups of one database of one cluster. Another cluster's database of the same name is another one, and so is a part of
/// it: backups without the rows must not push out those that have them.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// The database.
    pub database: String,
    /// The cluster.
    pub system_identifier: String,
    /// Which part of the database was asked for, in words; nothing where all of it was.
    pub part: Option<String>,
    /// Its backups, in no order.
    pub backups: Vec<Candidate>,
    /// What of the newest is not there, where that was looked for.
    pub newest_lacks: Option<String>,
}

impl Group {
    /// Returns the newest backup that counts, if one does: not dated in the future, and not failed in a drill.
    pub fn newest(&self, now: DateTime<Utc>) -> Option<&Candidate> {
        let counts = |backup: &&Candidate| !backup.is_ahead_of(now) && backup.state != State::Failed;
        self.backups.iter().filter(counts).max_by_key(|backup| (backup.moment, &backup.id))
    }

    /// Looks whether all files of the newest backup are there. Their content is not read.
    pub fn look_at_newest(&mut self, store: &dyn Store, now: DateTime<Utc>) {
        let Some(id) = self.newest(now).map(|newest| newest.id.clone()) else { return };
        self.newest_lacks = match OpenBackup::manifest(store, &id) {
            Ok((manifest, _)) => lacking(store, &manifest),
            Err(error) => Some(drill::chain(&error)),
        };
    }
}

fn lacking(store: &dyn Store, manifest: &Manifest) -> Option<String> {
    let names = match store.names(&manifest.id) {
        Ok(names) => names,
        Err(error) => return Some(drill::chain(&error)),
    };
    let missing = manifest.files.iter().find(|file| !names.contains(&file.name))?;
    Some(format!("{} is missing", missing.name))
}

/// What there is of one database's name.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Its backups, for each cluster.
    pub groups: Vec<Group>,
    /// What cannot be read, and so belongs to a name only.
    pub unreadable: Vec<Unreadable>,
}

/// Returns the databases a store has backups of, as their names stand in ids; see [`BackupId::slug`].
///
/// # Errors
/// [`OpsError`] when the store cannot be listed.
pub fn slugs(store: &dyn Store) -> Result<BTreeSet<String>, OpsError> {
    Ok(store.ids()?.iter().map(|id| id.database_slug().to_owned()).collect())
}

/// Returns the backups of the database whose name stands as `slug` in ids; `trust` tells whose proofs count.
///
/// # Errors
/// [`OpsError`] when the store cannot be listed. What is wrong with one backup is told in its place.
pub fn read(store: &dyn Store, slug: &str, trust: &Trust) -> Result<Found, OpsError> {
    read_copy(store, slug, trust, &[])
}

/// As [`read`], of a store that holds copies of what is in `firsts`: what is proven there is proven here, where the manifest is
/// the same to the byte, and with it the hashes of all files; what is pinned there is pinned here.
///
/// # Errors
/// [`OpsError`] when one of the stores cannot be listed. What is wrong with one backup is told in its place.
pub fn read_copy(
    store: &dyn Store,
    slug: &str,
    trust: &Trust,
    firsts: &[Arc<dyn Store>],
) -> Result<Found, OpsError> {
    let firsts = firsts.iter().map(|first| Ok((&**first, first.ids()?.into_iter().collect())));
    let firsts: Vec<First<'_>> = firsts.collect::<Result<_, OpsError>>()?;
    let mut groups: BTreeMap<Kind, Vec<Candidate>> = BTreeMap::new();
    let mut unreadable = Vec::new();
    for id in store.ids()?.into_iter().filter(|id| id.database_slug() == slug) {
        match candidate(store, &id, trust, &firsts) {
            Ok((of, backup)) => groups.entry(of).or_default().push(backup),
            // removed since the store was listed
            Err(OpsError::Refused(_)) => {}
            Err(error) => {
                let newer = matches!(error, OpsError::NewerFormat { .. });
                let state = if newer { State::Newer } else { State::Damaged };
                unreadable.push(Unreadable { id, state, problem: drill::chain(&error) });
            }
        }
    }
    unreadable.sort_by(|a, b| a.id.cmp(&b.id));
    let groups = groups.into_iter().map(|((database, system_identifier, part), backups)| Group {
        database,
        system_identifier,
        part,
        backups,
        newest_lacks: None,
    });
    Ok(Found { groups: groups.collect(), unreadable })
}

/// What backups are counted together by: database, cluster, part.
type Kind = (String, String, Option<String>);

/// A store that copies are made of, and what it holds.
type First<'a> = (&'a dyn Store, BTreeSet<BackupId>);

fn candidate(
    store: &dyn Store,
    id: &BackupId,
    trust: &Trust,
    firsts: &[First<'_>],
) -> Result<(Kind, Candidate), OpsError> {
    let (manifest, json, signature) = OpenBackup::judged(store, id, &Trust::default())?;
    if let Some(problem) = signature.problem() {
        return Err(OpsError::Corrupt(format!("{}: {problem}", signature_name(MANIFEST))));
    }
    if manifest.moment.timestamp() != id.moment().timestamp()
        || BackupId::slug(&manifest.database) != id.database_slug()
    {
        return Err(OpsError::Corrupt(format!("the manifest of {id} contradicts its name")));
    }
    let manifest_sha256 = sha256(&json);
    let worth = |store| {
        let drills = worth::drills(store, id, &manifest_sha256)?;
        Ok::<_, OpsError>(worth::judge(&drills, signature.key(), trust).state)
    };
    let (mut state, mut pin) = (worth(store)?, Pin::read(store, id)?);
    for (first, _) in firsts.iter().filter(|(_, ids)| ids.contains(id)) {
        // a drill of the copy itself that failed is not made good by one of the other
        if state == State::Unproven {
            state = worth(*first)?;
        }
        pin = pin.map_or_else(|| Pin::read(*first, id), |pin| Ok(Some(pin)))?;
    }
    let part = manifest.part();
    let candidate = Candidate {
        id: id.clone(),
        moment: manifest.moment,
        state,
        pin,
        judged: Judgement::read(store, id)?,
        stored_bytes: manifest.stored_bytes(),
        tags: manifest.tags,
        tables: manifest
            .tables
            .into_iter()
            .map(|table| (TableName::new(table.schema, table.name), table.rows))
            .collect(),
    };
    Ok(((manifest.database, manifest.system_identifier, part), candidate))
}
