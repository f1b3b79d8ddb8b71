//! Default privileges: what is created later in a declared schema, by each who creates there, begins as the rules say.
//!
//! A list of everywhere is a whole one: the creator's own entry in it stays, and PUBLIC loses there, and only there, what
//! PostgreSQL gives it on new routines and types (a list of a schema can only add). What a rule gives PUBLIC is added by schema.
//! USAGE on schemas to come (`future` on a schema) is a default of the schema's owner, everywhere. Rules that choose by name or
//! columns have no default privileges; what is created later has them from the next apply on.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::Draft;
use super::wanted::{Rule, Rules};
use super::words::{grantee, shown, some};
use crate::quote_ident;
use crate::roles::{AclEntry, Class, DefaultAcl, GrantRule, Oid, PUBLIC, Phase, Privileges};

/// What has default privileges in a schema.
const CLASSES: [Class; 4] = [Class::Table, Class::Sequence, Class::Routine, Class::Type];

/// Whose, where (`None`: everywhere), on what.
type Place = (Oid, Option<String>, Class);

/// What a grantee shall have there: privileges, with option, the rule's line.
type Shall = Vec<(Oid, Privileges, Privileges, usize)>;

pub(super) fn compare(draft: &mut Draft<'_>, rules: &Rules<'_>, owners: &BTreeMap<String, (Oid, bool)>) {
    let creators = creators(draft, owners);
    let wanted = wanted(draft, rules, &creators, owners);
    let mut found = Found::default();
    for (place, list) in lists(draft, &creators, &wanted) {
        let none = Shall::new();
        let shall = wanted.get(&place).unwrap_or(&none);
        found.missing(draft, &place, &list, shall);
        found.excess(draft, &place, &list, shall, &creators);
    }
    found.write(draft);
}

/// Returns who creates in each schema.
fn creators(draft: &Draft<'_>, owners: &BTreeMap<String, (Oid, bool)>) -> BTreeMap<String, BTreeSet<Oid>> {
    let of = |(name, rule): (&String, &crate::roles::SchemaRule)| {
        let owner = owners.get(name).map(|(owner, _)| *owner);
        // the server's own owners create nothing there, and a foreign owner is not the policy's
        let owner = owner.filter(|owner| rule.owner.is_some() || draft.in_scope(*owner));
        let creators = rule.creators.iter().filter_map(|name| draft.role_id(name));
        let all = creators.chain(owner).filter(|role| !draft.retired.contains_key(role)).collect();
        (name.clone(), all)
    };
    draft.policy.schemas.iter().filter(|(name, _)| owners.contains_key(*name)).map(of).collect()
}

fn wanted(
    draft: &mut Draft<'_>,
    rules: &Rules<'_>,
    creators: &BTreeMap<String, BTreeSet<Oid>>,
    owners: &BTreeMap<String, (Oid, bool)>,
) -> BTreeMap<Place, Shall> {
    let mut wanted: BTreeMap<Place, Shall> = BTreeMap::new();
    let mut waits: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for rule in rules.all.iter().filter(|rule| rule.rule.future) {
        if let Some(why) = why_not(rule.rule) {
            waits.entry(why).or_default().push(rule.rule.line);
            continue;
        }
        if rule.rule.on.class == Class::Schema {
            for (schema, (owner, _)) in owners.iter().filter(|(schema, _)| rule.takes_schema(schema)) {
                if creators.get(schema).is_some_and(|creators| creators.contains(owner)) {
                    add(&mut wanted, (*owner, None, Class::Schema), rule);
                }
            }
            continue;
        }
        for schema in
            rule.rule.on.schemas.iter().filter(|schema| owners.get(*schema).is_some_and(|(_, is)| *is))
        {
            for creator in creators.get(schema).into_iter().flatten() {
                add(&mut wanted, (*creator, Some(schema.clone()), rule.rule.on.class), rule);
            }
        }
    }
    for (why, lines) in waits {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        let text = format!(
            "what is created later gets what line {} gives by the next apply only: default privileges {why}",
            lines.join(", ")
        );
        draft.notice(text, None);
    }
    wanted
}

fn add(wanted: &mut BTreeMap<Place, Shall>, place: Place, rule: &Rule<'_>) {
    let creator = place.0;
    let shall = wanted.entry(place).or_default();
    for grantee in rule.grantees.iter().filter(|grantee| **grantee != creator) {
        let grantable = rule.rule.grantable && *grantee != PUBLIC;
        let grantable = if grantable { rule.privileges } else { Privileges::NONE };
        shall.push((*grantee, rule.privileges, grantable, rule.rule.line));
    }
}

/// Returns why a rule cannot be said of objects to come. One with `except` can: what is new is rarely among the excepted, and what
/// is has too much until its creator or the next apply takes it back, which `roles verify` tells.
fn why_not(rule: &GrantRule) -> Option<&'static str> {
    let on = &rule.on;
    if on.class == Class::Schema {
        None
    } else if !CLASSES.contains(&on.class) {
        Some("do not exist for this kind of object")
    } else if !on.names.is_empty() {
        Some("know no names")
    } else if !on.columns.is_empty() {
        Some("know no columns")
    } else {
        None
    }
}

/// Returns each list that is judged, with what it says now.
fn lists(
    draft: &Draft<'_>,
    creators: &BTreeMap<String, BTreeSet<Oid>>,
    wanted: &BTreeMap<Place, Shall>,
) -> BTreeMap<Place, Vec<AclEntry>> {
    let mut lists: BTreeMap<Place, Vec<AclEntry>> =
        wanted.keys().map(|place| (place.clone(), vec![])).collect();
    let all: BTreeSet<Oid> = creators.values().flatten().copied().collect();
    // what no list says, PostgreSQL's own defaults say
    for creator in &all {
        for class in [Class::Routine, Class::Type] {
            let privileges = class.public_default();
            let entry =
                AclEntry { grantee: PUBLIC, grantor: *creator, privileges, grantable: Privileges::NONE };
            lists.insert((*creator, None, class), vec![entry]);
        }
    }
    let judged = |default: &&DefaultAcl| {
        let declared = default.schema.as_ref().is_none_or(|schema| draft.policy.schemas.contains_key(schema));
        declared && (all.contains(&default.creator) || draft.in_scope(default.creator))
    };
    for default in draft.live.defaults.iter().filter(judged) {
        if !draft.retired.contains_key(&default.creator) {
            let place = (default.creator, default.schema.clone(), default.class);
            lists.insert(place, default.acl.to_vec());
        }
    }
    lists
}

/// What statements have in common that become one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    phase: Phase,
    actor: Option<String>,
    line: Option<usize>,
    schema: Option<String>,
    class: Class,
    privileges: Privileges,
    grantable: Privileges,
    /// `with grant option`, or only that
    option: bool,
    /// Whether it has it, without the option.
    upgrade: bool,
}

#[derive(Default)]
struct Found(BTreeMap<Key, BTreeMap<Oid, BTreeSet<Oid>>>);

impl Found {
    fn missing(&mut self, draft: &mut Draft<'_>, place: &Place, list: &[AclEntry], shall: &Shall) {
        let mut given: BTreeMap<Oid, (Privileges, Privileges)> = BTreeMap::new();
        for (grantee, privileges, grantable, line) in shall {
            let (has, can) = has(list, *grantee);
            let (had, could) = given.entry(*grantee).or_default();
            let option = grantable.minus(can).minus(*could);
            let plain = privileges.minus(has).minus(*had).minus(option);
            *had = had.union(plain).union(option);
            *could = could.union(option);
            let upgrade = option.intersection(has);
            for (privileges, option, upgrade) in
                [(plain, false, false), (option.minus(upgrade), true, false), (upgrade, true, true)]
            {
                let line = Some(*line);
                self.add(
                    draft,
                    place,
                    *grantee,
                    Key { privileges, option, upgrade, line, ..key(place, Phase::Defaults) },
                );
            }
        }
    }

    fn excess(
        &mut self,
        draft: &mut Draft<'_>,
        place: &Place,
        list: &[AclEntry],
        shall: &Shall,
        creators: &BTreeMap<String, BTreeSet<Oid>>,
    ) {
        let (creator, schema, class) = place;
        for entry in list.iter().filter(|entry| entry.grantee != *creator) {
            let of = || shall.iter().filter(|(grantee, ..)| *grantee == entry.grantee);
            let wanted = super::chain::union(of().map(|(_, privileges, ..)| *privileges));
            let grantable = super::chain::union(of().map(|(_, _, grantable, _)| *grantable));
            let mut excess = entry.privileges.minus(wanted);
            let creates = creators.values().any(|creators| creators.contains(creator));
            if entry.grantee == PUBLIC && schema.is_none() && !creates {
                excess = excess.minus(class.public_default());
            }
            let option = entry.grantable.minus(grantable).minus(excess);
            if excess.is_empty() && option.is_empty() {
                continue;
            }
            if !draft.in_scope(entry.grantee) || !draft.takes() {
                tell(draft, place, entry.grantee, excess);
                continue;
            }
            let key = key(place, Phase::DefaultRevokes);
            let of_excess = entry.grantable.intersection(excess);
            self.add(
                draft,
                place,
                entry.grantee,
                Key { privileges: excess, grantable: of_excess, ..key.clone() },
            );
            self.add(
                draft,
                place,
                entry.grantee,
                Key { privileges: option, grantable: option, option: true, ..key },
            );
        }
    }

    fn add(&mut self, draft: &mut Draft<'_>, place: &Place, grantee: Oid, key: Key) {
        if !key.privileges.is_empty() {
            let key = Key { actor: draft.speaker(place.0), ..key };
            self.0.entry(key).or_default().entry(place.0).or_default().insert(grantee);
        }
    }

    fn write(self, draft: &mut Draft<'_>) {
        for (key, by_creator) in self.0 {
            // creators with the same grantees share a statement
            let mut by_grantees: BTreeMap<BTreeSet<Oid>, Vec<Oid>> = BTreeMap::new();
            for (creator, grantees) in by_creator {
                by_grantees.entry(grantees).or_default().push(creator);
            }
            for (grantees, creators) in by_grantees {
                key.write(draft, &creators, &grantees);
            }
        }
    }
}

fn key(place: &Place, phase: Phase) -> Key {
    Key {
        phase,
        actor: None,
        line: None,
        schema: place.1.clone(),
        class: place.2,
        privileges: Privileges::NONE,
        grantable: Privileges::NONE,
        option: false,
        upgrade: false,
    }
}

fn has(list: &[AclEntry], grantee: Oid) -> (Privileges, Privileges) {
    let of = || list.iter().filter(|entry| entry.grantee == grantee);
    (
        super::chain::union(of().map(|entry| entry.privileges)),
        super::chain::union(of().map(|entry| entry.grantable)),
    )
}

fn tell(draft: &mut Draft<'_>, place: &Place, grantee: Oid, privileges: Privileges) {
    let (creator, schema, class) = place;
    let everywhere = || "everywhere".to_owned();
    let at = schema.as_ref().map_or_else(everywhere, |schema| format!("in schema {}", shown(schema)));
    let text = format!(
        "{} will have {} on {} that {} creates {at}: not of this policy, and left",
        draft.shown(grantee),
        privileges.words(),
        class.plural().unwrap_or_default(),
        draft.shown(*creator),
    );
    draft.notice(text, None);
}

impl Key {
    fn write(&self, draft: &mut Draft<'_>, creators: &[Oid], grantees: &BTreeSet<Oid>) {
        let names = |roles: &mut dyn Iterator<Item = Oid>, draft: &Draft<'_>| {
            let mut names: Vec<String> = roles.map(|oid| grantee(draft.name(oid))).collect();
            names.sort();
            names.join(", ")
        };
        let of = names(&mut creators.iter().copied(), draft);
        let whom = names(&mut grantees.iter().copied(), draft);
        let schema = self
            .schema
            .as_ref()
            .map_or_else(String::new, |schema| format!(" in schema {}", quote_ident(schema)));
        let on = self.class.plural().unwrap_or_default();
        let alter = format!("alter default privileges for role {of}{schema}");
        let give = |privileges: Privileges, option: bool| {
            let option = if option { " with grant option" } else { "" };
            format!("{alter} grant {} on {on} to {whom}{option}", privileges.words())
        };
        let take = |option: bool| {
            let option = if option { "grant option for " } else { "" };
            format!("{alter} revoke {option}{} on {on} from {whom}", self.privileges.words())
        };
        let (sql, undo) = match self.phase {
            Phase::Defaults => (give(self.privileges, self.option), vec![take(self.upgrade)]),
            _ => {
                let parts = [(self.privileges.minus(self.grantable), false), (self.grantable, true)];
                let parts = parts.into_iter().filter(|(privileges, _)| !privileges.is_empty());
                (take(self.option), parts.map(|(privileges, option)| give(privileges, option)).collect())
            }
        };
        let reason = self.reason(draft, creators, grantees);
        draft.change(self.phase, self.actor.clone(), sql, reason, self.line, undo);
    }

    fn reason(&self, draft: &Draft<'_>, creators: &[Oid], grantees: &BTreeSet<Oid>) -> String {
        let whom: Vec<String> = grantees.iter().map(|oid| draft.shown(*oid)).collect();
        let of: Vec<String> = creators.iter().map(|oid| draft.shown(*oid)).collect();
        let does = if of.len() > 1 { "create" } else { "creates" };
        let at = self.schema.as_ref().map_or_else(String::new, |schema| format!(" in {}", shown(schema)));
        let what = format!("{} that {} {does}{at}", self.class.plural().unwrap_or_default(), some(&of));
        let (whom, privileges) = (some(&whom), self.privileges.words());
        match (self.phase, self.option) {
            (Phase::Defaults, false) => format!("{whom} would not have {privileges} on {what}"),
            (Phase::Defaults, true) => format!("{whom} could not give {privileges} on {what} on"),
            (_, false) => format!("{whom} would have {privileges} on {what}, and no rule says so"),
            (_, true) => format!("{whom} could give {privileges} on {what} on, and no rule says so"),
        }
    }
}
