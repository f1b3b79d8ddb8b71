//! Restoring chosen tables into a database that is there: by one session, in one transaction, so that a failure at any place
//! leaves it as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use unisys_db::catalog::{Place, Spot, Table, schema_exists, spot};
use unisys_db::facts::TableFacts;
use unisys_db::pattern::TablePattern;
use unisys_db::{Session, TableName, Target};

use super::copy_script;
use super::graph::{self, Node};
use super::into::private_directory;
use super::rows::load_file;
use super::stream::Archive;
use super::toc::Entry;
use super::{LeaveOut, LoadAs, OpenBackup, Restore};
use crate::OpsError;
use crate::backup::BackupId;
use crate::program::{PgVersion, Programs, Search};
use crate::progress::{Expected, Progress};

/// Which tables, and whereto.
#[derive(Clone)]
pub struct ChosenTables {
    /// The backup.
    pub backup: Arc<OpenBackup>,
    /// The database, which must be there.
    pub target: Target,
    /// Which tables.
    pub patterns: Vec<TablePattern>,
    /// Whether owners and privileges are left out.
    pub no_owner: bool,
    /// Where PostgreSQL's programs are looked for.
    pub search: Search,
    /// The directory in which a private one is made for definitions; it never holds rows.
    pub parent: PathBuf,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// What will be restored.
#[derive(Clone, Debug, Serialize)]
pub struct ChosenPlan {
    /// The backup.
    pub backup: BackupId,
    /// The server, login and database, without the password.
    pub target: String,
    /// The tables.
    pub tables: Vec<ChosenTable>,
    /// What to know, in sentences.
    pub notes: Vec<String>,
    /// Why it cannot be done, in sentences.
    pub obstacles: Vec<String>,
    #[serde(skip)]
    major: u32,
}

/// A table to restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChosenTable {
    /// Its name.
    #[serde(flatten)]
    pub table: TableName,
    /// How many rows it gets.
    pub rows: u64,
    /// Whether it is made, with its indexes and constraints; else it is there and empty, and gets its rows.
    pub make: bool,
}

impl ChosenTables {
    /// Says what [`ChosenTables::run`] would do.
    ///
    /// # Errors
    /// [`OpsError`] when the database cannot be asked; [`OpsError::Refused`] when a pattern takes no table.
    pub async fn plan(&self) -> Result<ChosenPlan, OpsError> {
        let facts = &self.backup.facts;
        for pattern in &self.patterns {
            if !facts.tables.iter().any(|known| pattern.matches(&known.table.name)) {
                return Err(OpsError::Refused(format!(
                    "no table of the backup is taken by {} (partitioned tables are chosen by their partitions)",
                    pattern.as_str()
                )));
            }
        }
        let session = Session::open(&self.target).await?;
        let place = Place::load(&session).await?;
        let mut plan = ChosenPlan {
            backup: self.backup.manifest.id.clone(),
            target: self.target.to_string(),
            tables: Vec::new(),
            notes: Vec::new(),
            obstacles: Vec::new(),
            major: place.major(),
        };
        if place.major() < facts.database.major() {
            plan.obstacles.push(format!(
                "The server is PostgreSQL {}, the backup is of {}: an older server cannot take it.",
                place.version, facts.database.server_version
            ));
        }
        if facts.database.encoding != "UTF8" {
            plan.obstacles.push(format!(
                "The backup is in {}; tables are chosen from backups in UTF8 only. Restore all of it to another name.",
                facts.database.encoding
            ));
        }
        for known in self.chosen() {
            let spot = spot(&session, &known.table.name).await?;
            if spot == Spot::Taken {
                plan.obstacles.push(format!("{} is there and not an empty table.", known.table.name));
            }
            if facts.selection.as_ref().is_some_and(|selection| selection.is_without_rows(&known.table.name))
            {
                plan.notes
                    .push(format!("{} comes without rows: the backup leaves them out.", known.table.name));
            }
            plan.tables.push(ChosenTable {
                table: known.table.name.clone(),
                rows: known.rows.rows,
                make: spot == Spot::Free,
            });
        }
        session.close().await;
        Ok(plan)
    }

    fn chosen(&self) -> impl Iterator<Item = &TableFacts> {
        let taken =
            |known: &&TableFacts| self.patterns.iter().any(|pattern| pattern.matches(&known.table.name));
        self.backup.facts.tables.iter().filter(taken)
    }

    /// Does what the plan says; all of it or nothing. Returns what could not come along, in sentences.
    ///
    /// # Errors
    /// [`OpsError`]; the database is then as it was.
    pub async fn run(&self, plan: &ChosenPlan) -> Result<Vec<String>, OpsError> {
        if let Some(obstacle) = plan.obstacles.first() {
            return Err(OpsError::Refused(obstacle.clone()));
        }
        let directory = private_directory(&self.parent)?;
        let restore = self.restore(plan, directory.path())?;
        self.backup.check_files(1, &self.progress).await?;
        let schema = Archive::File(restore.stage("schema.dump.zst.age", "schema.dump").await?);
        let nodes = restore.nodes(&schema).await?;
        let make: BTreeSet<u32> = self.oids(plan, |table| table.make);
        let definitions = graph::belongings(&nodes, &make);
        let session = Session::open(&self.target).await?;
        session.set_pinned().await?;
        session.batch_execute("begin").await.map_err(session.doing("begin"))?;
        hold_empty(&session, plan).await?;
        let mut pre = self.missing_schemas(&session, &nodes, &definitions.entries).await?;
        pre.extend(definitions.entries.iter().cloned());
        execute(&restore, &session, &schema, &pre, "--section=pre-data").await?;
        self.load(&restore, &session).await?;
        self.set_sequences(&restore, &session, plan).await?;
        execute(&restore, &session, &schema, &definitions.entries, "--section=post-data").await?;
        session.batch_execute("commit").await.map_err(session.doing("commit"))?;
        for known in self.chosen() {
            let sql = format!("analyze {}", known.table.name.quoted());
            session.batch_execute(&sql).await.map_err(session.doing("analyze"))?;
        }
        Ok(definitions.torn.iter().map(|entry| format!("not restored: {}", entry.text())).collect())
    }

    fn restore(&self, plan: &ChosenPlan, directory: &Path) -> Result<Restore, OpsError> {
        let dumped_by = PgVersion::parse(&self.backup.manifest.pg_dump_version).map_or(0, |v| v.major);
        Ok(Restore {
            backup: Arc::clone(&self.backup),
            target: self.target.clone(),
            database: self.target.database.clone(),
            programs: Programs::client_for(&self.search, plan.major.max(dumped_by))?,
            run_as: None,
            directory: directory.to_owned(),
            load_as: LoadAs::Login,
            leave_out: LeaveOut { owners: self.no_owner, ..LeaveOut::default() },
            jobs: 1,
            progress: Arc::clone(&self.progress),
        })
    }

    fn oids(&self, plan: &ChosenPlan, wanted: impl Fn(&ChosenTable) -> bool) -> BTreeSet<u32> {
        let pairs = self.chosen().zip(&plan.tables);
        pairs.filter(|(_, chosen)| wanted(chosen)).map(|(known, _)| known.table.oid).collect()
    }

    /// Returns the entries of the schemas that are to be made.
    async fn missing_schemas(
        &self,
        session: &Session,
        nodes: &[Node],
        entries: &[Entry],
    ) -> Result<Vec<Entry>, OpsError> {
        let names: BTreeSet<&str> = self.chosen().map(|known| known.table.name.schema.as_str()).collect();
        let mut missing = Vec::new();
        for entry in graph::schemas(nodes, entries) {
            let name = names.iter().find(|name| entry.text().starts_with(&format!("SCHEMA - {name} ")));
            if let Some(name) = name
                && !schema_exists(session, name).await?
            {
                missing.push(entry);
            }
        }
        Ok(missing)
    }

    /// Loads the rows: from the tables' own files, then what is in the archive, in one pass.
    async fn load(&self, restore: &Restore, session: &Session) -> Result<(), OpsError> {
        let chosen: BTreeMap<u32, &Table> = self.chosen().map(|k| (k.table.oid, &k.table)).collect();
        let bytes = self.chosen().map(|known| known.rows.bytes).sum();
        self.progress.begin("restore", Expected::bytes(bytes));
        let loads = restore.loads();
        for load in loads.iter().filter(|load| chosen.contains_key(&load.table.oid)) {
            let item = self.progress.start(&load.table.name.to_string(), Expected::bytes(load.bytes));
            for file in &load.files {
                load_file(restore, session, load, file, &*item).await?;
            }
            item.finish();
        }
        let bulk: BTreeSet<u32> = loads.iter().map(|load| load.table.oid).collect();
        let archive = Archive::Sealed("database.dump.zst.age");
        let entries = restore.entries(&archive, &["--section=data"]).await?;
        let wanted = |entry: &&Entry| {
            entry.is(&["TABLE DATA"]) && chosen.contains_key(&entry.oid) && !bulk.contains(&entry.oid)
        };
        let entries: Vec<&Entry> = entries.iter().filter(wanted).collect();
        if entries.is_empty() {
            return Ok(());
        }
        let tables: Vec<&Table> =
            entries.iter().filter_map(|entry| chosen.get(&entry.oid).copied()).collect();
        let list = restore.write_list("rows.list", entries.into_iter())?;
        let mut command = restore.command(&restore.target);
        command.args(["-f", "-", "-L"]).arg(&list);
        let item = self.progress.start("small tables", Expected::UNKNOWN);
        let (reading, stdout) = archive.start_reading(command, &self.backup)?;
        let loaded = copy_script::load(stdout, &tables, session, &*item).await;
        reading.finish().await?;
        loaded?;
        item.finish();
        Ok(())
    }

    /// Sets the sequences that the tables own. Their values are in the archive with the rows.
    async fn set_sequences(
        &self,
        restore: &Restore,
        session: &Session,
        plan: &ChosenPlan,
    ) -> Result<(), OpsError> {
        let archive = Archive::Sealed("database.dump.zst.age");
        let nodes = restore.nodes(&archive).await?;
        let all = graph::belongings(&nodes, &self.oids(plan, |_| true));
        let values: Vec<Entry> =
            all.entries.into_iter().filter(|entry| entry.is(&["SEQUENCE SET"])).collect();
        execute(restore, session, &archive, &values, "--section=data").await
    }
}

impl Restore {
    async fn nodes(&self, archive: &Archive) -> Result<Vec<Node>, OpsError> {
        let mut command = self.command(&self.target);
        command.args(["--list", "--verbose"]);
        let list = archive.output(command, &self.backup).await?;
        Ok(graph::nodes(&String::from_utf8_lossy(&list)))
    }
}

/// Keeps others from writing to the tables that are there and empty, and looks again whether they are.
async fn hold_empty(session: &Session, plan: &ChosenPlan) -> Result<(), OpsError> {
    for chosen in plan.tables.iter().filter(|chosen| !chosen.make) {
        let sql = format!("lock table only {} in exclusive mode", chosen.table.quoted());
        session.batch_execute(&sql).await.map_err(session.doing(format!("lock {}", chosen.table)))?;
        if spot(session, &chosen.table).await? != Spot::Empty {
            return Err(OpsError::Refused(format!("{} is not empty any more", chosen.table)));
        }
    }
    Ok(())
}

/// Runs the definitions of some entries in the session's transaction.
async fn execute(
    restore: &Restore,
    session: &Session,
    archive: &Archive,
    entries: &[Entry],
    section: &str,
) -> Result<(), OpsError> {
    if entries.is_empty() {
        return Ok(());
    }
    let list = restore.write_list("definitions.list", entries.iter())?;
    let mut command = restore.command(&restore.target);
    command.args(["-f", "-", section]).args(restore.leave_out.options()).arg("-L").arg(&list);
    let script = archive.output(command, &restore.backup).await?;
    let script = String::from_utf8(script)
        .map_err(|_| OpsError::Corrupt("the archive's definitions are not in UTF-8".into()))?;
    let doing = session.doing("restore the tables' definitions");
    Ok(session.batch_execute(&without_psql(&script)).await.map_err(doing)?)
}

/// Leaves out psql's `\restrict KEY` at the start and `\unrestrict KEY` at the end, which are no SQL.
fn without_psql(script: &str) -> String {
    let restrict = script.lines().find_map(|line| line.strip_prefix("\\restrict "));
    let Some(key) = restrict else { return script.to_owned() };
    let own = [format!("\\restrict {key}"), format!("\\unrestrict {key}")];
    script.lines().filter(|line| !own.iter().any(|own| own == line)).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_psqls_own_lines_are_left_out() {
        let script = "--\n\\restrict k3y\nselect '\n\\unrestrict other\n';\n\\unrestrict k3y\n";
        assert_eq!(without_psql(script), "--\nselect '\n\\unrestrict other\n';\n");
    }
}
