//! What in an archive belongs to chosen tables, by the archive's own dependencies (`pg_restore --list --verbose`). Pure.

use std::collections::{BTreeMap, BTreeSet};

use unisys_db::TableName;

use super::toc::{self, Entry};

/// An entry and the numbers of those it depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) entry: Entry,
    id: u32,
    depends: BTreeSet<u32>,
}

/// What belongs to chosen tables.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Belongings {
    /// The entries, in the archive's order.
    pub(super) entries: Vec<Entry>,
    /// Entries that belong to a chosen table and also to one that is not: foreign keys to it, the attachment to its parent.
    pub(super) torn: Vec<Entry>,
}

/// What comes with a table when all else it stands on comes too.
const BELONGINGS: &[&str] = &[
    "SEQUENCE OWNED BY",
    "TABLE ATTACH",
    "DEFAULT",
    "SEQUENCE SET",
    "CONSTRAINT",
    "CHECK CONSTRAINT",
    "INDEX",
    "INDEX ATTACH",
    "FK CONSTRAINT",
    "TRIGGER",
    "RULE",
    "POLICY",
    "ROW SECURITY",
    "STATISTICS",
    "COMMENT",
    "ACL",
];

/// What has rows or stands for them, and triggers, which partitions have from their parents: an entry that depends on one of
/// these that is not chosen is torn. Not indexes and keys: what needs one of another table names that table, too, and those of
/// a partition name their parent's without needing them.
const STANDS_ON: &[&str] = &["TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE", "TRIGGER"];

/// Returns the nodes of a verbose list.
pub(super) fn nodes(list: &str) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for line in list.lines() {
        if let Some(numbers) = line.strip_prefix(";\tdepends on: ") {
            if let Some(node) = nodes.last_mut() {
                node.depends.extend(numbers.split(' ').filter_map(|number| number.parse::<u32>().ok()));
            }
        } else if let Some(entry) = toc::entries(line).pop() {
            let id = entry.line.split(';').next().and_then(|number| number.parse().ok()).unwrap_or(0);
            nodes.push(Node { entry, id, depends: BTreeSet::new() });
        }
    }
    nodes
}

/// Returns what belongs to the tables with these object ids: themselves, the sequences they own, then whatever depends on
/// these and on no relation that is not chosen.
pub(super) fn belongings(nodes: &[Node], tables: &BTreeSet<u32>) -> Belongings {
    let is_table = |node: &Node| node.entry.is(&["TABLE"]) && !is_other_table(&node.entry);
    let mut chosen: BTreeSet<u32> = nodes
        .iter()
        .filter(|node| is_table(node) && tables.contains(&node.entry.oid))
        .map(|n| n.id)
        .collect();
    // a sequence depends on the table that owns it, and on none otherwise
    let owned = nodes.iter().filter(|node| {
        node.entry.is(&["SEQUENCE"])
            && !node.entry.is(&["SEQUENCE SET", "SEQUENCE OWNED BY"])
            && !node.depends.is_disjoint(&chosen)
    });
    let owned: Vec<u32> = owned.map(|node| node.id).collect();
    chosen.extend(owned);
    let relations: BTreeMap<u32, &Node> = nodes
        .iter()
        .filter(|node| {
            node.entry.is(STANDS_ON)
                && !is_other_table(&node.entry)
                && !node.entry.is(&["SEQUENCE SET", "SEQUENCE OWNED BY"])
        })
        .map(|node| (node.id, node))
        .collect();
    let mut torn = BTreeSet::new();
    loop {
        let before = chosen.len();
        for node in nodes.iter().filter(|node| node.entry.is(BELONGINGS)) {
            if chosen.contains(&node.id) || node.depends.is_disjoint(&chosen) {
                continue;
            }
            let missing = node.depends.iter().any(|id| relations.contains_key(id) && !chosen.contains(id));
            // a default may read a sequence of nobody's, which the database must have
            if missing && !node.entry.is(&["DEFAULT"]) {
                torn.insert(node.id);
            } else {
                chosen.insert(node.id);
            }
        }
        if chosen.len() == before {
            break;
        }
    }
    let of = |ids: &BTreeSet<u32>| {
        nodes.iter().filter(|node| ids.contains(&node.id)).map(|node| node.entry.clone()).collect()
    };
    torn.retain(|id| !chosen.contains(id));
    Belongings { entries: of(&chosen), torn: of(&torn) }
}

/// Returns the object ids of tables that only their names are known of, each with its owner.
pub(super) fn tables<'t>(
    nodes: &[Node],
    named: impl IntoIterator<Item = (&'t TableName, &'t str)>,
) -> BTreeSet<u32> {
    let texts: Vec<_> = named
        .into_iter()
        .map(|(name, owner)| (format!("TABLE {} {}", name.schema, name.name), format!(" {owner}")))
        .collect();
    let is_named = |entry: &Entry| {
        texts
            .iter()
            .any(|(start, end)| entry.is_between(start, end) && entry.text().len() == start.len() + end.len())
    };
    nodes.iter().filter(|node| is_named(&node.entry)).map(|node| node.entry.oid).collect()
}

/// The kinds of entries whose words begin with that of a table's.
fn is_other_table(entry: &Entry) -> bool {
    entry.is(&["TABLE DATA", "TABLE ATTACH"])
}

/// Returns the entries of the schemas that the entries stand in.
pub(super) fn schemas(nodes: &[Node], entries: &[Entry]) -> Vec<Entry> {
    let needed: BTreeSet<u32> = nodes
        .iter()
        .filter(|node| entries.contains(&node.entry))
        .flat_map(|node| node.depends.iter().copied())
        .collect();
    let schemas = nodes.iter().filter(|node| node.entry.is(&["SCHEMA"]) && needed.contains(&node.id));
    schemas.map(|node| node.entry.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "; Selected TOC Entries:\n\
6; 2615 16386 SCHEMA - app o\n\
218; 1259 16398 TABLE app child o\n;\tdepends on: 6\n\
3390; 0 0 COMMENT app TABLE child o\n;\tdepends on: 218\n\
217; 1259 16397 SEQUENCE app child_id_seq o\n;\tdepends on: 6 218\n\
3392; 0 0 SEQUENCE OWNED BY app child_id_seq o\n;\tdepends on: 217\n\
216; 1259 16388 TABLE app parent o\n;\tdepends on: 6\n\
3216; 2604 16401 DEFAULT app child id o\n;\tdepends on: 218 217 218\n\
3380; 0 16398 TABLE DATA app child o\n;\tdepends on: 218\n\
3393; 0 0 SEQUENCE SET app child_id_seq o\n;\tdepends on: 217\n\
3224; 2606 16406 CONSTRAINT app child child_pkey o\n;\tdepends on: 218\n\
3221; 2606 16394 CONSTRAINT app parent parent_pkey o\n;\tdepends on: 216\n\
3222; 1259 16422 INDEX app child_note o\n;\tdepends on: 218\n\
3233; 2606 16407 FK CONSTRAINT app child child_parent_fkey o\n;\tdepends on: 3221 218 216\n";

    fn ids(entries: &[Entry]) -> Vec<&str> {
        entries.iter().map(|entry| entry.line.split(';').next().unwrap()).collect()
    }

    #[test]
    fn a_table_brings_its_own_and_leaves_what_needs_another() {
        let found = belongings(&nodes(LIST), &BTreeSet::from([16398]));
        assert_eq!(ids(&found.entries), ["218", "3390", "217", "3392", "3216", "3393", "3224", "3222"]);
        assert_eq!(ids(&found.torn), ["3233"]);
    }

    #[test]
    fn two_tables_bring_what_is_between_them() {
        let found = belongings(&nodes(LIST), &BTreeSet::from([16398, 16388]));
        assert!(ids(&found.entries).contains(&"3233") && found.torn.is_empty());
    }

    const PARTITIONS: &str = "\
217; 1259 16396 TABLE app events o\n;\tdepends on: 6 217\n\
219; 1259 16422 TABLE app later o\n;\tdepends on: 217 6\n\
220; 1259 16433 TABLE app eu o\n;\tdepends on: 219 6\n\
3238; 0 0 TABLE ATTACH app later o\n;\tdepends on: 219 217\n\
3239; 0 0 TABLE ATTACH app eu o\n;\tdepends on: 220 219\n\
3246; 2606 16400 CONSTRAINT app events events_pkey o\n;\tdepends on: 217 217 217\n\
3252; 2606 16426 CONSTRAINT app later later_pkey o\n;\tdepends on: 219 219 3246 219 219\n\
3255; 2606 16437 CONSTRAINT app eu eu_pkey o\n;\tdepends on: 220 220 220 3252 220\n\
3265; 0 0 INDEX ATTACH app later_pkey o\n;\tdepends on: 3246 3252 219 3246 219 217\n\
3267; 0 0 INDEX ATTACH app eu_pkey o\n;\tdepends on: 3246 3252 219 3255 220 3246 3252 219 220 219\n\
3273; 2620 16408 TRIGGER app events touched o\n;\tdepends on: 217 228\n\
3275; 2620 16416 TRIGGER app eu touched o\n;\tdepends on: 220 228 220 3273\n";

    #[rstest::rstest]
    #[case(&[16433], "220 3255", "3239 3267 3275")]
    #[case(&[16433, 16422], "219 220 3239 3252 3255 3267", "3238 3265 3275")]
    #[case(&[16433, 16422, 16396], "217 219 220 3238 3239 3246 3252 3255 3265 3267 3273 3275", "")]
    fn a_partition_has_its_own_keys_and_its_parents_triggers_only_with_it(
        #[case] tables: &[u32],
        #[case] expected: &str,
        #[case] torn: &str,
    ) {
        let found = belongings(&nodes(PARTITIONS), &tables.iter().copied().collect());
        assert_eq!(
            (ids(&found.entries).join(" "), ids(&found.torn).join(" ")),
            (expected.into(), torn.into())
        );
    }

    #[test]
    fn a_table_is_found_by_its_name() {
        let (later, eu) = (TableName::new("app", "later"), TableName::new("app", "eu"));
        assert_eq!(tables(&nodes(PARTITIONS), [(&later, "o")]), BTreeSet::from([16422]));
        assert_eq!(tables(&nodes(PARTITIONS), [(&eu, "other")]), BTreeSet::new());
    }

    #[test]
    fn the_schema_is_found() {
        let nodes = nodes(LIST);
        let found = belongings(&nodes, &BTreeSet::from([16388]));
        assert_eq!(ids(&schemas(&nodes, &found.entries)), ["6"]);
    }
}
