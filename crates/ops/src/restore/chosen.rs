//! Restoring chosen tables into a database that is there: by one session, in one transaction, so that a failure at any place
//! leaves it as it was. Each is compared with the backup before the transaction ends.

mod moved;
mod run;
mod script;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use unisys_db::catalog::{Place, Spot, schema_exists, spot};
use unisys_db::facts::TableFacts;
use unisys_db::pattern::TablePattern;
use unisys_db::{Session, TableName, Target};

use super::{OpenBackup, Partitions};
use crate::OpsError;
use crate::backup::BackupId;
use crate::program::Search;
use crate::progress::Progress;

/// Which tables, and whereto.
#[derive(Clone)]
pub struct ChosenTables {
    /// The backup.
    pub backup: Arc<OpenBackup>,
    /// The database, which must be there.
    pub target: Target,
    /// Which tables.
    pub patterns: Vec<TablePattern>,
    /// The schema they all come into, instead of their own.
    pub into_schema: Option<String>,
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
    /// The schema all of them come into, where it is not their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub into_schema: Option<String>,
    /// The tables, partitioned ones after those with rows.
    pub tables: Vec<ChosenTable>,
    /// What to know, in sentences.
    pub notes: Vec<String>,
    /// Why it cannot be done, in sentences.
    pub obstacles: Vec<String>,
    #[serde(skip)]
    major: u32,
    #[serde(skip)]
    partitions: Partitions,
}

/// A table to restore.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChosenTable {
    /// Its name in the backup.
    #[serde(flatten)]
    pub table: TableName,
    /// How many rows it gets.
    pub rows: u64,
    /// Whether it is made, with its indexes and constraints; else it is there and empty, and gets its rows.
    pub make: bool,
    /// Whether it is a partitioned table, whose rows are its partitions'.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partitioned: bool,
}

impl ChosenTables {
    /// Says what [`ChosenTables::run`] would do.
    ///
    /// # Errors
    /// [`OpsError`] when the database cannot be asked; [`OpsError::Refused`] when a pattern takes no table.
    pub async fn plan(&self) -> Result<ChosenPlan, OpsError> {
        let facts = &self.backup.facts;
        let partitions = Partitions::of(&facts.inventory);
        crate::drill::chosen(&self.backup, &partitions, &self.patterns)?;
        let session = Session::open(&self.target).await?;
        let place = Place::load(&session).await?;
        let mut plan = ChosenPlan {
            backup: self.backup.manifest.id.clone(),
            target: self.target.to_string(),
            into_schema: self.into_schema.clone(),
            tables: Vec::new(),
            notes: Vec::new(),
            obstacles: Vec::new(),
            major: place.major(),
            partitions,
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
        if let Some(schema) = &self.into_schema
            && !schema_exists(&session, schema).await?
        {
            plan.notes.push(format!("Makes the schema {schema}."));
        }
        for (table, rows) in self.wanted(&plan.partitions) {
            let place = self.place_of(&table);
            let spot = spot(&session, &place).await?;
            let partitioned = rows.is_none();
            if !matches!(
                (spot, partitioned),
                (Spot::Free, _) | (Spot::Empty, false) | (Spot::Partitioned, true)
            ) {
                plan.obstacles.push(match partitioned {
                    false => format!("{place} is there and not an empty table."),
                    true => format!("{place} is there and not partitioned."),
                });
            }
            let make = spot == Spot::Free;
            plan.tables.push(ChosenTable { table, rows: rows.unwrap_or(0), make, partitioned });
        }
        plan.obstacles.extend(self.collisions(&plan));
        plan.notes.extend(self.notes(&plan));
        session.close().await;
        Ok(plan)
    }

    /// Returns where a table of the backup comes.
    fn place_of(&self, name: &TableName) -> TableName {
        match &self.into_schema {
            Some(schema) => TableName::new(schema, &name.name),
            None => name.clone(),
        }
    }

    /// Returns the tables that the patterns take, with the numbers of their rows, then the partitioned ones, which have none.
    fn wanted(&self, partitions: &Partitions) -> Vec<(TableName, Option<u64>)> {
        let known = self.backup.facts.tables.iter();
        let tables = known.map(|known| (known.table.name.clone(), Some(known.rows.rows)));
        let parents = partitions.parents().map(|(name, _)| (name.clone(), None));
        tables.chain(parents).filter(|(name, _)| partitions.taken(&self.patterns, name)).collect()
    }

    /// Returns which tables would have one name.
    fn collisions(&self, plan: &ChosenPlan) -> Vec<String> {
        let mut places = BTreeSet::new();
        let places = plan
            .tables
            .iter()
            .map(|chosen| self.place_of(&chosen.table))
            .filter(|place| !places.insert(place.clone()));
        places.map(|place| format!("Two of the tables would be {place}.")).collect()
    }

    /// Returns what to know of single tables.
    fn notes(&self, plan: &ChosenPlan) -> Vec<String> {
        let selection = self.backup.facts.selection.as_ref();
        let mut notes = Vec::new();
        for ChosenTable { table, make, partitioned, .. } in &plan.tables {
            if !partitioned && selection.is_some_and(|selection| selection.is_without_rows(table)) {
                notes.push(format!("{table} comes without rows: the backup leaves them out."));
            }
            let parent = plan.partitions.parent(table).filter(|_| *make);
            if let Some(parent) = parent.filter(|parent| !plan.makes(parent)) {
                notes
                    .push(format!("{table} comes as a table of its own, without what it has from {parent}."));
            }
        }
        notes
    }

    /// Returns the chosen tables that have rows.
    fn chosen<'c>(&'c self, plan: &'c ChosenPlan) -> impl Iterator<Item = &'c TableFacts> {
        let names: BTreeSet<&TableName> =
            plan.tables.iter().filter(|chosen| !chosen.partitioned).map(|chosen| &chosen.table).collect();
        self.backup.facts.tables.iter().filter(move |known| names.contains(&known.table.name))
    }
}

impl ChosenPlan {
    /// Whether this table is made.
    fn makes(&self, table: &TableName) -> bool {
        self.tables.iter().any(|chosen| chosen.make && chosen.table == *table)
    }
}
