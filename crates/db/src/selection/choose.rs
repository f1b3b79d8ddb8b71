//! What patterns take: a pure decision over names.

use std::collections::{BTreeMap, BTreeSet};

use super::{Relation, Selection, SelectionError, TRANSIENT};
use crate::TableName;
use crate::pattern::{SchemaPattern, TablePattern};

/// What patterns leave out, by object id.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    /// The schemas.
    pub(super) schemas: BTreeMap<u32, String>,
    /// The relations, those of the schemas not among them.
    pub(super) relations: BTreeSet<u32>,
    /// The relations that were chosen by name.
    pub(super) named: BTreeSet<u32>,
    /// The tables whose rows are left out because somebody said so.
    pub(super) without_rows: BTreeSet<u32>,
    /// The tables whose rows are left out because they are ours and worth nothing.
    pub(super) transient: BTreeSet<u32>,
}

/// Decides what is left out. `ours` says that our migrations made the schema.
pub(super) fn choose(
    selection: &Selection,
    schemas: &[(u32, String)],
    relations: &[Relation],
    ours: bool,
) -> Result<Choice, SelectionError> {
    each_takes("schemas", &selection.schemas, schemas)?;
    each_takes("exclude-schemas", &selection.exclude_schemas, schemas)?;
    let takes = |patterns: &[SchemaPattern], name: &str| patterns.iter().any(|p| p.matches(name));
    let stays = |name: &str| {
        (selection.schemas.is_empty() || takes(&selection.schemas, name))
            && !takes(&selection.exclude_schemas, name)
    };
    let out: BTreeMap<u32, String> = schemas.iter().filter(|(_, name)| !stays(name)).cloned().collect();
    if !schemas.is_empty() && out.len() == schemas.len() {
        return Err(SelectionError::Empty);
    }
    let tree = Tree::new(relations);
    let named = tree.taken("tables", &selection.tables)?;
    let excluded = tree.taken("exclude-tables", &selection.exclude_tables)?;
    let mut choice = Choice { schemas: out, ..Choice::default() };
    for relation in relations.iter().filter(|relation| stays(&relation.name.schema)) {
        let above = tree.above(relation.oid);
        let chosen = selection.tables.is_empty() || above.iter().any(|oid| named.contains(oid));
        if !chosen || above.iter().any(|oid| excluded.contains(oid)) {
            choice.relations.insert(relation.oid);
        } else if named.contains(&relation.oid) {
            choice.named.insert(relation.oid);
        }
    }
    choice.without_rows =
        tree.rows_of(&tree.taken_tables("exclude-table-data", &selection.exclude_table_data)?);
    if selection.exclude_transient && ours {
        let patterns = TRANSIENT.iter().filter_map(|text| TablePattern::parse(text).ok());
        let taken = patterns.flat_map(|pattern| tree.matching(&pattern, is_table)).collect();
        choice.transient = tree.rows_of(&taken).difference(&choice.without_rows).copied().collect();
    }
    Ok(choice)
}

fn each_takes(
    option: &'static str,
    patterns: &[SchemaPattern],
    schemas: &[(u32, String)],
) -> Result<(), SelectionError> {
    match patterns.iter().find(|pattern| !schemas.iter().any(|(_, name)| pattern.matches(name))) {
        Some(pattern) => {
            Err(SelectionError::Nothing { option, pattern: pattern.as_str().to_owned(), what: "schema" })
        }
        None => Ok(()),
    }
}

fn is_table(relation: &Relation) -> bool {
    matches!(relation.kind, 'r' | 'p')
}

/// Relations with what they belong to.
struct Tree<'r> {
    relations: &'r [Relation],
    belongs_to: BTreeMap<u32, u32>,
}

impl<'r> Tree<'r> {
    fn new(relations: &'r [Relation]) -> Self {
        let belongs_to = relations.iter().filter_map(|relation| Some((relation.oid, relation.belongs_to?)));
        Self { relations, belongs_to: belongs_to.collect() }
    }

    /// Returns a relation and all it belongs to.
    fn above(&self, oid: u32) -> Vec<u32> {
        std::iter::successors(Some(oid), |oid| self.belongs_to.get(oid).copied()).collect()
    }

    fn matching(&self, pattern: &TablePattern, wanted: fn(&Relation) -> bool) -> Vec<u32> {
        let matches = |relation: &&Relation| wanted(relation) && pattern.matches(&relation.name);
        self.relations.iter().filter(matches).map(|relation| relation.oid).collect()
    }

    fn taken(
        &self,
        option: &'static str,
        patterns: &[TablePattern],
    ) -> Result<BTreeSet<u32>, SelectionError> {
        self.taken_of(option, patterns, |_| true)
    }

    fn taken_tables(
        &self,
        option: &'static str,
        patterns: &[TablePattern],
    ) -> Result<BTreeSet<u32>, SelectionError> {
        self.taken_of(option, patterns, is_table)
    }

    fn taken_of(
        &self,
        option: &'static str,
        patterns: &[TablePattern],
        wanted: fn(&Relation) -> bool,
    ) -> Result<BTreeSet<u32>, SelectionError> {
        let mut taken = BTreeSet::new();
        for pattern in patterns {
            let found = self.matching(pattern, wanted);
            if found.is_empty() {
                let pattern = pattern.as_str().to_owned();
                return Err(SelectionError::Nothing { option, pattern, what: "table" });
            }
            taken.extend(found);
        }
        Ok(taken)
    }

    /// Returns these tables and their partitions, to the last.
    fn rows_of(&self, tables: &BTreeSet<u32>) -> BTreeSet<u32> {
        let below = |relation: &&Relation| {
            is_table(relation) && self.above(relation.oid).iter().any(|oid| tables.contains(oid))
        };
        self.relations.iter().filter(below).map(|relation| relation.oid).collect()
    }
}

/// Returns what a relation that was chosen by name belongs to, for people.
pub(super) fn owner_name(relations: &[Relation], oid: u32) -> Option<(&TableName, &TableName)> {
    let relation = relations.iter().find(|relation| relation.oid == oid)?;
    let owner = relations.iter().find(|owner| Some(owner.oid) == relation.belongs_to)?;
    Some((&relation.name, &owner.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `app.p` with two partitions and a sequence, `app.t`, `app.v` a view, `other.t`, `etl.staging_a`, `app.sessions`.
    fn relations() -> Vec<Relation> {
        let relation = |oid, schema: &str, name: &str, kind, belongs_to| Relation {
            oid,
            name: TableName::new(schema, name),
            kind,
            belongs_to,
        };
        vec![
            relation(1, "app", "p", 'p', None),
            relation(2, "app", "p_1", 'r', Some(1)),
            relation(3, "app", "p_2", 'p', Some(1)),
            relation(4, "app", "p_2_1", 'r', Some(3)),
            relation(5, "app", "p_id_seq", 'S', Some(1)),
            relation(6, "app", "t", 'r', None),
            relation(7, "app", "v", 'v', None),
            relation(8, "other", "t", 'r', None),
            relation(9, "etl", "staging_a", 'r', None),
            relation(10, "app", "sessions", 'r', None),
        ]
    }

    fn schemas() -> Vec<(u32, String)> {
        [(100, "app"), (101, "other"), (102, "etl")].map(|(oid, name)| (oid, name.to_owned())).to_vec()
    }

    fn tables(patterns: &[&str]) -> Vec<TablePattern> {
        patterns.iter().map(|text| TablePattern::parse(text).unwrap()).collect()
    }

    fn names(patterns: &[&str]) -> Vec<SchemaPattern> {
        patterns.iter().map(|text| SchemaPattern::parse(text).unwrap()).collect()
    }

    fn chosen(selection: &Selection, ours: bool) -> Result<Choice, SelectionError> {
        choose(selection, &schemas(), &relations(), ours)
    }

    #[test]
    fn without_patterns_nothing_is_left_out() {
        assert_eq!(chosen(&Selection::default(), true).unwrap(), Choice::default());
    }

    #[rstest::rstest]
    #[case(&["app"], &[], &[101, 102])]
    #[case(&["app", "e*"], &[], &[101])]
    #[case(&[], &["o?her"], &[101])]
    #[case(&["*"], &["app"], &[100])]
    fn schemas_are_left_out(#[case] include: &[&str], #[case] exclude: &[&str], #[case] out: &[u32]) {
        let selection =
            Selection { schemas: names(include), exclude_schemas: names(exclude), ..Selection::default() };
        let choice = chosen(&selection, false).unwrap();
        assert_eq!(choice.schemas.into_keys().collect::<Vec<_>>(), out);
        assert!(choice.relations.is_empty());
    }

    #[rstest::rstest]
    // a partitioned table comes and goes with its partitions and sequences
    #[case(&["app.p"], &[], &[6, 7, 8, 9, 10])]
    #[case(&[], &["app.p"], &[1, 2, 3, 4, 5])]
    #[case(&[], &["app.p_2"], &[3, 4])]
    #[case(&["app.*"], &["app.v"], &[7, 8, 9])]
    #[case(&["t"], &["other.*"], &[1, 2, 3, 4, 5, 7, 8, 9, 10])]
    fn tables_are_left_out(#[case] include: &[&str], #[case] exclude: &[&str], #[case] out: &[u32]) {
        let selection =
            Selection { tables: tables(include), exclude_tables: tables(exclude), ..Selection::default() };
        let choice = chosen(&selection, false).unwrap();
        assert_eq!(choice.relations.into_iter().collect::<Vec<_>>(), out);
    }

    #[test]
    fn rows_are_left_out_of_every_partition_and_of_no_view() {
        let selection = Selection { exclude_table_data: tables(&["app.p", "app.?"]), ..Selection::default() };
        let choice = chosen(&selection, false).unwrap();
        assert_eq!(choice.without_rows.into_iter().collect::<Vec<_>>(), [1, 2, 3, 4, 6]);
        let view = Selection { exclude_table_data: tables(&["app.v"]), ..Selection::default() };
        assert!(chosen(&view, false).is_err());
    }

    #[rstest::rstest]
    #[case(true, &[9, 10])]
    // a stranger's table of the same name keeps its rows
    #[case(false, &[])]
    fn sessions_and_staging_are_left_out_of_our_own_schema_alone(#[case] ours: bool, #[case] out: &[u32]) {
        let selection = Selection { exclude_transient: true, ..Selection::default() };
        assert_eq!(chosen(&selection, ours).unwrap().transient.into_iter().collect::<Vec<_>>(), out);
    }

    #[test]
    fn a_pattern_that_takes_nothing_is_an_error() {
        for selection in [
            Selection { schemas: names(&["ap"]), ..Selection::default() },
            Selection { exclude_schemas: names(&["app", "x*"]), ..Selection::default() },
            Selection { tables: tables(&["app.T"]), ..Selection::default() },
            Selection { exclude_tables: tables(&["other.p"]), ..Selection::default() },
            Selection { exclude_table_data: tables(&["app.t", "gone"]), ..Selection::default() },
        ] {
            let error = chosen(&selection, false).unwrap_err();
            assert!(matches!(error, SelectionError::Nothing { .. }), "{error}");
        }
        let nothing = Selection { exclude_schemas: names(&["*"]), ..Selection::default() };
        assert!(matches!(chosen(&nothing, false), Err(SelectionError::Empty)));
    }
}
