//! What everybody may.

use std::collections::BTreeMap;

use super::index::{Index, some};
use super::{Finding, Rule, Severity};
use crate::quote_ident;
use crate::roles::{Class, Kind, Object, Oid, PUBLIC, Privilege, Privileges, Statement};

pub(super) fn look(index: &Index<'_>, findings: &mut Vec<Finding>) {
    schemas(index, findings);
    routines(index, findings);
    databases(index, findings);
    large_objects(index, findings);
}

fn everybody_may(object: &Object, privilege: Privilege) -> bool {
    object.acl.iter().any(|entry| entry.grantee == PUBLIC && entry.privileges.contains(privilege))
}

fn from_public(index: &Index<'_>, object: &Object, privileges: &[Privilege]) -> Vec<Statement> {
    let privileges: Privileges = privileges.iter().copied().collect();
    index.revokes(object, privileges, |grantee| grantee == PUBLIC)
}

fn schemas(index: &Index<'_>, findings: &mut Vec<Finding>) {
    for schema in index.live.objects.iter().filter(|o| o.kind == Kind::Schema && Index::is_own(o)) {
        if everybody_may(schema, Privilege::Create) && !index.is_planned(&schema.name) {
            findings.push(Finding {
                severity: Severity::Danger,
                rule: Rule::PublicCreate,
                object: format!("schema {schema}"),
                why: "everybody may create in it: what stands there is found by whoever has it in the search_path".into(),
                repair: from_public(index, schema, &[Privilege::Create]),
            });
        }
    }
}

/// One finding for the routines of one owner in a schema: they have one reason, the missing default.
fn routines(index: &Index<'_>, findings: &mut Vec<Finding>) {
    let mut open: BTreeMap<(&str, Oid), Vec<&Object>> = BTreeMap::new();
    for object in index.live.objects.iter().filter(|o| o.kind.class() == Class::Routine && Index::is_own(o)) {
        let (Some(schema), Some(routine)) = (object.schema.as_deref(), &object.routine) else { continue };
        // a trigger's function cannot be called
        if everybody_may(object, Privilege::Execute)
            && !routine.trigger
            && index.in_scope(schema)
            && !index.is_planned(schema)
            && !is_meant(index, object)
        {
            open.entry((schema, object.owner)).or_default().push(object);
        }
    }
    for ((schema, owner), routines) in open {
        let definer = routines.iter().any(|o| o.routine.as_ref().is_some_and(|routine| routine.definer));
        let mut repair: Vec<Statement> =
            routines.iter().flat_map(|routine| from_public(index, routine, &[Privilege::Execute])).collect();
        let closed = index.live.defaults.iter().any(|default| {
            default.creator == owner && default.schema.is_none() && default.class == Class::Routine
        });
        if !closed {
            let name = quote_ident(&index.live.role_name(owner));
            let sql =
                format!("alter default privileges for role {name} revoke execute on routines from public");
            repair.push(index.by(owner, sql));
        }
        let as_owner = match definer {
            true => format!(", some of them with the rights of {}", index.live.role_name(owner)),
            false => String::new(),
        };
        findings.push(Finding {
            severity: if definer { Severity::Danger } else { Severity::Warning },
            rule: Rule::PublicExecute,
            object: format!("schema {schema}"),
            why: format!(
                "everybody who may use the schema may execute, as PostgreSQL has it for every new routine{as_owner}: {}",
                some(routines.iter().map(|routine| routine.to_string()))
            ),
            repair,
        });
    }
}

/// Whether the policy grants it to everybody.
fn is_meant(index: &Index<'_>, routine: &Object) -> bool {
    let schema = routine.schema.as_deref().unwrap_or_default();
    index.policy.is_some_and(|policy| {
        policy.grants.iter().any(|grant| {
            let on = &grant.on;
            on.class == Class::Routine
                && grant.to.iter().any(|to| to == "PUBLIC")
                && on.schemas.iter().any(|name| name == schema)
                && (on.names.is_empty() || on.names.iter().any(|name| name.matches(&routine.name)))
        })
    })
}

/// One finding for all: every server has some, and a login kept out of one database goes into the next.
fn databases(index: &Index<'_>, findings: &mut Vec<Finding>) {
    let mut open = Vec::new();
    let mut repair = Vec::new();
    for database in &index.live.databases {
        let here = database.name == index.live.server.database;
        let entries = database
            .acl
            .iter()
            .filter(|entry| entry.grantee == PUBLIC && entry.privileges.contains(Privilege::Connect));
        let grantors: Vec<Oid> = entries.map(|entry| entry.grantor).collect();
        // of its own database the policy says who connects
        if !grantors.is_empty() && database.allows_connections && !(here && index.policy.is_some()) {
            open.push(database.name.clone());
            let sql = format!("revoke connect on database {} from public", quote_ident(&database.name));
            repair.extend(grantors.into_iter().map(|grantor| index.by(grantor, sql.clone())));
        }
    }
    if !open.is_empty() {
        findings.push(Finding {
            severity: Severity::Notice,
            rule: Rule::PublicConnect,
            object: match open.as_slice() {
                [one] => format!("database {one}"),
                many => format!("{} databases", many.len()),
            },
            why: format!("every login of the server may connect to it: {}", some(open)),
            repair,
        });
    }
}

fn large_objects(index: &Index<'_>, findings: &mut Vec<Finding>) {
    let both = [Privilege::Select, Privilege::Update];
    let open: Vec<&Object> = index
        .live
        .objects
        .iter()
        .filter(|object| object.kind == Kind::LargeObject)
        .filter(|object| both.iter().any(|privilege| everybody_may(object, *privilege)))
        .collect();
    if !open.is_empty() {
        findings.push(Finding {
            severity: Severity::Warning,
            rule: Rule::PublicLargeObject,
            object: match open.as_slice() {
                [one] => format!("large object {one}"),
                many => format!("{} large objects", many.len()),
            },
            why: format!(
                "everybody may read or write it, schema or not: {}",
                some(open.iter().map(|object| object.to_string()))
            ),
            repair: open.iter().flat_map(|object| from_public(index, object, &both)).collect(),
        });
    }
}
