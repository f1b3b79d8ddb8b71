//! What in an archive belongs to chosen tables, by the archive's own dependencies (`pg_restore --list --verbose`). Pure.

use std::collections::{BTreeMap, BTreeSet};

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

/// What has rows or stands for them: an entry that depends on one of these that is not chosen is torn.
const RELATIONS: &[&str] =
    &["TABLE", "VIEW", "MATERIALIZED VIEW", "FOREIGN TABLE", "SEQUENCE", "CONSTRAINT", "INDEX"];

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
            node.entry.is(RELATIONS)
                && !is_other_table(&node.entry)
                && !node.entry.is(&["SEQUENCE SET", "SEQUENCE OWNED BY", "INDEX ATTACH"])
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

    #[test]
    fn the_schema_is_found() {
        let nodes = nodes(LIST);
        let found = belongings(&nodes, &BTreeSet::from([16388]));
        assert_eq!(ids(&schemas(&nodes, &found.entries)), ["6"]);
    }
}
