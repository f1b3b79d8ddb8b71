//! Grants that nobody can take back as things are, made the owner's.
//!
//! REVOKE finds out by itself in whose name it speaks: of a role that has the owner's rights too, always the owner's
//! (`select_best_grantor`). What such a role gave before it got these rights, neither it nor anybody else can take back. Where the
//! object belongs to that role for a moment, its grants become those of the owner, who can.

use super::chain::{Chain, Take};
use super::draft::Draft;
use super::owners::{alter, lost, pass_along};
use super::things::Thing;
use super::wanted::Want;
use super::words::shown;
use crate::roles::{AclEntry, Class, Oid, Phase, Privileges};

/// Returns whether a grantor can take this back by itself.
pub(super) fn can_take(draft: &Draft<'_>, chain: &Chain<'_>, take: &Take) -> bool {
    take.grantor == chain.owner
        || (!draft.has_rights_of(take.grantor, chain.owner)
            && take.privileges.minus(chain.options_of(take.grantor)).is_empty())
}

/// Returns whether somebody but the owner gave something on it.
pub(super) fn has_other_grantors(thing: &Thing<'_>) -> bool {
    let other = |entry: &AclEntry| entry.grantor != thing.owner;
    thing.acl.iter().any(other) || thing.columns.iter().any(|(_, acl)| acl.iter().any(other))
}

/// Makes the grantor the owner for a moment. Returns whether that was possible.
pub(super) fn take_over(draft: &mut Draft<'_>, things: &mut [Thing<'_>], at: usize, grantor: Oid) -> bool {
    let at = match things[at].of_table {
        Some(table) => things.iter().position(|t| t.class() == Class::Table && t.object.oid == table),
        None => Some(at),
    };
    let Some(at) = at.filter(|at| things[*at].class() != Class::Parameter) else { return false };
    if !draft.all_powerful() || draft.is_dropped(grantor) {
        return false;
    }
    let (thing, owner) = (&things[at], things[at].owner);
    let (there, back) = (alter(draft, thing, grantor), alter(draft, thing, owner));
    let (name, what) = (draft.shown(grantor), shown(&thing.object.to_string()));
    let reason = format!(
        "{name} gave something on {what} and has the rights of {} by now, so neither can take it back: it becomes the owner's",
        draft.shown(owner)
    );
    let undo = lost(draft, things, at, grantor);
    draft.change(Phase::Owners, None, there, reason.clone(), None, vec![]);
    draft.change(Phase::Owners, None, back, reason, None, undo);
    pass_along(things, at, grantor);
    pass_along(things, at, owner);
    true
}

/// Returns the grantors that will have to take something back and cannot.
pub(super) fn stuck(
    draft: &Draft<'_>,
    thing: &Thing<'_>,
    whole: &[&Want],
    columns: &[(usize, Want)],
) -> Vec<Oid> {
    let mut stuck = Vec::new();
    let mut look = |chain: &Chain<'_>, wants: &[&Want]| {
        for take in chain.compare(draft, wants).takes {
            if !can_take(draft, chain, &take) {
                stuck.push(take.grantor);
            }
        }
    };
    look(&Chain { owner: thing.owner, entries: &thing.acl, table: None }, whole);
    for (place, acl) in &thing.columns {
        let wants: Vec<&Want> = columns.iter().filter(|(at, _)| at == place).map(|(_, want)| want).collect();
        look(&Chain { owner: thing.owner, entries: acl, table: Some(&thing.acl) }, &wants);
    }
    stuck
}

/// Says that a grant can be taken back by nobody but a superuser.
pub(super) fn refuse(draft: &mut Draft<'_>, thing: &Thing<'_>, take: &Take, privileges: Privileges) {
    let (grantor, what) = (draft.shown(take.grantor), shown(&thing.object.to_string()));
    let todo = match draft.all_powerful() {
        true => format!("Take the membership in {} from {grantor} first.", draft.shown(thing.owner)),
        false => "Let a superuser apply it.".to_owned(),
    };
    draft.impossible(
        format!("take {} on {what} from {}", privileges.words(), draft.shown(take.grantee)),
        format!("{grantor} granted it, and by now would speak for the owner"),
        todo,
        None,
    );
}
