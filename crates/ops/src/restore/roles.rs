//! The roles and tablespaces a backup needs, and which of its globals make them. Pure: values in, values out.

use std::collections::BTreeSet;

use unisys_db::catalog::Place;
use unisys_db::inventory::{Item, Kind};
use unisys_db::quote_ident;

use super::globals::{Due, Statement};
use crate::backup::BackupFacts;

/// Returns the roles that own, are granted or are named by something in the database, among `known`.
pub(super) fn needed(facts: &BackupFacts, known: &BTreeSet<String>) -> BTreeSet<String> {
    let database = &facts.database;
    let mut needed: BTreeSet<&str> = BTreeSet::from([database.owner.as_str()]);
    needed.extend(facts.tables.iter().map(|facts| facts.table.owner.as_str()));
    needed.extend(database.settings.iter().filter_map(|setting| setting.role.as_deref()));
    needed.extend(database.grants.iter().flatten().filter_map(|grant| grant.grantee.as_deref()));
    let of_database =
        |item: &&Item| !matches!(item.kind, Kind::Role | Kind::Tablespace | Kind::Parameter | Kind::Database);
    for item in facts.inventory.items.iter().filter(of_database) {
        needed.extend(item.detail.get("owner"));
        let lists = [item.detail.get("privileges"), item.detail.get("roles"), named_after_a_role(item)];
        for list in lists.into_iter().flatten() {
            needed.extend(known.iter().map(String::as_str).filter(|role| mentions(list, role)));
        }
    }
    // a server's own roles are on every server
    needed.into_iter().filter(|role| !role.starts_with("pg_")).map(str::to_owned).collect()
}

fn named_after_a_role(item: &Item) -> Option<&str> {
    matches!(item.kind, Kind::UserMapping | Kind::DefaultAcl).then_some(item.name.as_str())
}

/// Whether a list of the inventory names a role: `role=SELECT/grantor`, `a, b`, `role on server s`; quoted where SQL needs it.
pub(super) fn mentions(list: &str, role: &str) -> bool {
    let is_edge = |c: Option<char>| c.is_none_or(|c| " =/,".contains(c));
    [role.to_owned(), quote_ident(role)].iter().any(|name| {
        list.match_indices(name.as_str()).any(|(at, _)| {
            is_edge(list[..at].chars().next_back()) && is_edge(list[at + name.len()..].chars().next())
        })
    })
}

/// Returns the tablespaces that something in the database is in.
pub(super) fn tablespaces(facts: &BackupFacts) -> BTreeSet<String> {
    let items = facts.inventory.items.iter().filter(|item| item.kind != Kind::Database);
    items.filter_map(|item| item.detail.get("tablespace")).map(str::to_owned).collect()
}

/// Returns the roles that the globals create.
pub(super) fn known(globals: &[Statement]) -> BTreeSet<String> {
    globals.iter().filter_map(|statement| name_after(&statement.sql, "CREATE ROLE ")).collect()
}

/// Returns the statements that make `create` what they were, for a server with the roles of `place`: memberships too, but
/// only in what these roles get, for an existing role is never altered.
pub(super) fn statements(globals: &[Statement], create: &BTreeSet<String>, place: &Place) -> Vec<Statement> {
    let exists = |role: &str| create.contains(role) || place.roles.contains_key(role);
    globals
        .iter()
        .filter_map(|statement| {
            let sql = &statement.sql;
            let about = ["CREATE ROLE ", "ALTER ROLE ", "COMMENT ON ROLE "]
                .iter()
                .find_map(|start| name_after(sql, start));
            let sql = match about {
                Some(role) if create.contains(&role) => Some(for_login(sql, place.superuser)),
                Some(_) => None,
                None => membership(sql).and_then(|(role, member, rest)| {
                    let granted = exists(&role) && create.contains(&member);
                    granted.then(|| grant(&role, &member, rest, place, &exists))
                }),
            };
            sql.map(|sql| Statement { sql, due: statement.due })
        })
        .collect()
}

/// Returns the statements without what is secret in them, to be shown.
pub(super) fn shown(statements: &[Statement]) -> Vec<String> {
    let first = statements.iter().filter(|statement| statement.due == Due::First);
    first.map(|statement| format!("{};", without_password(&statement.sql))).collect()
}

fn without_password(sql: &str) -> String {
    let Some(at) = sql.starts_with("ALTER ROLE ").then(|| sql.find(" PASSWORD '")).flatten() else {
        return sql.to_owned();
    };
    let secret = &sql[at + " PASSWORD '".len()..];
    let after = secret.find('\'').map_or("", |end| &secret[end + 1..]);
    format!("{}{after}", &sql[..at])
}

/// A login that is no superuser may not even say NOSUPERUSER.
fn for_login(sql: &str, superuser: bool) -> String {
    if superuser || !sql.starts_with("ALTER ROLE ") {
        return sql.to_owned();
    }
    let (words, secret) = sql.find(" PASSWORD '").map_or((sql, ""), |at| sql.split_at(at));
    let mut words = words.to_owned();
    for word in [" NOSUPERUSER", " NOREPLICATION", " NOBYPASSRLS"] {
        words = words.replacen(word, "", 1);
    }
    words + secret
}

/// `GRANT role TO member [WITH …] [GRANTED BY grantor]`: the two roles and what follows.
fn membership(sql: &str) -> Option<(String, String, &str)> {
    let (role, rest) = name(sql.strip_prefix("GRANT ")?)?;
    let (member, rest) = name(rest.strip_prefix(" TO ")?)?;
    Some((role, member, rest))
}

/// The grantor is kept where it can be: by a superuser, if there is such a role.
fn grant(role: &str, member: &str, rest: &str, place: &Place, exists: &impl Fn(&str) -> bool) -> String {
    let (options, grantor) = rest.split_once(" GRANTED BY ").unwrap_or((rest, ""));
    let kept = place.superuser && name(grantor).is_some_and(|(grantor, _)| exists(&grantor));
    let rest = if kept { rest } else { options };
    format!("GRANT {} TO {}{rest}", quote_ident(role), quote_ident(member))
}

fn name_after(sql: &str, start: &str) -> Option<String> {
    name(sql.strip_prefix(start)?).map(|(name, _)| name)
}

/// Takes a name, quoted or not, from the start of `text`.
fn name(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', ';']).unwrap_or(text.len());
        return (end > 0).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut name = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' if chars.peek().is_some_and(|(_, next)| *next == '"') => {
                chars.next();
                name.push('"');
            }
            '"' => return Some((name, &quoted[at + 1..])),
            c => name.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn place(superuser: bool) -> Place {
        Place {
            login: "l".into(),
            superuser,
            create_databases: true,
            create_roles: true,
            version: "15.18".into(),
            version_num: 150_018,
            roles: BTreeMap::from([("old".to_owned(), true)]),
            tablespaces: BTreeSet::new(),
            databases: BTreeSet::new(),
        }
    }

    const GLOBALS: [&str; 10] = [
        "CREATE ROLE new",
        "ALTER ROLE new WITH NOSUPERUSER LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'x NOSUPERUSER' VALID UNTIL 'y'",
        "CREATE ROLE \"a \"\"b\"",
        "CREATE ROLE old",
        "ALTER ROLE old WITH NOLOGIN",
        "ALTER ROLE new SET work_mem TO '1MB'",
        "GRANT old TO new WITH ADMIN OPTION GRANTED BY gone",
        "GRANT new TO old GRANTED BY old",
        "GRANT new TO \"a \"\"b\" GRANTED BY old",
        "GRANT SET ON PARAMETER work_mem TO new",
    ];

    fn chosen(superuser: bool, create: &[&str]) -> Vec<String> {
        let globals: Vec<Statement> =
            GLOBALS.iter().map(|sql| Statement { sql: (*sql).into(), due: Due::First }).collect();
        let create = create.iter().map(|role| (*role).to_owned()).collect();
        statements(&globals, &create, &place(superuser)).into_iter().map(|s| s.sql).collect()
    }

    #[test]
    fn only_missing_roles_are_made_and_no_other_is_altered() {
        assert_eq!(
            chosen(true, &["new"]),
            [GLOBALS[0], GLOBALS[1], GLOBALS[5], "GRANT \"old\" TO \"new\" WITH ADMIN OPTION"]
        );
        assert_eq!(
            chosen(true, &["new", "a \"b"]).last().unwrap(),
            "GRANT \"new\" TO \"a \"\"b\" GRANTED BY old"
        );
    }

    #[test]
    fn a_login_that_is_no_superuser_says_nothing_of_superusers() {
        assert_eq!(
            chosen(false, &["new"])[1],
            "ALTER ROLE new WITH LOGIN PASSWORD 'x NOSUPERUSER' VALID UNTIL 'y'"
        );
    }

    #[test]
    fn what_is_shown_holds_no_password() {
        let statement = Statement { sql: GLOBALS[1].into(), due: Due::First };
        assert_eq!(
            shown(&[statement]),
            ["ALTER ROLE new WITH NOSUPERUSER LOGIN NOREPLICATION NOBYPASSRLS VALID UNTIL 'y';"]
        );
    }

    #[rstest::rstest]
    #[case("new=SELECT/old", "new", true)]
    #[case("new=SELECT/old", "old", true)]
    #[case("newer=SELECT/old", "new", false)]
    #[case("\"a b\"=SELECT/old x=INSERT/old", "a b", true)]
    #[case("PUBLIC, new", "new", true)]
    #[case("for role new in schema s on tables", "new", true)]
    fn a_role_is_found_where_it_is_named(#[case] list: &str, #[case] role: &str, #[case] found: bool) {
        assert_eq!(mentions(list, role), found);
    }
}
