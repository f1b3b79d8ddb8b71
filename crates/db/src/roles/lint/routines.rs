//! Routines that run as their owner: by whose names.

use std::collections::BTreeSet;

use super::index::Index;
use super::{Finding, Rule, Severity};
use crate::quote_ident;
use crate::roles::{Object, Oid, PUBLIC, Privilege, Routine};

pub(super) fn look(index: &Index<'_>, findings: &mut Vec<Finding>) {
    for object in index.live.objects.iter().filter(|object| Index::is_own(object)) {
        let Some(routine) = object.routine.as_ref().filter(|routine| routine.definer) else { continue };
        let callers = index.grantees(object, [Privilege::Execute].into_iter().collect());
        // whoever writes to its table fires a trigger, granted or not
        if callers.is_empty() && !routine.trigger {
            continue;
        }
        if let Some((severity, why)) = judge(index, object, routine, &callers) {
            findings.push(Finding {
                severity,
                rule: Rule::DefinerSearchPath,
                object: format!("{} {object}", object.kind.word()),
                why,
                repair: vec![index.by(object.owner, pin(index, object))],
            });
        }
    }
}

fn judge(
    index: &Index<'_>,
    object: &Object,
    routine: &Routine,
    callers: &BTreeSet<Oid>,
) -> Option<(Severity, String)> {
    let owner = index.live.role_name(object.owner);
    let Some(path) = routine.search_path.as_deref().map(names) else {
        let who = match () {
            () if callers.contains(&PUBLIC) => "everybody may call it".to_owned(),
            () if callers.is_empty() => "a trigger calls it".to_owned(),
            () => format!("{} may call it", index.names(callers.iter().copied())),
        };
        return Some((
            Severity::Danger,
            format!(
                "it runs as {owner} with its caller's search_path, so its caller decides what its names mean; {who}"
            ),
        ));
    };
    if path.iter().any(|name| name == "$user") {
        let why = format!("it runs as {owner} and looks for names in \"$user\", a schema its caller may own");
        return Some((Severity::Danger, why));
    }
    let others = [Privilege::Create].into_iter().collect();
    let open = path.iter().filter_map(|name| index.schema(name)).find_map(|schema| {
        let mut creators = index.grantees(schema, others);
        creators.remove(&object.owner);
        (!creators.is_empty()).then_some((schema, creators))
    });
    if let Some((schema, creators)) = open {
        let why = format!(
            "it runs as {owner} and looks for names in {schema}, where {} may create",
            index.names(creators)
        );
        return Some((Severity::Danger, why));
    }
    match path.iter().position(|name| name == "pg_temp") {
        Some(at) if at + 1 == path.len() => None,
        _ => Some((
            Severity::Notice,
            format!(
                "it runs as {owner}, and its caller's temporary tables come before all others: pg_temp is not the last of its search_path"
            ),
        )),
    }
}

/// Returns the statement that pins the path: to what it has, or to its own schema, without those others may create in.
fn pin(index: &Index<'_>, object: &Object) -> String {
    let set = object.routine.as_ref().and_then(|routine| routine.search_path.as_deref()).map(names);
    let kept = set.unwrap_or_else(|| object.schema.iter().cloned().collect());
    let mut path = vec![quote_ident("pg_catalog")];
    for name in kept {
        let trusted = index.schema(&name).is_some_and(|schema| {
            let mut creators = index.grantees(schema, [Privilege::Create].into_iter().collect());
            creators.remove(&object.owner);
            creators.is_empty()
        });
        if trusted && !matches!(name.as_str(), "pg_catalog" | "pg_temp" | "$user") {
            path.push(quote_ident(&name));
        }
    }
    path.push(quote_ident("pg_temp"));
    format!("alter {} {} set search_path = {}", object.kind.word(), object.sql(), path.join(", "))
}

/// Splits a path into names, unquoted.
fn names(path: &str) -> Vec<String> {
    let (mut names, mut name, mut quoted) = (Vec::new(), String::new(), false);
    let mut chars = path.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                name.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => names.push(std::mem::take(&mut name)),
            ' ' if !quoted => {}
            c => name.push(c),
        }
    }
    names.push(name);
    names.retain(|name| !name.is_empty());
    names
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_path_is_split_as_the_server_does() {
        assert_eq!(names(r#""$user", public"#), ["$user", "public"]);
        assert_eq!(names(r#"pg_catalog, "a, ""b""", pg_temp"#), ["pg_catalog", "a, \"b\"", "pg_temp"]);
        assert!(names("\"\"").is_empty());
    }
}
