//! Privileges on objects: what is missing is granted, what is too much is revoked, the same on many in one statement.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::chain::{Chain, Outcome, Take};
use super::columns::{self, Along, given_along, taken_along};
use super::draft::Draft;
use super::takeover;
use super::things::Thing;
use super::wanted::{Rules, Want, Wants};
use super::words::{grantee, of_columns, shown, some};
use crate::roles::{Class, Oid, PUBLIC, Phase, Privileges};

/// How many objects one statement names.
const AT_ONCE: usize = 200;

pub(super) fn compare<'a>(draft: &mut Draft<'a>, things: &mut [Thing<'a>], rules: &mut Rules<'a>) {
    free(draft, things, rules);
    let mut found = Found::default();
    for (place, thing) in things.iter().enumerate() {
        let wants = rules.on(thing);
        found.object(draft, place, thing, &wants);
    }
    rules.tell_of_none(draft);
    found.write(draft, things);
}

/// Lets owners take over what its grantors could not take back.
fn free<'a>(draft: &mut Draft<'a>, things: &mut [Thing<'a>], rules: &mut Rules<'a>) {
    for at in 0..things.len() {
        // each takeover leaves a grantor less
        while takeover::has_other_grantors(&things[at]) {
            let wants = rules.on(&things[at]);
            let whole: Vec<&Want> = wants.whole.iter().collect();
            let stuck = takeover::stuck(draft, &things[at], &whole, &wants.columns);
            let Some(grantor) = stuck.into_iter().next() else { break };
            if !takeover::take_over(draft, things, at, grantor) {
                break;
            }
        }
    }
}

/// What statements have in common that become one.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    phase: Phase,
    /// Dependents first.
    depth: Reverse<usize>,
    actor: Option<String>,
    line: Option<usize>,
    schema: Option<String>,
    class: Class,
    verb: Verb,
    privileges: Privileges,
    /// Which of these with grant option, before they are taken.
    grantable: Privileges,
    /// `with grant option`, or only that
    option: bool,
    columns: Vec<String>,
    along: Along,
    cascade: Vec<Oid>,
    because: Because,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Verb {
    Give,
    Upgrade,
    Take,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Because {
    Declared,
    /// This grantor will not be able to have given it.
    InsteadOf(Oid),
    /// No rule gives it; who gave it, where that is not the owner.
    Undeclared(Option<Oid>),
    /// No rule lets it give it on.
    OptionUndeclared,
    /// This grantor may not give it any more.
    Lost(Oid),
}

#[derive(Default)]
struct Found {
    statements: BTreeMap<Key, BTreeMap<Oid, Vec<usize>>>,
    /// Grantees out of reach: on how many objects, and one of them.
    foreign: BTreeMap<Oid, (usize, String)>,
    left: BTreeMap<(Oid, Privileges), Vec<String>>,
}

impl Found {
    fn object(&mut self, draft: &mut Draft<'_>, place: usize, thing: &Thing<'_>, wants: &Wants) {
        let whole: Vec<&Want> = wants.whole.iter().collect();
        let chain = Chain { owner: thing.owner, entries: &thing.acl, table: None };
        let outcome = chain.compare(draft, &whole);
        let mut columns: BTreeMap<KeyOfColumns, Vec<String>> = BTreeMap::new();
        if thing.class() == Class::Table && !(thing.columns.is_empty() && wants.columns.is_empty()) {
            for of in columns::compare(draft, thing, &outcome.takes, &wants.columns) {
                let Some(column) = thing.object.columns.get(of.place) else { continue };
                let acl = thing.columns.iter().find(|(at, _)| *at == of.place).map(|(_, acl)| acl);
                let entries = acl.map_or(&[][..], |acl| &**acl);
                let chain = Chain { owner: thing.owner, entries, table: Some(&thing.acl) };
                self.tell(thing, &of.outcome);
                for (key, grantee) in self.keys(draft, thing, &chain, of.outcome) {
                    columns.entry((key, grantee)).or_default().push(column.name.clone());
                }
            }
        }
        self.tell(thing, &outcome);
        for (key, grantee) in self.keys(draft, thing, &chain, outcome) {
            self.statements.entry(key).or_default().entry(grantee).or_default().push(place);
        }
        for ((key, grantee), names) in columns {
            let phase = if key.verb == Verb::Take { key.phase } else { Phase::ColumnGrants };
            let key = Key { phase, columns: names, ..key };
            self.statements.entry(key).or_default().entry(grantee).or_default().push(place);
        }
    }

    fn tell(&mut self, thing: &Thing<'_>, outcome: &Outcome) {
        for grantee in &outcome.foreign {
            let name = || shown(&thing.object.to_string());
            let seen = self.foreign.entry(*grantee).or_insert_with(|| (0, name()));
            seen.0 += 1;
        }
        for (grantee, privileges) in &outcome.left {
            let name = format!("{} {}", thing.word(), thing.object);
            self.left.entry((*grantee, *privileges)).or_default().push(name);
        }
    }

    fn keys(
        &self,
        draft: &mut Draft<'_>,
        thing: &Thing<'_>,
        chain: &Chain<'_>,
        outcome: Outcome,
    ) -> Vec<(Key, Oid)> {
        let whole = chain.table.is_none();
        let key = |phase, verb, because| Key {
            phase,
            depth: Reverse(0),
            actor: None,
            line: None,
            schema: thing.object.schema.clone(),
            class: thing.class(),
            verb,
            privileges: Privileges::NONE,
            grantable: Privileges::NONE,
            option: false,
            columns: vec![],
            along: vec![],
            cascade: vec![],
            because,
        };
        let mut keys = Vec::new();
        for give in outcome.gives {
            let verb = if give.upgrade { Verb::Upgrade } else { Verb::Give };
            let because = give.instead_of.map_or(Because::Declared, Because::InsteadOf);
            let key = Key {
                actor: draft.speaker(thing.owner),
                line: give.line,
                privileges: give.privileges,
                option: give.option,
                along: if whole && !give.upgrade { given_along(thing, &give) } else { vec![] },
                ..key(Phase::Grants, verb, because)
            };
            keys.push((key, give.grantee));
        }
        for take in outcome.takes {
            let along = if whole { taken_along(thing, &take) } else { vec![] };
            let key = Key {
                depth: Reverse(take.depth),
                actor: taker(draft, thing, chain, &take),
                privileges: take.privileges,
                grantable: take.grantable,
                option: take.option,
                along,
                ..key(Phase::Revokes, Verb::Take, because(thing, &take))
            };
            keys.push((Key { cascade: take.cascade, ..key }, take.grantee));
        }
        keys
    }

    fn write(self, draft: &mut Draft<'_>, things: &[Thing<'_>]) {
        for (key, by_grantee) in self.statements {
            // grantees of the same objects share a statement
            let mut by_objects: BTreeMap<Vec<usize>, Vec<Oid>> = BTreeMap::new();
            for (grantee, places) in by_grantee {
                by_objects.entry(places).or_default().push(grantee);
            }
            for (places, grantees) in by_objects {
                let mut grantees = grantees;
                grantees.sort_by_key(|oid| draft.name(*oid).map(str::to_owned));
                for places in places.chunks(AT_ONCE) {
                    let objects: Vec<&Thing<'_>> = places.iter().map(|place| &things[*place]).collect();
                    key.write(draft, &objects, &grantees);
                }
            }
        }
        for (oid, (count, first)) in self.foreign {
            let on = if count == 1 { first } else { format!("{first} and {} more", count - 1) };
            let text = match draft.is_dropped(oid) {
                true => format!(
                    "{} stands in the access list of {on}; no statement can name it, and nobody has these rights",
                    draft.shown(oid)
                ),
                false => format!("{} is not of this policy and has privileges on {on}", draft.shown(oid)),
            };
            draft.notice(text, None);
        }
        for ((grantee, privileges), names) in self.left {
            let text = format!(
                "{} may {} {}: not of this policy, and left",
                draft.shown(grantee),
                privileges.words(),
                some(&names)
            );
            draft.notice(text, None);
        }
    }
}

type KeyOfColumns = (Key, Oid);

fn because(thing: &Thing<'_>, take: &Take) -> Because {
    match take {
        Take { lost: true, grantor, .. } => Because::Lost(*grantor),
        Take { option: true, .. } => Because::OptionUndeclared,
        Take { grantor, .. } => Because::Undeclared((*grantor != thing.owner).then_some(*grantor)),
    }
}

fn taker(draft: &mut Draft<'_>, thing: &Thing<'_>, chain: &Chain<'_>, take: &Take) -> Option<String> {
    if take.grantor == thing.owner {
        return draft.speaker(thing.owner);
    }
    if !takeover::can_take(draft, chain, take) {
        takeover::refuse(draft, thing, take, take.privileges);
    }
    match draft.all_powerful() && take.grantor != draft.login() {
        true => draft.name(take.grantor).map(str::to_owned),
        false => draft.speaker(take.grantor),
    }
}

impl Key {
    fn write(&self, draft: &mut Draft<'_>, objects: &[&Thing<'_>], grantees: &[Oid]) {
        let word = self.class.keyword();
        let names: Vec<String> = objects.iter().map(|thing| thing.object.sql()).collect();
        let on = format!("{word} {}", names.join(", "));
        let names: Vec<String> = grantees.iter().map(|oid| grantee(draft.name(*oid))).collect();
        let whom = names.join(", ");
        let give = |privileges: Privileges, columns: &[String], option: bool| {
            let option = if option { " with grant option" } else { "" };
            format!("grant {} on {on} to {whom}{option}", of_columns(privileges, columns))
        };
        let give_all = |all: Privileges, grantable: Privileges, columns: &[String]| {
            let parts = [(all.minus(grantable), false), (grantable, true)];
            let parts = parts.into_iter().filter(|(privileges, _)| !privileges.is_empty());
            parts.map(|(privileges, option)| give(privileges, columns, option)).collect::<Vec<_>>()
        };
        let take = |option: bool| {
            let option = if option { "grant option for " } else { "" };
            format!("revoke {option}{} on {on} from {whom}", of_columns(self.privileges, &self.columns))
        };
        let mut undo = match self.verb {
            Verb::Give => vec![take(false)],
            Verb::Upgrade => vec![take(true)],
            Verb::Take => give_all(self.privileges, self.grantable, &self.columns),
        };
        for (column, all, grantable) in &self.along {
            undo.extend(give_all(*all, *grantable, std::slice::from_ref(column)));
        }
        let sql = match self.verb {
            Verb::Take if self.cascade.is_empty() => take(self.option),
            Verb::Take => format!("{} cascade", take(self.option)),
            Verb::Give | Verb::Upgrade => give(self.privileges, &self.columns, self.option),
        };
        let reason = self.reason(draft, objects, grantees);
        draft.change(self.phase, self.actor.clone(), sql, reason, self.line, undo);
    }

    fn reason(&self, draft: &Draft<'_>, objects: &[&Thing<'_>], grantees: &[Oid]) -> String {
        let whom: Vec<String> = grantees.iter().map(|oid| draft.shown(*oid)).collect();
        let (whom, many) = (some(&whom), grantees.len() > 1);
        let (does, has) = if many { ("do", "have") } else { ("does", "has") };
        let mut what = self.privileges.words();
        if !self.columns.is_empty() {
            what = format!("{what} ({})", some(&self.columns));
        }
        let on = summary(objects);
        let text = match self.because {
            Because::Declared if self.option => format!("{whom} cannot give {what} on {on} on"),
            Because::Declared => format!("{whom} {does} not have {what} on {on}"),
            Because::InsteadOf(grantor) => {
                format!(
                    "{whom} {has} {what} on {on} from {}, who may not give it on any more",
                    draft.shown(grantor)
                )
            }
            Because::Undeclared(None) if grantees == [PUBLIC] => {
                format!("everybody has {what} on {on}, and no rule says so")
            }
            Because::Undeclared(None) => format!("{whom} {has} {what} on {on}, and no rule says so"),
            Because::Undeclared(Some(grantor)) => {
                format!("{whom} {has} {what} on {on} from {}, and no rule says so", draft.shown(grantor))
            }
            Because::OptionUndeclared => format!("{whom} may give {what} on {on} on, and no rule says so"),
            Because::Lost(grantor) => {
                format!(
                    "{} gave {what} on {on} to {whom}, and may not give it on any more",
                    draft.shown(grantor)
                )
            }
        };
        if self.cascade.is_empty() {
            return text;
        }
        let falls: Vec<String> = self.cascade.iter().map(|oid| draft.shown(*oid)).collect();
        format!("{text}; with it falls what was given on to {}", some(&falls))
    }
}

/// Returns `table app.students`, or `12 tables of schema app`.
fn summary(objects: &[&Thing<'_>]) -> String {
    match objects {
        [one] => format!("{} {}", one.word(), shown(&one.object.to_string())),
        many => {
            let names: Vec<String> = many.iter().map(|thing| thing.object.to_string()).collect();
            match &many[0].object.schema {
                Some(schema) if many.len() > 3 => {
                    format!("{} {}s of schema {}", many.len(), many[0].class().keyword(), shown(schema))
                }
                _ => some(&names),
            }
        }
    }
}
