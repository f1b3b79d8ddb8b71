//! Memberships. Those of a declared role are all declared; a role with `only_members` has no others.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::joins::{Edge, Options, give, live_options, take, take_options};
use super::words::{shown, some};
use crate::roles::{BOOTSTRAP, MemberOf, Membership, Oid, RoleRule};

/// The role whose only member is the owner of the database, without a grant.
const DATABASE_OWNER: &str = "pg_database_owner";

pub(super) fn compare(draft: &mut Draft<'_>) {
    let wanted = wanted(draft);
    let mut plan = Plan { wanted: &wanted, joins: vec![], leaves: vec![] };
    let members: BTreeSet<Oid> = judged(draft, &wanted);
    let mut pairs: BTreeMap<(Oid, Oid), Vec<Membership>> = BTreeMap::new();
    for membership in &draft.live.memberships {
        pairs.entry((membership.role, membership.member)).or_default().push(*membership);
    }
    for edge in wanted.values() {
        pairs.entry((edge.role, edge.member)).or_default();
    }
    let mut others: BTreeMap<Oid, Vec<String>> = BTreeMap::new();
    for ((role, member), rows) in &pairs {
        if draft.roles.get(member).is_none_or(|member| member.is_predefined()) && *member != draft.login() {
            continue;
        }
        let edge = wanted.get(&(*role, *member));
        match edge {
            Some(edge) => plan.wanted(draft, edge, rows),
            None if members.contains(member) || shut(draft, *role, *member) => {
                plan.unwanted(draft, rows, members.contains(member));
            }
            None => {
                plan.foreign(draft, rows);
                others.entry(*role).or_default().push(draft.shown(*member));
            }
        }
    }
    for (role, names) in others {
        if let Some((_, rule)) = draft.declared.iter().find(|(oid, _)| *oid == role) {
            let line = rule.line;
            draft.notice(
                format!("{} has members of its own: {}", draft.shown(role), some(&names)),
                Some(line),
            );
        }
    }
    plan.write(draft);
}

/// What is wanted, by role and member.
type Edges = BTreeMap<(Oid, Oid), Edge>;

fn wanted(draft: &mut Draft<'_>) -> Edges {
    let mut edges = Edges::new();
    for (member, rule) in draft.declared.clone() {
        for membership in &rule.member_of {
            if membership.versions.include(draft.version) {
                edges_of(draft, &mut edges, member, rule, membership);
            }
        }
    }
    edges
}

fn edges_of(draft: &mut Draft<'_>, edges: &mut Edges, member: Oid, rule: &RoleRule, of: &MemberOf) {
    let (line, name) = (of.line, draft.shown(member));
    let what = format!("make {name} a member of {}", shown(&of.role));
    let Some(role) = draft.role_id(&of.role).filter(|_| of.role != DATABASE_OWNER) else {
        let major = draft.version / 10_000;
        let (why, todo) = match of.role == DATABASE_OWNER {
            true => {
                ("its only member is the owner of the database".to_owned(), "Make it the owner.".to_owned())
            }
            false => (
                format!("this server (PostgreSQL {major}) has no such role"),
                "Say from which version on it is meant: since = …".to_owned(),
            ),
        };
        return draft.impossible(what, why, todo, Some(line));
    };
    let options = Options { admin: of.admin, inherit: of.inherit, set: of.set };
    let mut add = |role, member, options| {
        edges.insert((role, member), Edge { role, member, options, line });
    };
    if draft.version >= 160_000 {
        return add(role, member, options);
    }
    let any = Options { inherit: true, set: true, admin: false };
    if let (false, Some(through)) = (of.inherit, of.through.as_ref().and_then(|name| draft.role_id(name))) {
        add(through, member, any);
        return add(role, through, Options { admin: of.admin, ..any });
    }
    if !of.set {
        draft.impossible(
            what,
            "before 16 every member may SET ROLE",
            "Say since = 16, or leave the membership out.",
            Some(line),
        );
    } else if of.inherit || !rule.inherit {
        // a role without INHERIT inherits nothing, whatever its memberships say
        add(role, member, Options { admin: of.admin, ..any });
    } else {
        draft.impossible(
            what,
            format!("before 16 a role inherits all or nothing, and {name} inherits"),
            "Name a role that stands in between: through = …",
            Some(line),
        );
    }
}

/// Returns the roles all of whose memberships are declared: the policy's, and those that stand in between.
fn judged(draft: &Draft<'_>, wanted: &Edges) -> BTreeSet<Oid> {
    let mut members: BTreeSet<Oid> = draft.declared.iter().map(|(oid, _)| *oid).collect();
    if draft.version < 160_000 {
        members.extend(wanted.values().map(|edge| edge.member));
    }
    members
}

/// Returns whether a role is closed to this member. Who applies the policy works as the roles it makes, and stays.
fn shut(draft: &Draft<'_>, role: Oid, member: Oid) -> bool {
    let rule = draft.declared.iter().find(|(oid, _)| *oid == role).map(|(_, rule)| rule);
    let closed = rule.and_then(|rule| rule.only_members.as_ref());
    member != draft.login()
        && closed.is_some_and(|only| !draft.name(member).is_some_and(|name| only.iter().any(|of| of == name)))
}

/// What is to be done, before it is put in order.
struct Plan<'w> {
    wanted: &'w Edges,
    joins: Vec<(Edge, Option<Membership>, String)>,
    /// A membership by its grantor, what of it goes (all of it, or options), and why.
    leaves: Vec<(Membership, Option<Options>, String)>,
}

impl Plan<'_> {
    /// Whether who granted it will be able to: initdb's superuser always, a declared role only when the policy lets it.
    fn stays(&self, draft: &Draft<'_>, row: &Membership) -> bool {
        let declared = |role: Oid| draft.declared.iter().any(|(oid, _)| *oid == role);
        let grantor = row.grantor;
        let fixed = draft.version < 160_000 || grantor == BOOTSTRAP || grantor == draft.login();
        if draft.retired.contains_key(&grantor) {
            return fixed;
        }
        fixed
            || !declared(grantor)
            || self.wanted.get(&(row.role, grantor)).is_some_and(|edge| edge.options.admin)
    }

    fn wanted(&mut self, draft: &Draft<'_>, edge: &Edge, rows: &[Membership]) {
        let mut has = Options::default();
        let mut own = None;
        let mut any = false;
        for row in rows {
            let options = live_options(draft, row);
            if !self.stays(draft, row) {
                let why =
                    format!("{} may not grant {} any more", draft.shown(row.grantor), draft.shown(row.role));
                if draft.takes() {
                    self.leaves.push((*row, None, why));
                    continue;
                }
            }
            let excess = options.minus(edge.options);
            if !excess.is_empty() && draft.takes() {
                let (member, role) = (draft.shown(row.member), draft.shown(row.role));
                self.leaves.push((
                    *row,
                    Some(excess),
                    format!("{member} is a member of {role} {}", excess.words()),
                ));
            }
            any = true;
            has = has.union(options.intersection(edge.options));
            if row.grantor == if draft.all_powerful() { BOOTSTRAP } else { draft.login() } {
                own = Some(*row);
            }
        }
        if any && edge.options.minus(has).is_empty() {
            return;
        }
        let (member, role) = (draft.shown(edge.member), draft.shown(edge.role));
        let why = match rows.is_empty() {
            true => format!("{member} is no member of {role}"),
            false => format!("{member} is a member of {role}, and not {}", edge.options.minus(has).words()),
        };
        let given = match own {
            Some(_) => Edge { options: edge.options.minus(has), ..*edge },
            None => *edge,
        };
        self.joins.push((given, own, why));
    }

    fn unwanted(&mut self, draft: &mut Draft<'_>, rows: &[Membership], declared: bool) {
        for row in rows {
            let (member, role) = (draft.shown(row.member), draft.shown(row.role));
            if row.member == draft.login() && !draft.all_powerful() {
                draft.notice(format!("{member} applies this policy and stays a member of {role}"), None);
                continue;
            }
            let why = match declared {
                true => format!("{member} is a member of {role}, and the policy does not say so"),
                false => format!("{member} is not among the only members of {role}"),
            };
            if draft.takes() {
                self.leaves.push((*row, None, why));
            } else {
                draft.notice(why, None);
            }
        }
    }

    /// A membership outside of the policy stays, also when its grantor loses the right to have granted it.
    fn foreign(&mut self, draft: &Draft<'_>, rows: &[Membership]) {
        if !draft.takes() {
            return;
        }
        let falls: Vec<&Membership> = rows.iter().filter(|row| !self.stays(draft, row)).collect();
        for row in falls {
            let role = draft.shown(row.role);
            let why = format!("{} will not be able to grant {role} any more", draft.shown(row.grantor));
            let options = live_options(draft, row);
            let edge = Edge { role: row.role, member: row.member, options, line: 0 };
            if !rows.iter().any(|other| {
                other.grantor == BOOTSTRAP && options.minus(live_options(draft, other)).is_empty()
            }) {
                let kept = format!("{why}, and {} keeps it", draft.shown(row.member));
                self.joins.push((edge, None, kept));
            }
            self.leaves.push((*row, None, why));
        }
    }

    /// Returns the new memberships that would make a role a member of itself, when these are gone.
    fn circles(&self, draft: &mut Draft<'_>, gone: &[Membership]) -> Vec<(Oid, Oid, usize)> {
        let before = draft.memberships.clone();
        draft.memberships.retain(|row| !gone.contains(row));
        draft.memberships.extend(self.joins.iter().map(|(edge, ..)| edge.as_row()));
        draft.walk_anew();
        let closes = |edge: &Edge| draft.is_member(edge.role, edge.member);
        let joins = self.joins.iter().map(|(edge, ..)| *edge);
        let circles = joins.filter(closes).map(|edge| (edge.role, edge.member, edge.line)).collect();
        draft.memberships = before;
        draft.walk_anew();
        circles
    }

    fn write(mut self, draft: &mut Draft<'_>) {
        // who depends on a grantor goes before the grantor
        let depth = |row: &Membership| depth(&draft.live.memberships, row, 0);
        self.leaves.sort_by_key(|(row, ..)| std::cmp::Reverse(depth(row)));
        // what is left only later would make a circle of what is joined now
        let first = !self.circles(draft, &[]).is_empty();
        let gone: Vec<Membership> =
            self.leaves.iter().filter(|(_, options, _)| options.is_none()).map(|(row, ..)| *row).collect();
        for (role, member, line) in self.circles(draft, &gone) {
            let (role, member) = (draft.shown(role), draft.shown(member));
            draft.impossible(
                format!("make {member} a member of {role}"),
                format!("{role} is a member of {member}, directly or through others"),
                "Take the other membership away, or declare it differently.",
                Some(line),
            );
        }
        let leave = |draft: &mut Draft<'_>| {
            for (row, options, why) in &self.leaves {
                match options {
                    None => take(draft, row, why, first),
                    Some(options) => take_options(draft, row, *options, why, first),
                }
            }
        };
        if first {
            leave(draft);
        }
        for (edge, own, why) in &self.joins {
            give(draft, edge, own.as_ref(), why);
        }
        if !first {
            leave(draft);
        }
        draft.walk_anew();
    }
}

fn depth(all: &[Membership], row: &Membership, so_far: usize) -> usize {
    if row.grantor == BOOTSTRAP || so_far > all.len() {
        return 0;
    }
    let above = all.iter().filter(|of| of.role == row.role && of.member == row.grantor && of.admin);
    above.map(|of| 1 + depth(all, of, so_far + 1)).max().unwrap_or(0)
}
