//! Privileges on objects and columns.

use super::*;

/// Compares one table with this access list; the policy lets `reader` select.
fn of_table(entries: &[&str]) -> Vec<String> {
    let mut live = server(150_000);
    table(&mut live, "t", entries);
    let default = live.defaults.len();
    live.defaults.insert(default, reads(&live));
    sql(&format!("{ROLES}{GRANTS}"), &live)
}

fn reads(live: &Live) -> DefaultAcl {
    DefaultAcl {
        creator: OWNER,
        schema: Some("app".into()),
        class: Class::Table,
        acl: acl(live, &["reader=r/app_owner"]),
    }
}

#[rstest::rstest]
#[case::r01_nothing_where_nothing_differs(&["app_owner=arwdDxt/app_owner", "reader=r/app_owner"], &[])]
#[case::an_owner_may_have_less(&["app_owner=r/app_owner", "reader=r/app_owner"], &[])]
#[case::only_what_is_missing(&[], &["grant select on table \"app\".\"t\" to \"reader\""])]
#[case::only_what_is_too_much(&["reader=rw/app_owner"], &["revoke update on table \"app\".\"t\" from \"reader\""])]
#[case::r32_given_before_taken(
    &["writer=r/app_owner"],
    &["grant select on table \"app\".\"t\" to \"reader\"", "revoke select on table \"app\".\"t\" from \"writer\""],
)]
#[case::r09_everybody_is_not_a_role(&["reader=r/app_owner", "=r/app_owner"], &["revoke select on table \"app\".\"t\" from public"])]
#[case::not_of_the_policy(&["reader=r/app_owner", "stranger=r/app_owner"], &[])]
#[case::only_the_right_to_give_on(
    &["reader=r*/app_owner"],
    &["revoke grant option for select on table \"app\".\"t\" from \"reader\""],
)]
#[case::r06_a_foreign_grantor_takes_back(
    &["reader=r/app_owner", "stranger=w*/app_owner", "writer=w/stranger"],
    &["stranger: revoke update on table \"app\".\"t\" from \"writer\""],
)]
#[case::r07_dependents_go_before_whom_they_depend_on(
    &["writer=r*/app_owner", "reader=r/writer"],
    &[
        "grant select on table \"app\".\"t\" to \"reader\"",
        "writer: revoke select on table \"app\".\"t\" from \"reader\"",
        "revoke select on table \"app\".\"t\" from \"writer\"",
    ],
)]
#[case::r07_who_is_not_of_the_policy_keeps_what_falls(
    &["reader=r/app_owner", "writer=r*/app_owner", "stranger=r/writer"],
    &[
        "grant select on table \"app\".\"t\" to \"stranger\"",
        "writer: revoke select on table \"app\".\"t\" from \"stranger\"",
        "revoke select on table \"app\".\"t\" from \"writer\"",
    ],
)]
#[case::r28_a_dropped_role_falls_with_its_grantor(
    &["reader=r/app_owner", "writer=r*/app_owner", "16999=r/writer"],
    &["revoke select on table \"app\".\"t\" from \"writer\" cascade"],
)]
fn a_table(#[case] entries: &[&str], #[case] expected: &[&str]) {
    assert_eq!(of_table(entries), expected);
}

#[test]
fn r06_what_a_later_owner_gave_before_is_made_the_owners() {
    let mut live = server(150_000);
    member(&mut live, OWNER, STRANGER);
    table(&mut live, "t", &["reader=r/app_owner", "stranger=w*/app_owner", "writer=w/stranger"]);
    live.defaults.push(reads(&live));
    assert_eq!(
        sql(&format!("{ROLES}{GRANTS}"), &live),
        [
            "alter table \"app\".\"t\" owner to \"stranger\"",
            "alter table \"app\".\"t\" owner to \"app_owner\"",
            "revoke update on table \"app\".\"t\" from \"writer\"",
        ]
    );
}

#[test]
fn r28_a_dropped_role_is_told() {
    let mut live = server(150_000);
    table(&mut live, "t", &["16999=r/app_owner"]);
    let told = notices(ROLES, &live);
    assert!(
        told.iter().any(|text| text.starts_with("16999 (a dropped role) stands in the access list of app.t")),
        "{told:?}"
    );
    assert!(sql(ROLES, &live).is_empty());
}

#[test]
fn the_same_on_many_is_one_statement() {
    let mut live = server(150_000);
    for n in 0..250 {
        table(&mut live, &format!("t{n}"), &["=r/app_owner", "writer=r/app_owner"]);
    }
    let statements = sql(ROLES, &live);
    assert_eq!(statements.len(), 2, "200 and 50 tables");
    assert!(statements[0].ends_with("\"app\".\"t199\" from public, \"writer\""), "{}", statements[0]);
}

#[rstest::rstest]
#[case::a_column(&[("name", "reader=r/app_owner")], &[], &[])]
#[case::r10_missing(&[], &[], &["grant select (\"name\") on table \"app\".\"t\" to \"reader\""])]
#[case::r10_too_much(
    &[("name", "reader=r/app_owner"), ("id", "reader=w/app_owner")],
    &[],
    &["revoke update (\"id\") on table \"app\".\"t\" from \"reader\""],
)]
#[case::r10_the_table_takes_it_along(
    &[("name", "reader=r/app_owner")],
    &["reader=r/app_owner"],
    &["revoke select on table \"app\".\"t\" from \"reader\"", "grant select (\"name\") on table \"app\".\"t\" to \"reader\""],
)]
#[case::only_the_owners_gift_counts(
    &[("name", "writer=r*/app_owner"), ("name", "reader=r/writer")],
    &[],
    &[
        "writer: revoke select (\"name\") on table \"app\".\"t\" from \"reader\"",
        "revoke select (\"name\") on table \"app\".\"t\" from \"writer\"",
        "grant select (\"name\") on table \"app\".\"t\" to \"reader\"",
    ],
)]
fn a_column(#[case] columns: &[(&str, &str)], #[case] entries: &[&str], #[case] expected: &[&str]) {
    let mut live = server(150_000);
    table(&mut live, "t", entries);
    let mut by_name: std::collections::BTreeMap<&str, Vec<&str>> = std::collections::BTreeMap::new();
    for (name, entry) in columns {
        by_name.entry(name).or_default().push(entry);
    }
    for (name, entries) in by_name {
        let acl = acl(&live, &entries);
        let column = live.objects.last_mut().unwrap().columns.iter_mut().find(|column| column.name == name);
        column.unwrap().acl = Some(acl);
    }
    let grant = "[[grant]]\nto = \"reader\"\nprivileges = \"select\"\non = { kind = \"table\", schema = \"app\", name = \"t\", columns = [\"name\"] }\n";
    assert_eq!(sql(&format!("{ROLES}{grant}"), &live), expected);
}

#[test]
fn r10_taking_back_gives_the_columns_back_too() {
    let mut live = server(150_000);
    table(&mut live, "t", &["reader=r*/app_owner"]);
    let columns = acl(&live, &["reader=r/app_owner"]);
    live.objects.last_mut().unwrap().columns[1].acl = Some(columns);
    let undo: Vec<String> =
        compare(ROLES, &live).changes.remove(0).undo.into_iter().map(|undo| undo.sql).collect();
    assert_eq!(
        undo,
        [
            "grant select on table \"app\".\"t\" to \"reader\" with grant option",
            "grant select (\"name\") on table \"app\".\"t\" to \"reader\"",
        ]
    );
}

#[test]
fn where_a_table_has_sensitive_columns_the_others_are_granted() {
    let mut live = server(150_000);
    table(&mut live, "open", &[]);
    table(&mut live, "t", &[]);
    let rest = "[sensitive]\ncolumns = [\"app.t.secret\"]\n[[grant]]\nto = \"reader\"\nprivileges = [\"select\", \"insert\"]\n\
        on = { kind = \"table\", schema = \"app\", without_sensitive = true }\n";
    assert_eq!(
        sql(&format!("{ROLES}{rest}"), &live),
        [
            "grant select, insert on table \"app\".\"open\" to \"reader\"",
            "grant select (\"id\", \"name\"), insert (\"id\", \"name\") on table \"app\".\"t\" to \"reader\"",
        ]
    );
}

#[test]
fn r11_a_partition_follows_the_rule_and_the_exception_of_its_root() {
    let mut live = server(150_000);
    for (name, root) in [("logs", false), ("logs_2026", true), ("t", false)] {
        table(&mut live, name, &[]);
        let logs = live.objects.iter().find(|object| object.name == "logs").unwrap().oid;
        let relation = live.objects.last_mut().unwrap().relation.as_mut().unwrap();
        relation.partition_of = root.then_some(logs);
    }
    let on = |on: &str| format!("{ROLES}[[grant]]\nto = \"reader\"\nprivileges = \"select\"\non = {on}\n");
    let only = on("\"table app.logs\"");
    assert_eq!(
        sql(&only, &live),
        ["grant select on table \"app\".\"logs\", \"app\".\"logs_2026\" to \"reader\""]
    );
    let except = on("{ kind = \"table\", schema = \"app\", except = \"logs\" }");
    assert_eq!(
        sql(&except, &live),
        [
            "grant select on table \"app\".\"t\" to \"reader\"",
            "alter default privileges for role \"app_owner\" in schema \"app\" grant select on tables to \"reader\"",
        ]
    );
}

#[test]
fn r08_what_everybody_has_by_itself_is_taken() {
    let mut live = server(150_000);
    live.objects[0].acl = acl(&live, &["=Tc/postgres", "postgres=CTc/postgres"]);
    thing(&mut live, Kind::Function, "f", &["=X/app_owner", "app_owner=X/app_owner"]);
    thing(&mut live, Kind::Type, "e", &["=U/app_owner", "app_owner=U/app_owner"]);
    let language = acl(&live, &["=U/postgres"]);
    live.objects.push(Object {
        owner: BOOTSTRAP,
        acl: language,
        ..object(Kind::Language, 40, None, "plpgsql")
    });
    assert_eq!(
        sql(&format!("{ROLES}[scope]\nlanguages = [\"plpgsql\"]\n"), &live),
        [
            "revoke connect, temporary on database \"uni\" from public",
            "revoke usage on language \"plpgsql\" from public",
            "revoke execute on routine \"app\".\"f\"(integer) from public",
            "revoke usage on type \"app\".\"e\" from public",
        ]
    );
}

#[test]
fn r13_what_belongs_to_an_extension_is_the_extensions() {
    let mut live = server(150_000);
    thing(&mut live, Kind::Function, "f", &["=X/app_owner"]);
    live.objects.last_mut().unwrap().extension = Some("pgcrypto".into());
    assert!(sql(ROLES, &live).is_empty());
}

#[test]
fn r25_everybody_may_not_create_in_an_old_public() {
    let mut live = server(150_000);
    let acl = acl(&live, &["=UC/postgres"]);
    live.objects.push(Object { owner: BOOTSTRAP, acl, ..object(Kind::Schema, 2200, None, "public") });
    let rest =
        "[schema.public]\n[[grant]]\nto = \"PUBLIC\"\nprivileges = \"usage\"\non = \"schema public\"\n";
    assert_eq!(sql(&format!("{ROLES}{rest}"), &live), ["revoke create on schema \"public\" from public"]);
}

#[test]
fn a_new_owner_has_what_was_granted_to_it_and_to_the_old_one() {
    let mut live = server(150_000);
    table(
        &mut live,
        "t",
        &["stranger=arwdDxt/stranger", "app_owner=r/stranger", "reader=r/stranger", "writer=r/stranger"],
    );
    live.objects.last_mut().unwrap().owner = STRANGER;
    live.defaults.push(reads(&live));
    assert_eq!(
        sql(&format!("{ROLES}{GRANTS}"), &live),
        [
            "alter table \"app\".\"t\" owner to \"app_owner\"",
            "revoke select on table \"app\".\"t\" from \"writer\""
        ]
    );
}

#[test]
fn a_sequence_of_a_column_goes_with_its_table() {
    let mut live = server(150_000);
    thing(&mut live, Kind::Sequence, "s", &["stranger=rwU/stranger", "writer=U/stranger"]);
    live.objects.last_mut().unwrap().owner = STRANGER;
    let sequence = live.objects.last().unwrap().oid;
    table(&mut live, "t", &[]);
    live.objects.last_mut().unwrap().owner = STRANGER;
    live.owned_sequences.insert(sequence, live.objects.last().unwrap().oid);
    assert_eq!(
        sql(ROLES, &live),
        [
            "alter table \"app\".\"t\" owner to \"app_owner\"",
            "revoke usage on sequence \"app\".\"s\" from \"writer\""
        ]
    );
}

#[test]
fn in_additive_mode_nothing_is_taken() {
    let mut live = server(150_000);
    table(&mut live, "t", &["writer=rw*/app_owner", "=r/app_owner", "reader=r/writer"]);
    member(&mut live, OWNER, READER);
    let text = format!("{ROLES}[scope]\nmode = \"additive\"\n{GRANTS}");
    let statements = sql(&text, &live);
    assert!(statements.iter().all(|sql| !sql.contains("revoke")), "{statements:?}");
    let told = notices(&text, &live);
    assert!(told.iter().any(|text| text.starts_with("PUBLIC may select table app.t")), "{told:?}");
    assert!(told.iter().any(|text| text.starts_with("reader is a member of app_owner")), "{told:?}");
}

#[test]
fn r35_a_name_is_only_a_name() {
    let mut live = server(150_000);
    table(&mut live, "t\"; drop table x; --\n", &["=r/app_owner"]);
    let difference = compare(ROLES, &live);
    assert_eq!(
        difference.changes[0].sql,
        "revoke select on table \"app\".\"t\"\"; drop table x; --\n\" from public"
    );
    assert!(!difference.changes[0].reason.contains('\n'));
}

#[test]
fn a_privilege_of_later_versions_cannot_be() {
    let mut live = server(150_000);
    table(&mut live, "t", &[]);
    let rule = |since: &str| {
        format!("{ROLES}[[grant]]\nto = \"reader\"\nprivileges = \"maintain\"\non = \"table app.t\"\n{since}")
    };
    assert_eq!(
        impossible(&rule(""), &live),
        ["cannot grant maintain: PostgreSQL 15 knows no such privilege on a table (line 7)"]
    );
    assert!(sql(&rule("since = 17\n"), &live).is_empty());
    live.server.version = 170_000;
    assert_eq!(sql(&rule(""), &live), ["grant maintain on table \"app\".\"t\" to \"reader\""]);
}
