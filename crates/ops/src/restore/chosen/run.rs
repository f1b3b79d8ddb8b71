//! Doing what the plan for chosen tables says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use unisys_db::catalog::{Spot, Table, schema_exists, spot};
use unisys_db::inventory::Kind;
use unisys_db::{Session, TableName, facts, quote_ident};

use super::moved::Moved;
use super::script::Script;
use super::{ChosenPlan, ChosenTable, ChosenTables};
use crate::OpsError;
use crate::program::{PgVersion, Programs};
use crate::progress::Expected;
use crate::restore::graph::{self, Node};
use crate::restore::into::private_directory;
use crate::restore::rows::load_file;
use crate::restore::schedule::Load;
use crate::restore::stream::Archive;
use crate::restore::toc::Entry;
use crate::restore::{LeaveOut, LoadAs, Restore, copy_script, unquoted};

impl ChosenTables {
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
        let make: BTreeSet<u32> = self.oids(plan, &nodes, |table| table.make);
        let definitions = graph::belongings(&nodes, &make);
        let session = Session::open(&self.target).await?;
        session.set_pinned().await?;
        session.batch_execute("begin").await.map_err(session.doing("begin"))?;
        self.hold_empty(&session, plan).await?;
        let all = graph::belongings(&nodes, &self.oids(plan, &nodes, |_| true));
        let moved = self.moved(plan, &all.entries);
        let mut pre = self.schemas(plan, &session, &nodes, &definitions.entries).await?;
        pre.extend(definitions.entries.iter().cloned());
        let script = Script { restore: &restore, session: &session, moved: moved.as_ref() };
        script.execute(&schema, &pre, "--section=pre-data").await?;
        self.load(plan, &restore, &session).await?;
        self.set_sequences(&script, plan).await?;
        script.execute(&schema, &definitions.entries, "--section=post-data").await?;
        self.compare(plan, &session).await?;
        session.batch_execute("commit").await.map_err(session.doing("commit"))?;
        self.analyze(plan, &session).await?;
        Ok(self.left_out(plan, &definitions.torn))
    }

    /// Returns what could not come along, in sentences. What a partition has from its parent comes when it is attached.
    fn left_out(&self, plan: &ChosenPlan, torn: &[Entry]) -> Vec<String> {
        let told = torn.iter().filter(|entry| !entry.is(&["TABLE ATTACH", "INDEX ATTACH"]));
        let told = told.map(|entry| format!("not restored: {}", entry.text()));
        let apart = plan.tables.iter().filter(|chosen| {
            let made = |parent: &TableName| chosen.make && plan.makes(parent);
            !plan.partitions.parent(&chosen.table).is_none_or(made)
        });
        let attaching = apart.filter(|chosen| chosen.make).filter_map(|chosen| {
            let parent = plan.partitions.parent(&chosen.table)?;
            let here = self.into_schema.as_deref();
            let sql = plan.partitions.attaching(&chosen.table, here)?;
            Some(format!(
                "{} is no partition of {parent}; to make it one: {sql}",
                self.place_of(&chosen.table)
            ))
        });
        told.chain(attaching).collect()
    }

    /// Collects the planner's statistics; those of a partitioned table with its partitions'.
    async fn analyze(&self, plan: &ChosenPlan, session: &Session) -> Result<(), OpsError> {
        let parents: BTreeSet<&TableName> =
            plan.tables.iter().filter(|chosen| chosen.partitioned).map(|chosen| &chosen.table).collect();
        for ChosenTable { table, .. } in &plan.tables {
            if plan.partitions.ancestors(table).any(|parent| parents.contains(parent)) {
                continue;
            }
            let sql = format!("analyze {}", self.place_of(table).quoted());
            session.batch_execute(&sql).await.map_err(session.doing("analyze"))?;
        }
        Ok(())
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
            only: None,
            jobs: 1,
            progress: Arc::clone(&self.progress),
        })
    }

    /// Returns the object ids in the source of the tables that are wanted.
    fn oids(
        &self,
        plan: &ChosenPlan,
        nodes: &[Node],
        wanted: impl Fn(&ChosenTable) -> bool,
    ) -> BTreeSet<u32> {
        let names: BTreeSet<&TableName> =
            plan.tables.iter().filter(|chosen| wanted(chosen)).map(|chosen| &chosen.table).collect();
        let parents = plan.partitions.parents().filter(|(name, _)| names.contains(name));
        let mut oids = graph::tables(nodes, parents);
        let known = self.chosen(plan).map(|known| &known.table);
        oids.extend(known.filter(|table| names.contains(&table.name)).map(|table| table.oid));
        oids
    }

    /// Returns what gets another schema, where that is asked for: the tables, and the sequences, indexes and statistics that
    /// come with them, which stand in their tables' schemas.
    fn moved(&self, plan: &ChosenPlan, belongings: &[Entry]) -> Option<Moved<'_>> {
        let schema = self.into_schema.as_deref()?;
        let tables = || plan.tables.iter().map(|chosen| &chosen.table);
        let mut relations: BTreeSet<TableName> = tables().cloned().collect();
        let schemas: BTreeSet<&str> = tables().map(|table| table.schema.as_str()).collect();
        let roles = self.backup.facts.inventory.items.iter().filter(|item| item.kind == Kind::Role);
        let roles: BTreeSet<String> = roles.map(|item| unquoted(&item.name)).collect();
        // whichever role it belongs to, its name is the end of the line
        let named = |rest: &str| -> Vec<String> {
            roles
                .iter()
                .filter_map(|role| rest.strip_suffix(&format!(" {role}")))
                .map(str::to_owned)
                .collect()
        };
        for entry in belongings.iter().filter(|entry| entry.is(&MOVED_KINDS)) {
            for schema in &schemas {
                let rest = MOVED_KINDS
                    .iter()
                    .find_map(|kind| entry.text().strip_prefix(&format!("{kind} {schema} ")));
                let names = rest.map(named).into_iter().flatten();
                relations.extend(names.map(|name| TableName::new(*schema, name)));
            }
        }
        // the index of a key is called as the key, which the list writes behind its table
        for entry in belongings.iter().filter(|entry| entry.is(&["CONSTRAINT"])) {
            for table in tables() {
                let start = format!("CONSTRAINT {} {} ", table.schema, table.name);
                let names = entry.text().strip_prefix(&start).map(named).into_iter().flatten();
                relations.extend(names.map(|name| TableName::new(&table.schema, name)));
            }
        }
        Some(Moved { relations, schema })
    }

    /// Returns the entries of the schemas that are to be made, or makes the one that all come into.
    async fn schemas(
        &self,
        plan: &ChosenPlan,
        session: &Session,
        nodes: &[Node],
        entries: &[Entry],
    ) -> Result<Vec<Entry>, OpsError> {
        if let Some(schema) = &self.into_schema {
            self.make_schema(plan, session, schema).await?;
            return Ok(Vec::new());
        }
        let names: BTreeSet<&str> = plan.tables.iter().map(|chosen| chosen.table.schema.as_str()).collect();
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

    /// Makes the schema where it is missing. The tables' owners may use it: foreign keys are checked with their rights.
    async fn make_schema(&self, plan: &ChosenPlan, session: &Session, schema: &str) -> Result<(), OpsError> {
        if schema_exists(session, schema).await? {
            return Ok(());
        }
        let name = quote_ident(schema);
        let mut sql = format!("create schema {name};");
        let parents = plan.partitions.parents().filter(|(name, _)| plan.makes(name));
        let owners = self.chosen(plan).map(|known| known.table.owner.as_str());
        let owners: BTreeSet<&str> = owners.chain(parents.map(|(_, owner)| owner)).collect();
        for owner in owners.into_iter().filter(|_| !self.no_owner) {
            sql.push_str(&format!("grant usage, create on schema {name} to {};", quote_ident(owner)));
        }
        Ok(session.batch_execute(&sql).await.map_err(session.doing(format!("make the schema {schema}")))?)
    }

    /// Loads the rows: from the tables' own files, then what is in the archive, in one pass.
    async fn load(&self, plan: &ChosenPlan, restore: &Restore, session: &Session) -> Result<(), OpsError> {
        let place = |table: &Table| Table { name: self.place_of(&table.name), ..table.clone() };
        let chosen: BTreeMap<u32, Table> =
            self.chosen(plan).map(|k| (k.table.oid, place(&k.table))).collect();
        let bytes = self.chosen(plan).map(|known| known.rows.bytes).sum();
        self.progress.begin("restore", Expected::bytes(bytes));
        let loads = restore.loads();
        for load in &loads {
            let Some(table) = chosen.get(&load.table.oid) else { continue };
            let load = Load { table: table.clone(), ..load.clone() };
            let item = self.progress.start(&load.table.name.to_string(), Expected::bytes(load.bytes));
            for file in &load.files {
                load_file(restore, session, &load, file, &*item).await?;
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
        let tables: Vec<&Table> = entries.iter().filter_map(|entry| chosen.get(&entry.oid)).collect();
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
    async fn set_sequences(&self, script: &Script<'_>, plan: &ChosenPlan) -> Result<(), OpsError> {
        let archive = Archive::Sealed("database.dump.zst.age");
        let nodes = script.restore.nodes(&archive).await?;
        let all = graph::belongings(&nodes, &self.oids(plan, &nodes, |_| true));
        let values: Vec<Entry> =
            all.entries.into_iter().filter(|entry| entry.is(&["SEQUENCE SET"])).collect();
        script.execute(&archive, &values, "--section=data").await
    }

    /// Compares each table with the backup, as it is now in the session's transaction: a trigger or a rule of a table that was
    /// there may have changed its rows on their way in.
    async fn compare(&self, plan: &ChosenPlan, session: &Session) -> Result<(), OpsError> {
        let facts = &self.backup.facts;
        self.progress.begin("verify", Expected::bytes(self.chosen(plan).map(|known| known.rows.bytes).sum()));
        for known in self.chosen(plan) {
            let table = Table { name: self.place_of(&known.table.name), ..known.table.clone() };
            let item = self.progress.start(&table.name.to_string(), Expected::bytes(known.rows.bytes));
            let found = facts::of_table(session, &table, facts.seed).await?;
            item.advance(found.bytes, found.rows);
            if found != known.rows {
                return Err(OpsError::Refused(format!(
                    "{} would not be as in the backup ({} rows there, {} here): something in the database changes \
                     its rows; nothing was kept",
                    table.name, known.rows.rows, found.rows
                )));
            }
            item.finish();
        }
        Ok(())
    }

    /// Keeps others from writing to the tables that are there and empty, and looks again whether they are.
    async fn hold_empty(&self, session: &Session, plan: &ChosenPlan) -> Result<(), OpsError> {
        for chosen in plan.tables.iter().filter(|chosen| !chosen.make && !chosen.partitioned) {
            let table = self.place_of(&chosen.table);
            let sql = format!("lock table only {} in exclusive mode", table.quoted());
            session.batch_execute(&sql).await.map_err(session.doing(format!("lock {table}")))?;
            if spot(session, &table).await? != Spot::Empty {
                return Err(OpsError::Refused(format!("{table} is not empty any more")));
            }
        }
        Ok(())
    }
}

/// What comes with a table, stands in its schema and has a name of its own there.
const MOVED_KINDS: [&str; 3] = ["SEQUENCE", "INDEX", "STATISTICS"];
