//! What a policy's rules give on an object.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::draft::Draft;
use super::things::Thing;
use super::words::shown;
use crate::pattern::NamePattern;
use crate::roles::{Class, GrantRule, Object, Oid, PUBLIC, Privileges};

/// What one grantee is given by one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Want {
    pub(super) grantee: Oid,
    pub(super) privileges: Privileges,
    /// Which of these with grant option.
    pub(super) grantable: Privileges,
    pub(super) line: usize,
}

/// What is wanted on an object, and on its columns by their place.
#[derive(Default)]
pub(super) struct Wants {
    pub(super) whole: Vec<Want>,
    pub(super) columns: Vec<(usize, Want)>,
}

/// A rule with the roles it names, on this server.
pub(super) struct Rule<'a> {
    pub(super) rule: &'a GrantRule,
    pub(super) grantees: Vec<Oid>,
    pub(super) privileges: Privileges,
}

impl Rule<'_> {
    /// Whether a rule on schemas takes this one.
    pub(super) fn takes_schema(&self, name: &str) -> bool {
        let on = &self.rule.on;
        let among = |patterns: &[NamePattern]| patterns.iter().any(|pattern| pattern.matches(name));
        let all = on.schemas.is_empty() && on.names.is_empty();
        (all || on.schemas.iter().any(|schema| schema == name) || among(&on.names)) && !among(&on.except)
    }
}

/// All rules of this server's version, to be found by what they are about.
pub(super) struct Rules<'a> {
    pub(super) all: Vec<Rule<'a>>,
    of: HashMap<(Class, Option<&'a str>), Vec<usize>>,
    /// Sensitive columns, by schema and table.
    sensitive: HashMap<&'a str, HashMap<&'a str, HashSet<&'a str>>>,
    /// Rules that took something.
    taken: BTreeSet<usize>,
}

impl<'a> Rules<'a> {
    pub(super) fn new(draft: &mut Draft<'a>) -> Self {
        let policy = draft.policy;
        let mut all = Vec::new();
        let mut of: HashMap<_, Vec<usize>> = HashMap::new();
        let version = draft.version;
        for rule in policy.grants.iter().filter(|rule| rule.versions.include(version)) {
            let place = all.len();
            match in_schemas(rule.on.class) {
                true => {
                    for schema in &rule.on.schemas {
                        of.entry((rule.on.class, Some(schema.as_str()))).or_default().push(place);
                    }
                }
                false => of.entry((rule.on.class, None)).or_default().push(place),
            }
            all.push(Rule { rule, grantees: grantees(draft, rule), privileges: known(draft, rule) });
        }
        let mut sensitive: HashMap<_, HashMap<_, HashSet<&str>>> = HashMap::new();
        for column in &policy.sensitive {
            let tables = sensitive.entry(column.schema.as_str()).or_default();
            tables.entry(column.table.as_str()).or_default().insert(column.column.as_str());
        }
        Self { all, of, sensitive, taken: BTreeSet::new() }
    }

    /// Returns what is wanted on this object.
    pub(super) fn on(&mut self, thing: &Thing<'_>) -> Wants {
        let schemas =
            [Some(&*thing.object), thing.root].into_iter().flatten().map(|object| object.schema.as_deref());
        let places: BTreeSet<usize> =
            schemas.filter_map(|schema| self.of.get(&(thing.class(), schema))).flatten().copied().collect();
        let mut wants = Wants::default();
        for place in places {
            let rule = &self.all[place];
            if rule.rule.on.takes(&thing.object, thing.root) {
                self.taken.insert(place);
                self.add(rule, thing, &mut wants);
            }
        }
        wants
    }

    fn add(&self, rule: &Rule<'a>, thing: &Thing<'_>, wants: &mut Wants) {
        let (whole, single, columns) = self.split(rule, &thing.object, thing.root);
        for grantee in rule.grantees.iter().copied().filter(|grantee| *grantee != thing.owner) {
            let grants = rule.rule.grantable && grantee != PUBLIC;
            let want = |privileges: Privileges| Want {
                grantee,
                privileges,
                grantable: if grants { privileges } else { Privileges::NONE },
                line: rule.rule.line,
            };
            if !whole.is_empty() {
                wants.whole.push(want(whole));
            }
            if !single.is_empty() {
                wants.columns.extend(columns.iter().map(|column| (*column, want(single))));
            }
        }
    }

    /// Returns what is given on the whole, and what on which columns.
    fn split(
        &self,
        rule: &Rule<'a>,
        object: &Object,
        root: Option<&Object>,
    ) -> (Privileges, Privileges, Vec<usize>) {
        let on = &rule.rule.on;
        let single = rule.privileges.intersection(on.class.column_privileges());
        let numbered = || object.columns.iter().enumerate();
        if !on.columns.is_empty() {
            let chosen = numbered().filter(|(_, column)| on.columns.contains(&column.name));
            return (Privileges::NONE, single, chosen.map(|(place, _)| place).collect());
        }
        let hidden: Vec<&HashSet<&str>> =
            [Some(object), root].into_iter().flatten().filter_map(|of| self.hidden(of)).collect();
        if !on.without_sensitive || hidden.is_empty() {
            return (rule.privileges, Privileges::NONE, Vec::new());
        }
        let open =
            numbered().filter(|(_, column)| !hidden.iter().any(|of| of.contains(column.name.as_str())));
        (rule.privileges.minus(single), single, open.map(|(place, _)| place).collect())
    }

    fn hidden(&self, object: &Object) -> Option<&HashSet<&'a str>> {
        self.sensitive.get(object.schema.as_deref()?)?.get(object.name.as_str())
    }

    /// Tells of rules that name objects and found none.
    pub(super) fn tell_of_none(&self, draft: &mut Draft<'_>) {
        for (place, rule) in self.all.iter().enumerate() {
            if !rule.rule.on.names.is_empty() && !self.taken.contains(&place) {
                let names: Vec<_> = rule.rule.on.names.iter().map(|name| shown(name.as_str())).collect();
                let text = format!("there is no {} {}", rule.rule.on.class.keyword(), names.join(", "));
                draft.notice(text, Some(rule.rule.line));
            }
        }
    }
}

fn in_schemas(class: Class) -> bool {
    matches!(class, Class::Table | Class::Sequence | Class::Routine | Class::Type)
}

/// Returns the roles a rule names. One that exists on other versions only is left out.
fn grantees(draft: &mut Draft<'_>, rule: &GrantRule) -> Vec<Oid> {
    let mut grantees = Vec::new();
    for name in &rule.to {
        match draft.id(name) {
            Some(grantee) => {
                draft.speak_for(grantee);
                grantees.push(grantee);
            }
            None if draft.policy.roles.contains_key(name) => {}
            None => draft.impossible(
                format!("grant {} to {}", rule.privileges.words(), shown(name)),
                "there is no such role",
                "Declare the role, or correct its name.",
                Some(rule.line),
            ),
        }
    }
    grantees
}

/// Returns the privileges of a rule that this server knows.
fn known(draft: &mut Draft<'_>, rule: &GrantRule) -> Privileges {
    let known = rule.privileges.intersection(rule.on.class.privileges(draft.version));
    let unknown = rule.privileges.minus(known);
    if !unknown.is_empty() {
        let major = draft.version / 10_000;
        draft.impossible(
            format!("grant {}", unknown.words()),
            format!("PostgreSQL {major} knows no such privilege on a {}", rule.on.class.keyword()),
            "Say from which version on it is meant: since = …",
            Some(rule.line),
        );
    }
    known
}
