//! Comparing a restored copy with the facts of its backup.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use unisys_db::facts::{self, TableFacts};
use unisys_db::fingerprint::RowFacts;
use unisys_db::inventory::{self, Difference, Inventory, Kind};
use unisys_db::selection::Content;
use unisys_db::{DbError, Session, Target};

use crate::OpsError;
use crate::backup::{Layout, Plan, Ranges};
use crate::progress::{Expected, Progress};
use crate::restore::{OpenBackup, SequenceValue};

/// How much was compared.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// Tables, by count and fingerprint.
    pub tables: u64,
    /// Their rows.
    pub rows: u64,
    /// Their COPY text, in bytes.
    pub bytes: u64,
    /// Sequences, by value.
    pub sequences: u64,
    /// Large objects, by content, owner and privileges.
    pub large_objects: u64,
    /// Objects of the catalog, with their owners, privileges and definitions.
    pub objects: u64,
    /// Statements of `pg_dump --schema-only`.
    pub statements: u64,
}

/// What a comparison brought.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// What differs, a sentence each.
    pub differences: Vec<String>,
    /// What was compared.
    pub compared: Compared,
    /// What was not compared, and why.
    pub not_compared: Vec<String>,
}

/// Compares every table's rows with `jobs` sessions.
pub(crate) async fn tables(
    copy: &Target,
    backup: &Arc<OpenBackup>,
    jobs: usize,
    progress: &Arc<dyn Progress>,
    result: &mut Comparison,
) -> Result<(), OpsError> {
    let known = &backup.facts.tables;
    let list: Vec<_> = known.iter().map(|facts| facts.table.clone()).collect();
    let plan = Plan::new(&list, Layout::Parallel, Ranges::Off, jobs);
    let order = plan.pieces.iter().map(|piece| piece.table).chain(plan.small.iter().copied());
    let queue = Arc::new(Mutex::new(order.collect::<VecDeque<usize>>()));
    let mut workers = JoinSet::new();
    for _ in 0..jobs.max(1) {
        workers.spawn(compare_tables(
            copy.clone(),
            Arc::clone(backup),
            Arc::clone(&queue),
            Arc::clone(progress),
        ));
    }
    while let Some(found) = workers.join_next().await {
        let found = found.unwrap_or_else(|_| Err(OpsError::Refused("a worker was stopped".into())))?;
        result.differences.extend(found);
    }
    let left_out = |facts: &&TableFacts| {
        backup.facts.selection.as_ref().is_some_and(|selection| selection.is_without_rows(&facts.table.name))
    };
    result.compared.tables = (known.len() - known.iter().filter(left_out).count()) as u64;
    result.compared.rows = known.iter().map(|facts| facts.rows.rows).sum();
    result.compared.bytes = known.iter().map(|facts| facts.rows.bytes).sum();
    Ok(())
}

async fn compare_tables(
    copy: Target,
    backup: Arc<OpenBackup>,
    queue: Arc<Mutex<VecDeque<usize>>>,
    progress: Arc<dyn Progress>,
) -> Result<Vec<String>, OpsError> {
    let session = verifying_session(&copy, &backup).await?;
    let mut differences = Vec::new();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(index) = next else { return Ok(differences) };
        let known = &backup.facts.tables[index];
        let item = progress.start(&known.table.name.to_string(), Expected::bytes(known.rows.bytes));
        match facts::of_table(&session, &known.table, backup.facts.seed).await {
            Ok(found) => {
                item.advance(found.bytes, found.rows);
                item.finish();
                differences.extend(rows_differ(known, &found));
            }
            // the table, or a column of it, is not there: an answer, not an accident
            Err(error) if error.sqlstate().is_some_and(|state| state.code().starts_with("42")) => {
                differences.push(format!("table {}: {}", known.table.name, reasons(&error)));
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Opens a session that reads rows as the backup's did.
async fn verifying_session(copy: &Target, backup: &OpenBackup) -> Result<Session, OpsError> {
    let session = Session::open(copy).await?;
    session.set_pinned().await?;
    let sql = format!("set client_encoding = '{}'", backup.manifest.copy_encoding);
    session.batch_execute(&sql).await.map_err(session.doing("set the client encoding"))?;
    Ok(session)
}

fn rows_differ(known: &TableFacts, found: &RowFacts) -> Option<String> {
    let name = &known.table.name;
    if known.rows.rows != found.rows {
        return Some(format!("table {name}: expected {} rows, found {}", known.rows.rows, found.rows));
    }
    (known.rows.fingerprint != found.fingerprint)
        .then(|| format!("table {name}: the same number of rows ({}), but their content differs", found.rows))
}

/// Compares the large objects.
pub(crate) async fn large_objects(
    copy: &Target,
    backup: &OpenBackup,
    result: &mut Comparison,
) -> Result<(), OpsError> {
    let session = verifying_session(copy, backup).await?;
    let expected = backup.manifest.large_objects.objects;
    let count = facts::count_large_objects(&session).await?;
    let rows = if count > 0 {
        facts::of_large_objects(&session, backup.facts.seed).await?
    } else {
        RowFacts::default()
    };
    if count != expected {
        result.differences.push(format!("large objects: expected {expected}, found {count}"));
    } else if rows != backup.facts.large_objects {
        result.differences.push("large objects: content, owner or privileges differ".into());
    }
    result.compared.large_objects = count;
    Ok(())
}

/// Compares every sequence with the value the archive sets. Sequences do not obey transactions, so what the snapshot showed
/// elsewhere would be no fact.
pub(crate) async fn sequences(
    copy: &Target,
    backup: &OpenBackup,
    archive: &[SequenceValue],
    result: &mut Comparison,
) -> Result<(), OpsError> {
    let session = verifying_session(copy, backup).await?;
    let inventory = &backup.facts.inventory;
    let known = match backup.content() {
        Content::Schema => 0,
        Content::All | Content::Data => {
            inventory.items.iter().filter(|item| item.kind == Kind::Sequence).count()
        }
    };
    if known != archive.len() {
        let text = format!("sequences: the source had {known}, the archive sets {}", archive.len());
        result.differences.push(text);
    }
    for chunk in archive.chunks(200) {
        let selects = chunk
            .iter()
            .map(|sequence| format!("(select row(last_value, is_called)::text from {})", sequence.name));
        let sql = format!("select array[{}]", selects.collect::<Vec<_>>().join(", "));
        match session.query_one(&sql, &[]).await.map_err(session.doing("read the sequences")) {
            Ok(row) => {
                let found: Vec<String> = row.get(0);
                result
                    .differences
                    .extend(chunk.iter().zip(found).filter_map(|(s, found)| sequence_differs(s, &found)));
            }
            Err(error) => result.differences.push(format!("sequences: {}", reasons(&error))),
        }
    }
    result.compared.sequences = archive.len() as u64;
    Ok(())
}

fn sequence_differs(expected: &SequenceValue, found: &str) -> Option<String> {
    let wanted = format!("({},{})", expected.value, if expected.called { "t" } else { "f" });
    (wanted != found)
        .then(|| format!("sequence {}: expected {wanted}, found {found} (value, given out)", expected.name))
}

/// Returns what differs in the catalog.
pub(super) async fn catalog(copy: &Target, backup: &OpenBackup) -> Result<Vec<Difference>, OpsError> {
    let found = in_scope(backup, load_inventory(copy).await?)?;
    let expected = &backup.facts.inventory;
    let (expected, found) = (without_subscriptions(expected), without_subscriptions(&found));
    Ok(inventory::diff(&expected, &found))
}

/// Leaves out of a copy's inventory what every new database has by itself, where the backup left it out: comments that the
/// server makes, and the schema `public`.
fn in_scope(backup: &OpenBackup, mut found: Inventory) -> Result<Inventory, OpsError> {
    let Some(selection) = &backup.facts.selection else { return Ok(found) };
    if selection.left_out_schemas.iter().any(|schema| schema == "public") {
        found.items.retain(|item| !(item.kind == Kind::Schema && item.name == "public"));
    }
    selection.expected(found)
}

/// Reads the inventory of a database in one transaction.
pub(super) async fn load_inventory(target: &Target) -> Result<Inventory, OpsError> {
    let session = Session::open(target).await?;
    session.set_pinned().await?;
    let begin = "begin transaction isolation level repeatable read, read only";
    session.batch_execute(begin).await.map_err(session.doing("begin a read-only transaction"))?;
    Ok(inventory::load(&session).await?)
}

/// A copy must not subscribe to anything, so subscriptions are not restored.
pub(super) fn without_subscriptions(inventory: &Inventory) -> Inventory {
    let items = inventory.items.iter().filter(|item| item.kind != Kind::Subscription);
    Inventory { items: items.cloned().collect() }
}

/// Returns an error and its causes in one line.
pub(super) fn reasons(error: &DbError) -> String {
    chain(error)
}

/// Returns an error and its causes, without what PostgreSQL quotes of rows: this goes into a record that is not encrypted.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    without_rows(&text)
}

/// Leaves out DETAIL ("Failing row contains …"), CONTEXT ("COPY t, line 1: …") and statements, each with the lines that belong
/// to it.
fn without_rows(text: &str) -> String {
    let mut quoting = false;
    let quotes = |line: &&str| {
        if ["DETAIL:", "CONTEXT:", "QUERY:", "STATEMENT:", "Command was:"]
            .iter()
            .any(|start| line.starts_with(start))
        {
            quoting = true;
        } else if ["HINT:", "pg_restore:", "pg_dump:"].iter().any(|start| line.starts_with(start)) {
            quoting = false;
        }
        !quoting
    };
    text.lines().filter(quotes).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_not_recorded() {
        let text = "pg_restore failed (exit status: 1):\npg_restore: error: COPY failed for table \"t\": ERROR:  no\nDETAIL:  Failing row contains (1, secret\nof two lines).\nHINT:  Do that.\nCONTEXT:  COPY t, line 1: \"1\tsecret\"\npg_restore: done";
        assert_eq!(
            without_rows(text),
            "pg_restore failed (exit status: 1):\npg_restore: error: COPY failed for table \"t\": ERROR:  no\nHINT:  Do that.\npg_restore: done"
        );
    }
}
