//! Roles, memberships, settings, and who may change them.

use super::*;
use crate::roles::Setting;

fn with(role: &str) -> String {
    format!("version = 1\n{role}\n")
}

#[test]
fn a_missing_role_is_made_with_all_it_is() {
    let text = with(
        "[role.new]\nlogin = true\nconnection_limit = 5\nsettings = { statement_timeout = \"30s\" }\ncomment = \"it's\"",
    );
    assert_eq!(
        sql(&text, &server(150_000)),
        [
            "create role \"new\" login connection limit 5",
            "comment on role \"new\" is 'it''s'",
            "alter role \"new\" set \"statement_timeout\" = '30s'",
        ]
    );
}

#[test]
fn r19_only_what_differs_of_a_role_is_changed() {
    let mut live = server(150_000);
    live.roles.get_mut(&READER).unwrap().login = true;
    let difference = compare(&with("[role.reader]"), &live);
    assert_eq!(difference.changes[0].sql, "alter role \"reader\" nologin");
    assert_eq!(difference.changes[0].reason, "reader is login");
    assert_eq!(difference.changes[0].undo[0].sql, "alter role \"reader\" login");
}

#[test]
fn r22_a_setting_somebody_gave_itself_is_reset_and_one_elsewhere_told() {
    let mut live = server(150_000);
    let setting = |database: Option<&str>| Setting {
        role: READER,
        database: database.map(str::to_owned),
        name: "statement_timeout".into(),
        value: "0".into(),
    };
    live.roles.get_mut(&READER).unwrap().login = true;
    live.settings = vec![setting(None), setting(Some("uni")), setting(Some("other"))];
    let text = with("[role.reader]\nlogin = true\nsettings = { statement_timeout = \"30s\" }");
    assert_eq!(
        sql(&text, &live),
        [
            "alter role \"reader\" set \"statement_timeout\" = '30s'",
            "alter role \"reader\" in database \"uni\" reset \"statement_timeout\"",
        ]
    );
    assert!(notices(&text, &live).contains(&"reader has settings of its own in other".to_owned()));
}

#[test]
fn memberships_of_a_declared_role_are_all_declared() {
    let mut live = server(150_000);
    member(&mut live, WRITER, READER);
    member(&mut live, READER, STRANGER);
    let text = with("[role.app_owner]\n[role.reader]\nmember_of = [\"app_owner\"]");
    assert_eq!(sql(&text, &live), ["grant \"app_owner\" to \"reader\"", "revoke \"writer\" from \"reader\""]);
    assert!(notices(&text, &live).contains(&"reader has members of its own: stranger".to_owned()));
    let text = with("[role.app_owner]\n[role.reader]\nmember_of = [\"app_owner\"]\nonly_members = []");
    assert!(sql(&text, &live).contains(&"revoke \"reader\" from \"stranger\"".to_owned()));
}

#[test]
fn what_would_make_a_circle_goes_first() {
    let mut live = server(150_000);
    member(&mut live, READER, WRITER);
    let text = with("[role.writer]\n[role.reader]\nmember_of = [\"writer\"]");
    assert_eq!(sql(&text, &live), ["revoke \"reader\" from \"writer\"", "grant \"writer\" to \"reader\""]);
}

#[test]
fn r17_rights_by_set_role_alone_are_said_by_version() {
    let text = "version = 1\n[role.between]\ninherit = false\nuntil = 15\nmember_of = [\"app_owner\"]\n[role.app_owner]\n\
        [role.reader]\nmember_of = [{ role = \"app_owner\", inherit = false, through = \"between\" }]\n";
    assert_eq!(
        sql(text, &server(150_000)),
        [
            "create role \"between\" nologin noinherit",
            "grant \"app_owner\" to \"between\"",
            "grant \"between\" to \"reader\"",
        ]
    );
    assert_eq!(
        sql(text, &server(160_000)),
        ["grant \"app_owner\" to \"reader\" with admin false, inherit false, set true"]
    );
}

#[test]
fn from_16_on_a_membership_is_changed_and_taken_by_who_granted_it() {
    let mut live = server(160_000);
    let row =
        |member, grantor, admin| Membership { role: OWNER, member, grantor, admin, inherit: true, set: true };
    live.memberships =
        vec![row(READER, BOOTSTRAP, true), row(WRITER, READER, false), row(STRANGER, READER, false)];
    let text = with(
        "[role.app_owner]\n[role.writer]\n[role.reader]\nmember_of = [{ role = \"app_owner\", inherit = false }]",
    );
    assert_eq!(
        sql(&text, &live),
        [
            "grant \"app_owner\" to \"stranger\" with admin false, inherit true, set true",
            "revoke \"app_owner\" from \"writer\" granted by \"reader\"",
            "revoke \"app_owner\" from \"stranger\" granted by \"reader\"",
            "revoke admin option for \"app_owner\" from \"reader\"",
            "revoke inherit option for \"app_owner\" from \"reader\"",
        ]
    );
}

#[test]
fn r33_a_predefined_role_of_later_versions_cannot_be() {
    let member =
        |since: &str| with(&format!("[role.reader]\nmember_of = [{{ role = \"pg_maintain\"{since} }}]"));
    assert_eq!(
        impossible(&member(""), &server(150_000)),
        ["cannot make reader a member of pg_maintain: this server (PostgreSQL 15) has no such role (line 3)"]
    );
    assert!(sql(&member(", since = 17"), &server(150_000)).is_empty());
}

#[test]
fn r26_other_databases_that_are_open_are_told() {
    let mut live = server(150_000);
    let acl = acl(&live, &["=Tc/postgres"]);
    live.databases.push(Database { name: "other".into(), acl, ..live.databases[0].clone() });
    assert_eq!(notices(ROLES, &live), ["every role may connect to database other"]);
}

#[test]
fn a_retired_role_leaves_what_it_owns_and_goes_last() {
    let mut live = server(150_000);
    table(&mut live, "t", &["stranger=r*/app_owner", "reader=r/stranger"]);
    live.defaults.push(DefaultAcl {
        creator: OWNER,
        schema: Some("app".into()),
        class: Class::Table,
        acl: acl(&live, &["reader=r/app_owner"]),
    });
    let text = format!("{ROLES}{GRANTS}[[retire]]\nrole = \"stranger\"\nreassign_to = \"app_owner\"\n");
    assert_eq!(
        sql(&text, &live),
        [
            "reassign owned by \"stranger\" to \"app_owner\"",
            "grant select on table \"app\".\"t\" to \"reader\"",
            "stranger: revoke select on table \"app\".\"t\" from \"reader\"",
            "revoke select on table \"app\".\"t\" from \"stranger\"",
            "drop owned by \"stranger\"",
            "drop role \"stranger\"",
        ]
    );
    assert_eq!(compare(&text, &live).retire, ["stranger"]);
}

/// A login with CREATEROLE, as a managed service gives it.
fn managed(version: u32) -> Live {
    let mut live = server(version);
    live.server.login = STRANGER;
    live.roles.get_mut(&STRANGER).unwrap().create_role = true;
    live
}

#[test]
fn r18_who_may_create_roles_joins_the_owners_it_works_as() {
    let mut live = managed(150_000);
    table(&mut live, "t", &["writer=r/app_owner"]);
    assert_eq!(
        sql(ROLES, &live),
        [
            "grant \"app_owner\" to \"stranger\"",
            "app_owner: revoke select on table \"app\".\"t\" from \"writer\""
        ]
    );
    live.server.version = 160_000;
    assert_eq!(
        impossible(ROLES, &live),
        ["cannot change what is app_owner's: stranger is no superuser and cannot become app_owner"]
    );
    live.memberships.push(Membership {
        role: OWNER,
        member: STRANGER,
        grantor: BOOTSTRAP,
        admin: true,
        inherit: false,
        set: false,
    });
    assert_eq!(
        sql(ROLES, &live),
        [
            "grant \"app_owner\" to \"stranger\" with inherit false, set true",
            "app_owner: revoke select on table \"app\".\"t\" from \"writer\"",
        ]
    );
}

#[test]
fn who_may_nothing_plans_what_a_superuser_would_do() {
    let mut live = server(150_000);
    table(&mut live, "t", &["writer=r/app_owner"]);
    live.roles.get_mut(&READER).unwrap().login = true;
    let as_superuser = compare(ROLES, &live).changes;
    live.server.login = READER;
    let difference = compare(ROLES, &live);
    assert_eq!(difference.changes, as_superuser);
    assert!(!difference.impossible.is_empty());
}

#[test]
fn the_servers_own_roles_are_left() {
    let text = with("[role.postgres]\n");
    assert!(sql(&text, &server(150_000)).is_empty());
    assert_eq!(notices(&text, &server(150_000)).len(), 1);
}
