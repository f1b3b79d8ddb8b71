//! What a backup holds of its database, where that is not everything: asked for, and found to be left out.

use serde::{Deserialize, Serialize};
use unisys_db::TableName;
use unisys_db::inventory::Inventory;
use unisys_db::pattern::{SchemaPattern, TablePattern};
use unisys_db::selection::{Content, Scope, Selection};

use super::DumpOptions;
use crate::OpsError;

/// How many names a sentence has.
const SHOWN: usize = 5;

/// A part of a database. In the manifest, so that it can be read without a key, and among the facts, so that the manifest cannot
/// lie about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selected {
    /// Whether definitions, rows or both.
    pub content: Content,
    /// The patterns of schemas, as they were written; all schemas where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub schemas: Vec<String>,
    /// The patterns of schemas to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_schemas: Vec<String>,
    /// The patterns of tables; all tables where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
    /// The patterns of tables to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_tables: Vec<String>,
    /// The patterns of tables whose rows to leave out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub exclude_table_data: Vec<String>,
    /// The options pg_dump was given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pg_dump_options: Vec<String>,
    /// The schemas that were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out_schemas: Vec<String>,
    /// The tables and views that were left out of schemas that were not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out_tables: Vec<TableName>,
    /// The tables that are there without their rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without_rows: Vec<TableName>,
    /// The materialised views that come back with other rows than they had, because they read such tables.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rebuilt_views: Vec<TableName>,
}

impl Selected {
    /// Returns what a backup holds; nothing where that is everything.
    pub(super) fn new(selection: &Selection, options: &DumpOptions, scope: &Scope) -> Option<Self> {
        if scope.is_everything() && options.words().next().is_none() {
            return None;
        }
        Some(Self {
            content: scope.content(),
            left_out_schemas: scope.schemas().map(str::to_owned).collect(),
            left_out_tables: scope.tables(),
            without_rows: scope.without_rows(),
            rebuilt_views: scope.rebuilt().to_vec(),
            ..Self::asked(selection, options)
        })
    }

    /// Returns what is asked for; what that leaves out on the day is not known yet.
    pub fn asked(selection: &Selection, options: &DumpOptions) -> Self {
        let schemas =
            |patterns: &[SchemaPattern]| patterns.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
        let tables =
            |patterns: &[TablePattern]| patterns.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
        Self {
            content: selection.content,
            schemas: schemas(&selection.schemas),
            exclude_schemas: schemas(&selection.exclude_schemas),
            tables: tables(&selection.tables),
            exclude_tables: tables(&selection.exclude_tables),
            exclude_table_data: tables(&selection.exclude_table_data),
            pg_dump_options: options.words().map(str::to_owned).collect(),
            ..Self::default()
        }
    }

    /// Returns what is left out, a phrase each: `schemas: a, b`.
    pub fn left_out(&self) -> Vec<String> {
        let mut phrases = Vec::new();
        match self.content {
            Content::All => {}
            Content::Schema => {
                phrases.push("all rows, sequence values and large objects (schema only)".into());
            }
            Content::Data => {
                phrases.push("definitions, but beside the rows, to prove them (data only)".into());
                phrases.push("the rows of materialised views, which stay unfilled".into());
            }
        }
        phrases.extend(named("schemas:", &self.left_out_schemas));
        phrases.extend(named("tables:", &texts(&self.left_out_tables)));
        phrases.extend(named("the rows of", &texts(&self.without_rows)));
        phrases.extend(named("what pg_dump leaves out with", &self.pg_dump_options));
        phrases
    }

    /// Returns which part of the database was asked for, in words; nothing where all of it was. What that left out on the day does
    /// not matter: without the rows of sessions, staging and what a standby has not, a backup is whole. Backups of which this is
    /// the same are of one kind: retention counts them together, and only a whole one is fresh or the latest.
    pub fn part(&self) -> Option<String> {
        let content = match self.content {
            Content::All => None,
            Content::Schema => Some("schema only".to_owned()),
            Content::Data => Some("data only".to_owned()),
        };
        let list = |what: &str, patterns: &[String]| {
            (!patterns.is_empty()).then(|| format!("{what} {}", patterns.join(", ")))
        };
        let parts = [
            content,
            list("schemas", &self.schemas),
            list("without schemas", &self.exclude_schemas),
            list("tables", &self.tables),
            list("without tables", &self.exclude_tables),
            list("without the rows of", &self.exclude_table_data),
            list("pg_dump", &self.pg_dump_options),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Returns what a drill of the backup cannot prove, a sentence each.
    pub(crate) fn not_compared(&self) -> Vec<String> {
        let mut texts: Vec<String> =
            self.left_out().into_iter().map(|phrase| format!("left out of the backup: {phrase}")).collect();
        texts.extend(self.rebuilt());
        texts
    }

    /// Returns the views that come back with other rows, as a phrase.
    pub fn rebuilt(&self) -> Option<String> {
        named("rows of materialised views that read tables without rows:", &texts(&self.rebuilt_views))
    }

    /// Returns what of an inventory the options of pg_dump leave to be expected.
    ///
    /// # Errors
    /// [`OpsError::Refused`] for options of a newer release.
    pub(crate) fn expected(&self, inventory: Inventory) -> Result<Inventory, OpsError> {
        Ok(DumpOptions::parse(&self.pg_dump_options)?.expected(inventory))
    }

    /// Whether a backup holds the rows of this table of its database.
    pub fn holds_rows_of(&self, table: &TableName) -> bool {
        !self.is_without_rows(table)
            && !self.left_out_schemas.contains(&table.schema)
            && self.left_out_tables.binary_search(table).is_err()
    }

    /// Whether the rows of this table are left out, though it is there.
    pub fn is_without_rows(&self, table: &TableName) -> bool {
        self.content == Content::Schema || self.without_rows.binary_search(table).is_ok()
    }
}

fn texts(names: &[TableName]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn named(what: &str, names: &[String]) -> Option<String> {
    let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = names.len().saturating_sub(SHOWN);
    match (names.len(), more) {
        (0, _) => None,
        (_, 0) => Some(format!("{what} {shown}")),
        (_, more) => Some(format!("{what} {shown} and {more} more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_said_in_phrases() {
        let table = |name: &str| TableName::new("app", name);
        let selected = Selected {
            left_out_schemas: vec!["etl".into()],
            left_out_tables: (1..=7).map(|i| table(&format!("t{i}"))).collect(),
            without_rows: vec![table("sessions")],
            pg_dump_options: vec!["--no-comments".into()],
            rebuilt_views: vec![table("v")],
            ..Selected::default()
        };
        assert_eq!(
            selected.left_out(),
            [
                "schemas: etl",
                "tables: app.t1, app.t2, app.t3, app.t4, app.t5 and 2 more",
                "the rows of app.sessions",
                "what pg_dump leaves out with --no-comments",
            ]
        );
        assert_eq!(
            selected.not_compared().last().map(String::as_str),
            Some("rows of materialised views that read tables without rows: app.v")
        );
        assert!(selected.is_without_rows(&table("sessions")) && !selected.is_without_rows(&table("t")));
    }
    #[rstest::rstest]
    #[case::sessions_and_staging(Selected { without_rows: vec![TableName::new("app", "sessions")], ..Selected::default() }, None)]
    #[case::schema(Selected { content: Content::Schema, ..Selected::default() }, Some("schema only"))]
    #[case::data(Selected { content: Content::Data, ..Selected::default() }, Some("data only"))]
    #[case::schemas(Selected { schemas: vec!["app".into(), "hr*".into()], ..Selected::default() }, Some("schemas app, hr*"))]
    #[case::without_schemas(Selected { exclude_schemas: vec!["etl".into()], ..Selected::default() }, Some("without schemas etl"))]
    #[case::tables(Selected { tables: vec!["app.t".into()], ..Selected::default() }, Some("tables app.t"))]
    #[case::without_tables(Selected { exclude_tables: vec!["app.t".into()], ..Selected::default() }, Some("without tables app.t"))]
    #[case::rows_somebody_left_out(Selected { exclude_table_data: vec!["*.log".into()], ..Selected::default() }, Some("without the rows of *.log"))]
    #[case::options(Selected { pg_dump_options: vec!["--no-comments".into()], ..Selected::default() }, Some("pg_dump --no-comments"))]
    fn a_backup_is_whole_unless_somebody_asked_for_less(
        #[case] selected: Selected,
        #[case] part: Option<&str>,
    ) {
        assert_eq!(selected.part().as_deref(), part);
    }
}
