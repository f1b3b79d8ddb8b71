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
use super::{BackupFacts, BackupId, FORMAT, LargeObjects, Manifest, ManifestTable, restore_text};
use crate::OpsError;
use crate::evidence::{Subject, signature_name};
use crate::keys::{Recipient, sha256};
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
    let mut names = files_of_tables(&shared, &results);
    let mut files = results.files;
    files.extend(results.pieces.into_iter().map(|(_, file, _)| file));
    let manifest_tables = tables.iter().map(|facts| ManifestTable {
        schema: facts.table.name.schema.clone(),
        name: facts.table.name.name.clone(),
        rows: facts.rows.rows,
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
        tables: manifest_tables.collect(),
        large_objects: LargeObjects { objects: large_objects },
        signed_by: shared.options.signing.as_ref().map(|key| key.public().id()),
        warnings: warnings(&shared),
        files,
    };
    manifest.files.push(write_restore_text(&*shared.draft, &manifest, &tables)?);
    let facts = BackupFacts {
        id: id.clone(),
        seed: shared.seed,
        database: shared.database.clone(),
        tables: tables.clone(),
        indexes: results.indexes,
        large_objects: results.large_objects,
        inventory: results.inventory.with_roles_of(results.roles),
        files: manifest.files.clone(),
    };
    manifest.files.push(write_facts(&*shared.draft, &facts, &shared.options)?);
    manifest.seconds = started.elapsed().as_secs_f64();
    let json = manifest.to_json()?;
    if let Some(key) = &shared.options.signing {
        // before the manifest, which completes the backup
        shared.draft.write(&signature_name(MANIFEST), &key.sign(Subject::Manifest, &json)?)?;
    }
    shared.draft.commit(&json)?;
    Ok(BackupReport { location: store.location_of(id), manifest, tables })
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
fn write_restore_text(
    draft: &dyn Draft,
    manifest: &Manifest,
    tables: &[TableFacts],
) -> Result<StoredFile, OpsError> {
    let text = restore_text::text(manifest, tables);
    draft.write(RESTORE, text.as_bytes())?;
    let bytes = text.len() as u64;
    Ok(StoredFile { name: RESTORE.into(), bytes, sha256: sha256(text.as_bytes()), content_bytes: bytes })
}

fn write_facts(
    draft: &dyn Draft,
    facts: &BackupFacts,
    options: &BackupOptions,
) -> Result<StoredFile, OpsError> {
    let json = serde_json::to_vec(facts)
        .map_err(|error| OpsError::Corrupt(format!("the facts cannot be written: {error}")))?;
    let mut sealed = Sealed::start(FACTS, draft.create(FACTS)?, &options.recipients, options.level)?;
    sealed.write(&json)?;
    sealed.finish()
}

/// Returns what this backup leaves out, in sentences.
fn warnings(shared: &Shared) -> Vec<String> {
    let mut warnings = Vec::new();
    if !shared.role_passwords {
        warnings.push(
            "The login may not read password hashes: after a disaster every role needs a new password."
                .into(),
        );
    }
    if shared.options.recipients.len() < 2 {
        warnings.push("There is one recipient only: whoever loses its key loses the backup.".into());
    }
    warnings
}
