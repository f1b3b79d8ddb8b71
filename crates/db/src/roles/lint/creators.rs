//! Who creates: what others will not see because it begins without grants.

use std::collections::BTreeMap;

use super::index::{Index, by_login, some};
use super::{Finding, Rule, Severity};
use crate::quote_ident;
use crate::roles::{Class, DefaultAcl, Kind, Object, Oid, Privilege, Privileges};

pub(super) fn look(index: &Index<'_>, findings: &mut Vec<Finding>) {
    for schema in index.live.objects.iter().filter(|object| object.kind == Kind::Schema) {
        if Index::is_own(schema) && index.in_scope(&schema.name) {
            without_defaults(index, schema, findings);
            forgotten(index, schema, findings);
        }
    }
}

/// What new objects of a class begin with, for whom.
type Begins = BTreeMap<(Class, Oid), Privileges>;

fn without_defaults(index: &Index<'_>, schema: &Object, findings: &mut Vec<Finding>) {
    let begins = begins(index, schema);
    for role in index.live.roles.values() {
        let creates = !role.superuser
            && !role.is_predefined()
            && !is_declared(index, schema, role.oid)
            && index.may(role.oid, Privilege::Create, schema);
        if begins.is_empty() || !creates {
            continue;
        }
        let (name, creator) = (&schema.name, &role.name);
        let missing: Vec<_> = begins
            .iter()
            .filter(|((class, grantee), _)| {
                *grantee != role.oid && !has_defaults(index, role.oid, name, *class)
            })
            .collect();
        let repair = missing.iter().filter_map(|((class, grantee), privileges)| {
            let sql = format!(
                "alter default privileges for role {} in schema {} grant {} on {} to {}",
                quote_ident(creator),
                quote_ident(name),
                privileges.words(),
                class.plural()?,
                index.sql_role(*grantee)
            );
            Some(index.by(role.oid, sql))
        });
        let mut grantees: Vec<Oid> = missing.iter().map(|((_, grantee), _)| *grantee).collect();
        grantees.sort_unstable();
        grantees.dedup();
        if !missing.is_empty() {
            findings.push(Finding {
                severity: Severity::Warning,
                rule: Rule::CreatorWithoutDefaults,
                object: format!("role {creator} in schema {name}"),
                why: format!(
                    "{creator} may create in {name}, where new objects begin with grants to {}; those of {creator} do not",
                    index.names(grantees)
                ),
                repair: repair.collect(),
            });
        }
    }
}

fn begins(index: &Index<'_>, schema: &Object) -> Begins {
    let mut begins = Begins::new();
    let here = |default: &&DefaultAcl| default.schema.as_deref() == Some(schema.name.as_str());
    for default in index.live.defaults.iter().filter(here) {
        for entry in default.acl.iter().filter(|entry| entry.grantee != default.creator) {
            let privileges = begins.entry((default.class, entry.grantee)).or_default();
            *privileges = privileges.union(entry.privileges);
        }
    }
    begins
}

/// Whether somebody else is given something on what a role creates in a schema.
fn has_defaults(index: &Index<'_>, creator: Oid, schema: &str, class: Class) -> bool {
    index.live.defaults.iter().any(|default| {
        default.creator == creator
            && default.class == class
            && default.schema.as_deref().is_none_or(|there| there == schema)
            && default.acl.iter().any(|entry| entry.grantee != creator)
    })
}

/// Whether the policy names a role as one who creates there: then the plan gives it its default privileges.
fn is_declared(index: &Index<'_>, schema: &Object, role: Oid) -> bool {
    let rule = index.policy.and_then(|policy| policy.schemas.get(&schema.name));
    let name = index.live.role_name(role);
    rule.is_some_and(|rule| rule.owner.as_ref() == Some(&name) || rule.creators.contains(&name))
}

fn forgotten(index: &Index<'_>, schema: &Object, findings: &mut Vec<Finding>) {
    let Some(owner) = index.role(schema.owner).filter(|owner| !owner.superuser && !owner.is_predefined())
    else {
        return;
    };
    let by_plan = index.policy.and_then(|policy| policy.schemas.get(&schema.name));
    if by_plan.is_some_and(|rule| rule.owns_objects) {
        return;
    }
    let mut of: BTreeMap<Oid, Vec<&Object>> = BTreeMap::new();
    for object in index.live.objects.iter().filter(|o| o.schema.as_deref() == Some(schema.name.as_str())) {
        let creator = object.owner;
        let means_it = creator == owner.oid
            || is_declared(index, schema, creator)
            || index.live.defaults.iter().any(|default| {
                default.creator == creator && default.schema.as_deref() == Some(schema.name.as_str())
            });
        // a column's sequence goes with its table, and cannot go alone
        let is_a_column_s =
            object.kind == Kind::Sequence && index.live.owned_sequences.contains_key(&object.oid);
        if !means_it
            && !is_a_column_s
            && Index::is_own(object)
            && (index.is_superuser(creator) || index.is_member(creator, owner.oid))
        {
            of.entry(creator).or_default().push(object);
        }
    }
    for (creator, objects) in of {
        let (name, owner) = (index.live.role_name(creator), &owner.name);
        findings.push(Finding {
            severity: Severity::Warning,
            rule: Rule::ForgottenSetRole,
            object: format!("schema {}", schema.name),
            why: format!(
                "{name} may act as {owner}, and created without SET ROLE: {}; default privileges of {owner} were not given on it",
                some(objects.iter().map(|object| object.to_string()))
            ),
            repair: objects
                .iter()
                .map(|object| {
                    let (kind, sql) = (object.kind.word(), object.sql());
                    by_login(format!("alter {kind} {sql} owner to {}", quote_ident(owner)))
                })
                .collect(),
        });
    }
}
