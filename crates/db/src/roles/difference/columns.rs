//! Privileges on single columns. What is taken from a role on a table goes with its columns, so these come last.

use std::collections::BTreeMap;

use super::chain::{Chain, Give, Outcome, Take};
use super::draft::Draft;
use super::things::Thing;
use super::wanted::Want;
use crate::roles::{Acl, AclEntry, Oid, Privileges};

/// What a statement on a table takes along of its columns: column, privileges, which of these with grant option.
pub(super) type Along = Vec<(String, Privileges, Privileges)>;

/// What is to be done about one column.
pub(super) struct OfColumn {
    pub(super) place: usize,
    pub(super) outcome: Outcome,
}

/// Compares the columns of a table, after what the table's own statements take along.
pub(super) fn compare(
    draft: &Draft<'_>,
    thing: &Thing<'_>,
    takes: &[Take],
    wants: &[(usize, Want)],
) -> Vec<OfColumn> {
    let mut by_place: BTreeMap<usize, Vec<&Want>> = BTreeMap::new();
    for (place, want) in wants {
        by_place.entry(*place).or_default().push(want);
    }
    for (place, _) in &thing.columns {
        by_place.entry(*place).or_default();
    }
    let none = Acl::default();
    let compare = |(place, wants): (usize, Vec<&Want>)| {
        let acl = thing.columns.iter().find(|(at, _)| *at == place).map_or(&none, |(_, acl)| acl);
        let chain = |entries| Chain { owner: thing.owner, entries, table: Some(&thing.acl) };
        // who depends on another is judged as it is, before the table's statements: it goes first
        let mut outcome = chain(acl).compare(draft, &wants);
        let after: Vec<AclEntry> =
            acl.iter().filter_map(|entry| remains(takes, thing.owner, *entry)).collect();
        let later = chain(&after).compare(draft, &wants);
        outcome.takes.retain(|take| take.grantor != thing.owner);
        outcome.takes.extend(later.takes.into_iter().filter(|take| take.grantor == thing.owner));
        outcome.gives = later.gives;
        OfColumn { place, outcome }
    };
    by_place.into_iter().map(compare).collect()
}

/// Returns what is left of a column's entry after the owner's statements on the table.
fn remains(takes: &[Take], owner: Oid, mut entry: AclEntry) -> Option<AclEntry> {
    for take in takes.iter().filter(|take| take.grantor == owner) {
        if (take.grantee, take.grantor) == (entry.grantee, entry.grantor) {
            entry.grantable = entry.grantable.minus(take.privileges);
            if !take.option {
                entry.privileges = entry.privileges.minus(take.privileges);
            }
        }
    }
    (!entry.privileges.is_empty()).then_some(entry)
}

/// Returns what taking this back on the table takes along of its columns.
pub(super) fn taken_along(thing: &Thing<'_>, take: &Take) -> Along {
    along(thing, take.grantee, take.grantor, take.privileges)
        .into_iter()
        .filter(|(.., grantable)| !take.option || !grantable.is_empty())
        .map(|(column, privileges, grantable)| {
            (column, if take.option { grantable } else { privileges }, grantable)
        })
        .collect()
}

/// Returns what taking back a gift on the table, later, would take along of its columns.
pub(super) fn given_along(thing: &Thing<'_>, give: &Give) -> Along {
    along(thing, give.grantee, thing.owner, give.privileges)
}

fn along(thing: &Thing<'_>, grantee: Oid, grantor: Oid, privileges: Privileges) -> Along {
    let mut along = Along::new();
    for (place, acl) in &thing.columns {
        for entry in acl.iter().filter(|entry| (entry.grantee, entry.grantor) == (grantee, grantor)) {
            let (both, grantable) =
                (entry.privileges.intersection(privileges), entry.grantable.intersection(privileges));
            if let (false, Some(column)) = (both.is_empty(), thing.object.columns.get(*place)) {
                along.push((column.name.clone(), both, grantable));
            }
        }
    }
    along
}
