//! The end of a backup: what the work brought is added up, described and committed.

use std::collections::BTreeMap;
use std::time::Instant;

use chrono::{DateTime, Utc};
use unisys_db::catalog::Index;
use unisys_db::facts::TableFacts;
use unisys_db::fingerprint::RowFacts;
use unisys_db::inventory::Inventory;

use super::check::RESTORE;
use super::run::{BackupOptions, BackupReport, FACTS};
use super::work::{Done, Shared};
use super::{BackupFacts, BackupId, FORMAT, LargeObjects, Manifest, ManifestTable, Selected, restore_text};
use crate::OpsError;
use crate::evidence::{SigningKey, Subject, signature_name};
use crate::keys::{Recipient, WRAPPED, sha256};
use crate::seal::{Sealed, StoredFile};
use crate::store::{Draft, MANIFEST, Store};

/// What the work brought, in order.
#[derive(Default)]
pub(super) struct Results {
    pieces: Vec<(usize, StoredFile, RowFacts)>,
    files: Vec<StoredFile>,
    small: Vec<(usize, RowFacts)>,
    counts: Vec<(usize, u64)>,
    large_objects: RowFacts,
    inventory: Inventory,
    roles: Inventory,
    indexes: Vec<Index>,
}

impl Results {
    pub(super) fn sort(done: Vec<Done>) -> Self {
        let mut results = Self::default();
        for done in done {
            match done {
                Done::Piece { piece, file, rows } => results.pieces.push((piece, file, rows)),
                Done::File(file) => results.files.push(file),
                Done::Globals(file, roles) => {
                    results.files.push(file);
                    results.roles = roles;
                }
                Done::SmallFacts { table, rows } => results.small.push((table, rows)),
                Done::Count { table, rows } => results.counts.push((table, rows)),
                Done::LargeObjects(rows) => results.large_objects = rows,
                Done::Inventory(inventory, indexes) => {
                    results.inventory = *inventory;
                    results.indexes = indexes;
                }
            }
        }
        results.pieces.sort_by_key(|(piece, _, _)| *piece);
        results.files.sort_by(|a, b| a.name.cmp(&b.name));
        results
    }
}

/// Adds up the facts, writes them and the texts, and commits.
pub(super) fn complete(
    shared: Shared,
    results: Results,
    id: &BackupId,
    moment: DateTime<Utc>,
    started: Instant,
    large_objects: u64,
    store: &dyn Store,
) -> Result<BackupReport, OpsError> {
    let tables = table_facts(&shared, &results)?;
    let selection = Selected::new(&shared.options.selection, &shared.options.dump_options, &shared.scope);
    let mut names = files_of_tables(&shared, &results);
    let mut files = results.files;
    files.extend(results.pieces.into_iter().map(|(_, file, _)| file));
    let manifest_tables = tables.iter().map(|facts| ManifestTable {
        schema: facts.table.name.schema.clone(),
        name: facts.table.name.name.clone(),
        rows: facts.rows.rows,
        without_rows: !shared.scope.takes_rows(facts.table.oid),
        bytes: facts.rows.bytes,
        files: names.remove(&facts.table.oid).unwrap_or_default(),
    });
    let mut manifest = Manifest {
        format: FORMAT,
        id: id.clone(),
        database: shared.database.name.clone(),
        system_identifier: shared.database.system_identifier.clone(),
        moment,
        lsn: shared.coordinator.lsn().to_owned(),
        seconds: 0.0,
        layout: shared.options.layout,
        made_by: shared.options.made_by.clone(),
        server_version: shared.database.server_version.clone(),
        pg_dump_version: shared.programs.version().to_string(),
        database_bytes: shared.database.bytes,
        copy_encoding: shared.copy_encoding.clone(),
        recipients: shared.options.recipients.iter().map(Recipient::id).collect(),
        selection: selection.clone(),
        standby: shared.database.standby,
        passphrase: shared.key.as_ref().map(|key| key.recipient.id()),
        rekeyed: None,
        tables: manifest_tables.collect(),
        large_objects: LargeObjects { objects: large_objects },
        signed_by: shared.options.signing.as_ref().map(|key| key.public().id()),
        warnings: warnings(&shared),
        tags: shared.options.tags.clone(),
        files,
    };
    if let Some(key) = &shared.key {
        manifest.files.push(write_plain(&*shared.draft, WRAPPED, &key.content)?);
    }
    manifest.files.push(write_restore_text(&*shared.draft, &manifest, &tables)?);
    let facts = BackupFacts {
        id: id.clone(),
        seed: shared.seed,
        database: shared.database.clone(),
        selection,
        tables: tables.clone(),
        indexes: results.indexes,
        large_objects: results.large_objects,
        inventory: expected(&shared, results.inventory).with_roles_of(results.roles),
        files: manifest.files.clone(),
    };
    let BackupOptions { recipients, level, .. } = &shared.options;
    manifest.files.push(write_facts(&*shared.draft, &facts, recipients, *level)?);
    manifest.seconds = started.elapsed().as_secs_f64();
    commit(shared.draft, &manifest, shared.options.signing.as_ref())?;
    Ok(BackupReport { location: store.location_of(id), manifest, tables })
}

/// Writes the manifest, signed where there is a key, and makes the backup complete.
pub(super) fn commit(
    draft: Box<dyn Draft>,
    manifest: &Manifest,
    signing: Option<&SigningKey>,
) -> Result<(), OpsError> {
    let json = manifest.to_json()?;
    if let Some(key) = signing {
        // before the manifest, which completes the backup
        draft.write(&signature_name(MANIFEST), &key.sign(Subject::Manifest, &json)?)?;
    }
    draft.commit(&json)
}

/// Returns what is known of each table's rows. Pieces of a table must add up to its count in the same snapshot.
fn table_facts(shared: &Shared, results: &Results) -> Result<Vec<TableFacts>, OpsError> {
    let tables = shared.coordinator.tables();
    let mut rows: Vec<RowFacts> = vec![RowFacts::default(); tables.len()];
    for (piece, _, facts) in &results.pieces {
        rows[shared.plan.pieces[*piece].table].add(facts);
    }
    for (table, facts) in &results.small {
        rows[*table] = *facts;
    }
    for (table, count) in &results.counts {
        if rows[*table].rows != *count {
            return Err(OpsError::Corrupt(format!(
                "the pieces of {} hold {} rows, the table has {count} in the same snapshot; set ranges = \"off\"",
                tables[*table].name, rows[*table].rows
            )));
        }
    }
    let own_rows = tables.iter().zip(rows).filter(|(table, _)| !table.parent);
    Ok(own_rows.map(|(table, rows)| TableFacts { table: table.clone(), rows }).collect())
}

/// Returns the files of each table that has files of its own, by the table's object id.
fn files_of_tables(shared: &Shared, results: &Results) -> BTreeMap<u32, Vec<String>> {
    let mut names: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for (piece, file, _) in &results.pieces {
        let table = &shared.coordinator.tables()[shared.plan.pieces[*piece].table];
        names.entry(table.oid).or_default().push(file.name.clone());
    }
    names
}

/// Writes `RESTORE.txt`. It is plain, and somebody will run what it says, so its hash is among the facts.
pub(super) fn write_restore_text(
    draft: &dyn Draft,
    manifest: &Manifest,
    tables: &[TableFacts],
) -> Result<StoredFile, OpsError> {
    write_plain(draft, RESTORE, restore_text::text(manifest, tables).as_bytes())
}

/// Writes a small file as it is.
pub(super) fn write_plain(draft: &dyn Draft, name: &str, content: &[u8]) -> Result<StoredFile, OpsError> {
    draft.write(name, content)?;
    let bytes = content.len() as u64;
    Ok(StoredFile { name: name.into(), bytes, sha256: sha256(content), content_bytes: bytes })
}

pub(super) fn write_facts(
    draft: &dyn Draft,
    facts: &BackupFacts,
    recipients: &[Recipient],
    level: i32,
) -> Result<StoredFile, OpsError> {
    let json = serde_json::to_vec(facts)
        .map_err(|error| OpsError::Corrupt(format!("the facts cannot be written: {error}")))?;
    let mut sealed = Sealed::start(FACTS, draft.create(FACTS)?, recipients, level)?;
    sealed.write(&json)?;
    sealed.finish()
}

/// Returns what a copy must show of the catalog.
fn expected(shared: &Shared, inventory: Inventory) -> Inventory {
    shared.options.dump_options.expected(shared.scope.expected(inventory))
}

/// Returns what is to be known of this backup beside what was asked for, in sentences.
fn warnings(shared: &Shared) -> Vec<String> {
    let mut warnings: Vec<String> = shared.lint.warnings().collect();
    let transient = shared.scope.transient();
    if !transient.is_empty() {
        let names: Vec<String> = transient.iter().map(ToString::to_string).collect();
        warnings.push(format!(
            "The rows of {} are left out, being sessions and staging; backup.exclude-transient = false keeps them.",
            names.join(", ")
        ));
    }
    let recipients = &shared.options.recipients;
    warnings.extend(one_key_only(recipients.len(), shared.key.is_some()).map(str::to_owned));
    warnings
}

/// The warnings of [`one_key_only`].
pub(super) const ONE_KEY_ONLY: [&str; 2] = [
    "There is one recipient only: whoever loses its key loses the backup.",
    "There is a passphrase only: whoever forgets it loses the backup.",
];

/// Returns what to say of a backup that one key alone opens.
pub(super) fn one_key_only(recipients: usize, passphrase: bool) -> Option<&'static str> {
    let [recipient, phrase] = ONE_KEY_ONLY;
    (recipients < 2).then_some(if passphrase { phrase } else { recipient })
}
