//! Restoring chosen tables into a database that is there: by one session, in one transaction, so that a failure at any place
//! leaves it as it was. Each is compared with the backup before the transaction ends.

mod moved;
mod run;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use unisys_db::catalog::{Place, Spot, schema_exists, spot};
use unisys_db::facts::TableFacts;
use unisys_db::pattern::TablePattern;
use unisys_db::{Session, TableName, Target};

use super::OpenBackup;
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
    /// Its name in the backup.
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
        crate::drill::chosen(&self.backup, &self.patterns)?;
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
        let mut places = BTreeSet::new();
        for known in self.chosen() {
            let place = self.place_of(&known.table.name);
            let spot = spot(&session, &place).await?;
            if spot == Spot::Taken {
                plan.obstacles.push(format!("{place} is there and not an empty table."));
            }
            if !places.insert(place.clone()) {
                plan.obstacles.push(format!("Two of the tables would be {place}."));
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

    /// Returns where a table of the backup comes.
    fn place_of(&self, name: &TableName) -> TableName {
        match &self.into_schema {
            Some(schema) => TableName::new(schema, &name.name),
            None => name.clone(),
        }
    }

    fn chosen(&self) -> impl Iterator<Item = &TableFacts> {
        let taken =
            |known: &&TableFacts| self.patterns.iter().any(|pattern| pattern.matches(&known.table.name));
        self.backup.facts.tables.iter().filter(taken)
    }
}
