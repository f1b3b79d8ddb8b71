//! Default privileges.

use super::*;

#[test]
fn r04_everybody_loses_what_is_global_globally() {
    let mut live = server(150_000);
    live.defaults.clear();
    assert_eq!(
        sql(ROLES, &live),
        [
            "alter default privileges for role \"app_owner\" revoke execute on routines from public",
            "alter default privileges for role \"app_owner\" revoke usage on types from public",
        ]
    );
}

#[test]
fn r05_the_creators_own_entry_stays_and_is_not_wanted() {
    let mut live = server(150_000);
    for default in &mut live.defaults {
        default.acl = Reader::new([("app_owner".to_owned(), OWNER)].into_iter())
            .read(&["app_owner=X/app_owner"])
            .unwrap();
    }
    assert!(sql(ROLES, &live).is_empty());
    live.defaults[0].acl =
        acl(&live, &["app_owner=X/app_owner", "reader=X/app_owner", "stranger=X/app_owner"]);
    assert_eq!(
        sql(ROLES, &live),
        ["alter default privileges for role \"app_owner\" revoke execute on routines from \"reader\""]
    );
}

#[test]
fn each_who_creates_has_them_and_nobody_for_itself() {
    let mut live = server(150_000);
    for class in [Class::Routine, Class::Type] {
        live.defaults.push(DefaultAcl { creator: WRITER, schema: None, class, acl: Acl::default() });
    }
    let policy = ROLES.replace("owner = \"app_owner\"", "owner = \"app_owner\"\ncreators = [\"writer\"]");
    let grant = "[[grant]]\nto = [\"reader\", \"writer\", \"PUBLIC\"]\nprivileges = \"select\"\non = \"table app.*\"\n";
    assert_eq!(
        sql(&format!("{policy}{grant}"), &live),
        [
            "alter default privileges for role \"writer\" in schema \"app\" grant select on tables to \"reader\", public",
            "alter default privileges for role \"app_owner\" in schema \"app\" grant select on tables to \"reader\", \"writer\", public",
        ]
    );
}

#[test]
fn usage_on_schemas_to_come_is_the_owners_default() {
    let live = server(150_000);
    let grant = "[[grant]]\nto = \"reader\"\nprivileges = \"usage\"\non = \"schema app\"\nfuture = true\n";
    assert_eq!(
        sql(&format!("{ROLES}{grant}"), &live),
        [
            "grant usage on schema \"app\" to \"reader\"",
            "alter default privileges for role \"app_owner\" grant usage on schemas to \"reader\"",
        ]
    );
}

#[rstest::rstest]
#[case("{ kind = \"table\", schema = \"app\", except = \"t\" }")]
#[case("{ kind = \"table\", schema = \"app\", without_sensitive = true }")]
fn what_is_new_is_covered_though_something_is_left_out(#[case] on: &str) {
    let text =
        format!("{ROLES}[[grant]]\nto = \"reader\"\nprivileges = \"select\"\non = {on}\nfuture = true\n");
    let default = "alter default privileges for role \"app_owner\" in schema \"app\" grant select on tables to \"reader\"";
    let statements = sql(&text, &server(150_000));
    assert!(statements.iter().any(|statement| statement == default), "{statements:?}");
}

#[test]
fn a_schema_begins_with_its_owners_defaults() {
    let mut live = server(150_000);
    live.objects.retain(|object| object.kind != Kind::Schema);
    let acl = acl(&live, &["app_owner=UC/app_owner", "reader=U/app_owner", "writer=U/app_owner"]);
    live.defaults.push(DefaultAcl { creator: OWNER, schema: None, class: Class::Schema, acl });
    let grant = "[[grant]]\nto = \"reader\"\nprivileges = \"usage\"\non = \"schema app\"\nfuture = true\n";
    assert_eq!(
        sql(&format!("{ROLES}create = true\n{grant}"), &live),
        [
            "create schema \"app\" authorization \"app_owner\"",
            "alter default privileges for role \"app_owner\" revoke usage on schemas from \"writer\"",
            "revoke usage on schema \"app\" from \"writer\"",
        ]
    );
}
