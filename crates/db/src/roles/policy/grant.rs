//! `[[grant]]`, `[[assert]]`

use super::names::{Names, is_public};
use super::read::{Fields, Word};
use super::role::versions;
use super::selector::{privileges, selector};
use super::{Assertion, GrantRule, Selector, Target};
use crate::roles::Class;

pub(super) fn grant(fields: &Fields<'_, '_>, names: &Names) -> Option<GrantRule> {
    let source = fields.source;
    let to = fields.texts("to");
    let words = fields.texts("privileges");
    let on = fields.value("on");
    let future = fields.flag("future");
    let grantable = fields.flag("grantable").unwrap_or_default();
    let versions = versions(fields);
    fields.finish();
    for (key, missing) in [("to", to.is_none()), ("privileges", words.is_none()), ("on", on.is_none())] {
        if missing && !fields.has(key) {
            fields.refuse(format!("[[grant]] needs {key} = …"));
        }
    }
    let to = to.map(|words| {
        let mut to: Vec<String> = words.iter().filter_map(|word| names.grantee(source, word)).collect();
        for (place, word) in words.iter().enumerate() {
            if words[..place].iter().any(|before| before.text == word.text) {
                source.refuse(word.line, format!("{:?} is there twice", word.text));
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        to.retain(|role| seen.insert(role.clone()));
        if words.is_empty() {
            source.refuse(fields.line_of("to"), "to names nobody");
        }
        if grantable && to.iter().any(|role| is_public(role)) {
            source.refuse(fields.line_of("grantable"), "PUBLIC can give nothing on: grantable is for roles");
        }
        to
    });
    let on = on.and_then(|on| selector(source, on, names));
    let Some(on) = on else {
        privileges(source, &words.unwrap_or_default(), None, false);
        return None;
    };
    let (to, words) = (to?, words?);
    if words.is_empty() {
        source.refuse(fields.line_of("privileges"), "privileges names none");
    }
    let columns = !on.columns.is_empty() || on.without_sensitive;
    let rule = GrantRule {
        to,
        privileges: privileges(source, &words, Some(on.class), columns),
        grantable,
        future: future_of(fields, future, &on),
        on,
        versions,
        line: fields.line,
    };
    (!rule.to.is_empty() && !rule.privileges.is_empty()).then_some(rule)
}

/// Whether objects to come have it too: where a whole schema is meant with all its columns, unless it is said otherwise. On a
/// schema it means the schemas its owner makes later.
fn future_of(fields: &Fields<'_, '_>, said: Option<bool>, on: &Selector) -> bool {
    let in_schema = !on.schemas.is_empty();
    let whole = in_schema && on.names.is_empty();
    if said == Some(true) && !whole {
        let why_not = if in_schema {
            "future = true is for a whole schema: default privileges know no names"
        } else {
            "future = true is for tables, sequences, routines and types of a schema, and for schemas"
        };
        fields.source.refuse(fields.line_of("future"), why_not);
    }
    said.unwrap_or(whole && on.class != Class::Schema && !on.without_sensitive)
}

pub(super) fn assertion(fields: &Fields<'_, '_>, names: &Names) -> Option<Assertion> {
    let source = fields.source;
    let (one, more) = (fields.texts("role"), fields.texts("roles"));
    let (can, cannot) = (fields.texts("can"), fields.texts("cannot"));
    let on = fields.value("on");
    let by_set_role = fields.flag("by_set_role");
    fields.finish();
    let roles = match (one, more) {
        (Some(_), Some(_)) => {
            fields.refuse("role and roles are the same: take one of them");
            None
        }
        (one, more) => one.or(more),
    };
    if roles.is_none() && !fields.has("role") && !fields.has("roles") {
        fields.refuse("[[assert]] needs role = …");
    }
    let said = match (can, cannot) {
        (Some(words), None) => Some((true, words)),
        (None, Some(words)) => Some((false, words)),
        _ => {
            fields.refuse("[[assert]] says either can = [\"…\"] or cannot = [\"…\"]");
            None
        }
    };
    let Some(on) = on else {
        fields.refuse("[[assert]] needs on = …, which may be \"sensitive\"");
        return None;
    };
    let on = match on.get_ref().as_str() {
        Some("sensitive") => Some(Target::Sensitive),
        _ => selector(source, on, names).map(Target::Objects),
    };
    let (roles, (can, words)) = (roles?, said?);
    let Some(on) = on else {
        privileges(source, &words, None, false);
        return None;
    };
    let roles: Vec<String> = roles.iter().filter_map(|word: &Word| names.grantee(source, word)).collect();
    let (class, columns) = match &on {
        Target::Sensitive => (Class::Table, true),
        Target::Objects(on) => (on.class, !on.columns.is_empty() || on.without_sensitive),
    };
    let privileges = privileges(source, &words, Some(class), columns);
    let rule =
        Assertion { roles, can, privileges, on, by_set_role: by_set_role.unwrap_or(!can), line: fields.line };
    (!rule.roles.is_empty() && !rule.privileges.is_empty()).then_some(rule)
}
