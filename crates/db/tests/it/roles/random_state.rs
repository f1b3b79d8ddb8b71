//! Roles, objects and grants as nobody would plan them.

use unisys_db::quote_ident;

use super::chance::Chance;

/// Roles with names that have gone wrong somewhere: quotes, a semicolon, everybody's name, capitals, 63 bytes, other scripts.
pub(crate) const ROLES: [&str; 9] = [
    "prop_owner",
    "prop_user",
    "Prop \"Team\"; drop",
    "PUBLIC",
    "prop_naïve_роль",
    "prop_sixty_three_bytes_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "prop_foreign",
    "prop_foreign_2",
    "prop_login",
];

/// Schemas; the last is never declared.
pub(crate) const SCHEMAS: [&str; 3] = ["s1", "S \"2\"", "s3"];

/// What is granted on what, as GRANT words it.
const KINDS: [(&str, &[&str], &[&str]); 5] = [
    (
        "table",
        &["t1", "t2", "parts", "parts_1", "v", "mv"],
        &["select", "insert", "update", "delete", "truncate", "references", "trigger"],
    ),
    ("sequence", &["q", "serial_id_seq", "ident_id_seq"], &["usage", "select", "update"]),
    ("routine", &["f(integer)", "p(integer)", "agg(integer)"], &["execute"]),
    ("type", &["e", "d", "c"], &["usage"]),
    ("schema", &[""], &["usage", "create"]),
];

/// Returns statements; some of them the server refuses.
pub(crate) fn statements(chance: &mut Chance, database: &str) -> Vec<String> {
    let mut all: Vec<String> = ROLES.iter().map(|role| create_role(chance, role)).collect();
    for schema in SCHEMAS {
        all.extend(objects(chance, &quote_ident(schema)));
    }
    for _ in 0..30 + chance.below(60) {
        all.push(one(chance, database));
    }
    all
}

/// Returns a change somebody makes by hand.
pub(crate) fn one(chance: &mut Chance, database: &str) -> String {
    let by = by(chance);
    match chance.below(20) {
        0..=7 => format!("{by}; {}; set local role none", grant(chance)),
        8 => format!("{by}; {}; set local role none", revoke(chance)),
        9..=10 => format!("{by}; {}; set local role none", grant_columns(chance)),
        11 => owner(chance),
        12 => format!("grant {} to {}{}", role(chance), role(chance), option(chance, " with admin option")),
        13 => format!("{by}; grant {} to {}; set local role none", role(chance), role(chance)),
        14..=15 => default(chance),
        16 => setting(chance, database),
        17 => format!(
            "alter role {} {}",
            role(chance),
            chance.pick(&[
                "login",
                "nologin",
                "inherit",
                "noinherit",
                "createdb",
                "connection limit 3",
                "valid until '2027-01-01'"
            ])
        ),
        18 => {
            let (verb, to) = *chance.pick(&[("grant", "to"), ("revoke", "from")]);
            format!(
                "{verb} {} on database {} {to} {}",
                chance.pick(&["connect", "create", "temporary"]),
                quote_ident(database),
                whom(chance)
            )
        }
        _ => format!("grant usage on language plpgsql to {}", whom(chance)),
    }
}

fn create_role(chance: &mut Chance, role: &str) -> String {
    let words = ["login", "nologin", "noinherit", "createrole", "connection limit 7"];
    let create = format!("create role {} {}", quote_ident(role), chance.pick(&words));
    if chance.once_in(8) { String::new() } else { create }
}

fn objects(chance: &mut Chance, s: &str) -> Vec<String> {
    if chance.once_in(6) {
        return vec![];
    }
    let owner = role(chance);
    let made = [
        format!("create schema {s}"),
        format!("create table {s}.t1 (id int, \"Secret \"\"x\"\"\" text, plain text)"),
        format!("create table {s}.t2 (id int, plain text)"),
        format!("create table {s}.parts (id int, plain text) partition by range (id)"),
        format!("create table {s}.parts_1 partition of {s}.parts for values from (0) to (10)"),
        format!("create view {s}.v as select * from {s}.t2"),
        format!("create materialized view {s}.mv as select * from {s}.t2"),
        format!("create sequence {s}.q"),
        format!("create table {s}.serial (id serial, plain text)"),
        format!("create table {s}.ident (id int generated always as identity, plain text)"),
        format!("create function {s}.f(integer) returns integer language sql as 'select 1'"),
        format!("create procedure {s}.p(integer) language sql as 'select 1'"),
        format!("create aggregate {s}.agg(integer) (sfunc = int4pl, stype = integer)"),
        format!("create type {s}.e as enum ('a')"),
        format!("create domain {s}.d as text"),
        format!("create type {s}.c as (a int)"),
    ];
    let mut all = made.to_vec();
    if chance.once_in(2) {
        all.push(format!("alter schema {s} owner to {owner}"));
    }
    if chance.once_in(3) {
        let make = |statement: String| format!("set local role {owner}; {statement}");
        let mut by_owner = vec![made[0].clone(), format!("grant all on schema {s} to {owner}")];
        by_owner.extend(all.into_iter().skip(1).map(make));
        return by_owner;
    }
    all
}

fn role(chance: &mut Chance) -> String {
    quote_ident(ROLES[chance.below(ROLES.len())])
}

fn schema(chance: &mut Chance) -> String {
    quote_ident(SCHEMAS[chance.below(SCHEMAS.len())])
}

fn whom(chance: &mut Chance) -> String {
    if chance.once_in(6) { "public".into() } else { role(chance) }
}

/// Mostly the superuser; else one who may have been given the right to give on.
fn by(chance: &mut Chance) -> String {
    if chance.once_in(2) { "set local role none".into() } else { format!("set local role {}", role(chance)) }
}

fn option(chance: &mut Chance, words: &str) -> String {
    if chance.once_in(3) { words.into() } else { String::new() }
}

fn object(chance: &mut Chance) -> (String, String) {
    let (kind, names, privileges) = *chance.pick(&KINDS);
    let schema = schema(chance);
    let name = chance.pick(names);
    let name = if name.is_empty() { schema } else { format!("{schema}.{name}") };
    (format!("{kind} {name}"), chance.some(privileges).join(", "))
}

fn grant(chance: &mut Chance) -> String {
    let (on, privileges) = object(chance);
    format!("grant {privileges} on {on} to {}{}", whom(chance), option(chance, " with grant option"))
}

fn revoke(chance: &mut Chance) -> String {
    let (on, privileges) = object(chance);
    format!("revoke {}{privileges} on {on} from {}", option(chance, "grant option for "), whom(chance))
}

fn grant_columns(chance: &mut Chance) -> String {
    let schema = schema(chance);
    let table = chance.pick(&["t1", "t2", "parts", "parts_1", "v"]);
    let privilege = chance.pick(&["select", "insert", "update", "references"]);
    let column = chance.pick(&["id", "plain", "\"Secret \"\"x\"\"\""]);
    let option = option(chance, " with grant option");
    format!("grant {privilege} ({column}) on {schema}.{table} to {}{option}", whom(chance))
}

fn owner(chance: &mut Chance) -> String {
    let schema = schema(chance);
    let what = [
        "table t1",
        "table serial",
        "sequence q",
        "function f(integer)",
        "type e",
        "view v",
        "domain d",
        "aggregate agg(integer)",
    ];
    let (kind, name) = chance.pick(&what).split_once(' ').unwrap();
    format!("alter {kind} {schema}.{name} owner to {}", role(chance))
}

fn default(chance: &mut Chance) -> String {
    let classes = [("tables", "select"), ("sequences", "usage"), ("routines", "execute"), ("types", "usage")];
    let (class, privilege) = *chance.pick(&classes);
    let schema = schema(chance);
    let place = if chance.once_in(2) { format!(" in schema {schema}") } else { String::new() };
    let creator = role(chance);
    if chance.once_in(3) {
        return format!(
            "alter default privileges for role {creator}{place} revoke {privilege} on {class} from {}",
            whom(chance)
        );
    }
    let option = option(chance, " with grant option");
    format!(
        "alter default privileges for role {creator}{place} grant {privilege} on {class} to {}{option}",
        whom(chance)
    )
}

fn setting(chance: &mut Chance, database: &str) -> String {
    let set = chance.pick(&[
        "statement_timeout = '5s'",
        "search_path = 's1', 'S \"2\"'",
        "work_mem = '8MB'",
        "my.setting = 'x'",
    ]);
    let database = quote_ident(database);
    match chance.below(3) {
        0 => format!("alter role {} set {set}", role(chance)),
        1 => format!("alter role {} in database {database} set {set}", role(chance)),
        _ => format!("alter database {database} set {set}"),
    }
}
