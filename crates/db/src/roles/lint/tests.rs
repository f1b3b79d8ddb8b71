use std::collections::BTreeMap;

use rstest::rstest;

use super::*;
use crate::roles::{
    AclEntry, BOOTSTRAP, Class, Column, Database, DefaultAcl, Kind, Membership, Object, Oid, PUBLIC,
    Password, Privilege, Privileges, Relation, Role, Routine, RowPolicy, Server,
};

const APP_OWNER: Oid = 20_000;
const APP_USER: Oid = 20_001;
const ANALYST: Oid = 20_002;
const STRANGER: Oid = 20_003;
const ROLES: [(Oid, &str); 5] = [
    (BOOTSTRAP, "postgres"),
    (APP_OWNER, "app_owner"),
    (APP_USER, "app_user"),
    (ANALYST, "d_analyst"),
    (STRANGER, "stranger"),
];

fn role(oid: Oid, name: &str) -> Role {
    Role {
        oid,
        name: name.into(),
        superuser: oid == BOOTSTRAP,
        inherit: true,
        create_role: false,
        create_db: false,
        login: false,
        replication: false,
        bypass_rls: false,
        connection_limit: -1,
        valid_until: None,
        password: Password::Unknown,
        comment: None,
    }
}

fn entry(grantee: Oid, grantor: Oid, privileges: &[Privilege]) -> AclEntry {
    let privileges: Privileges = privileges.iter().copied().collect();
    AclEntry { grantee, grantor, privileges, grantable: Privileges::NONE }
}

fn object(kind: Kind, oid: Oid, name: &str, owner: Oid, acl: &[AclEntry]) -> Object {
    Object {
        kind,
        oid,
        schema: (kind != Kind::Schema && kind != Kind::LargeObject).then(|| "app".into()),
        name: name.into(),
        arguments: (kind.class() == Class::Routine).then(String::new),
        owner,
        acl: acl.iter().copied().collect(),
        columns: Vec::new(),
        extension: None,
        system: false,
        relation: (kind.class() == Class::Table).then(Relation::default),
        routine: (kind.class() == Class::Routine).then(Routine::default),
    }
}

/// A policy for everybody and everything.
fn row_policy() -> RowPolicy {
    let text = r#"{"name": "p", "roles": [0], "command": "all", "permissive": true}"#;
    serde_json::from_str(text).unwrap()
}

/// A server with nothing wrong: schema `app` of `app_owner`, its table and nobody else's right.
fn live() -> Live {
    let database = Database {
        oid: 1,
        name: "uni".into(),
        owner: BOOTSTRAP,
        acl: [entry(ANALYST, BOOTSTRAP, &[Privilege::Connect])].into_iter().collect(),
        connection_limit: -1,
        allows_connections: true,
        template: false,
        encoding: "UTF8".into(),
        collate: "C".into(),
        ctype: "C".into(),
    };
    Live {
        server: Server { version: 150_000, database: "uni".into(), ..Server::default() },
        roles: ROLES.map(|(oid, name)| (oid, role(oid, name))).into(),
        databases: vec![database],
        objects: vec![
            object(Kind::Schema, 1, "app", APP_OWNER, &[]),
            object(Kind::Table, 2, "students", APP_OWNER, &[]),
        ],
        ..Live::default()
    }
}

fn policy(text: &str) -> Policy {
    Policy::parse(&format!("version = 1\n{text}"), "test.toml").unwrap()
}

/// Rule, object and statements of each finding.
fn told(policy: Option<&Policy>, live: &Live) -> Vec<String> {
    let repair = |statement: &Statement| match &statement.as_role {
        Some(role) => format!("{role}: {}", statement.sql),
        None => statement.sql.clone(),
    };
    let line = |finding: &Finding| {
        let repair: Vec<String> = finding.repair.iter().map(repair).collect();
        format!("{} on {}: {}", finding.rule.name(), finding.object, repair.join("; "))
    };
    lint(policy, live).iter().map(line).collect()
}

fn with(change: impl FnOnce(&mut Live)) -> Live {
    let mut live = live();
    change(&mut live);
    live
}

fn of(live: &mut Live, oid: Oid) -> &mut Role {
    live.roles.get_mut(&oid).unwrap()
}

#[test]
fn nothing_wrong_is_nothing_told() {
    assert_eq!(told(None, &live()), [""; 0]);
}

#[rstest]
#[case::superuser(with(|live| of(live, STRANGER).superuser = true),
    &["superuser on role stranger: alter role \"stranger\" nosuperuser"])]
#[case::bypass(with(|live| of(live, STRANGER).bypass_rls = true),
    &["powerful-attribute on role stranger: alter role \"stranger\" nobypassrls"])]
#[case::md5(with(|live| of(live, STRANGER).password = Password::Md5), &["md5-password on role stranger: "])]
#[case::limit(with(|live| { of(live, STRANGER).login = true; of(live, APP_USER).login = true; of(live, APP_USER).connection_limit = 5 }),
    &["no-connection-limit on role stranger: alter role \"stranger\" connection limit 10"])]
#[case::of_an_extension(with(|live| {
    let mut public = object(Kind::Function, 3, "f", APP_OWNER, &[entry(PUBLIC, APP_OWNER, &[Privilege::Execute])]);
    public.extension = Some("pgcrypto".into());
    live.objects.push(public);
}), &[])]
#[case::a_trigger_s_function_is_called_by_nobody(with(|live| {
    let mut public = object(Kind::Function, 3, "f", APP_OWNER, &[entry(PUBLIC, APP_OWNER, &[Privilege::Execute])]);
    public.routine.as_mut().unwrap().trigger = true;
    live.objects.push(public);
}), &[])]
#[case::definer_of_nobody(with(|live| {
    let mut definer = object(Kind::Function, 3, "f", APP_OWNER, &[]);
    definer.routine.as_mut().unwrap().definer = true;
    live.objects.push(definer);
}), &[])]
#[case::definer(with(|live| {
    let mut definer = object(Kind::Procedure, 3, "f", APP_OWNER, &[entry(APP_USER, APP_OWNER, &[Privilege::Execute])]);
    definer.routine.as_mut().unwrap().definer = true;
    live.objects.push(definer);
}), &["definer-search-path on procedure app.f(): app_owner: alter procedure \"app\".\"f\"() set search_path = \"pg_catalog\", \"app\", \"pg_temp\""])]
#[case::a_path_others_write_to(with(|live| {
    let mut definer = object(Kind::Function, 3, "f", APP_OWNER, &[entry(APP_USER, APP_OWNER, &[Privilege::Execute])]);
    *definer.routine.as_mut().unwrap() = Routine { definer: true, search_path: Some("app, \"Et,l\", pg_temp".into()), trigger: false };
    live.objects.push(definer);
    live.objects.push(object(Kind::Schema, 9, "Et,l", STRANGER, &[entry(ANALYST, STRANGER, &[Privilege::Create])]));
}), &["definer-search-path on function app.f(): app_owner: alter function \"app\".\"f\"() set search_path = \"pg_catalog\", \"app\", \"pg_temp\""])]
#[case::a_foreign_grantor(with(|live| {
    live.objects[0].acl = [entry(PUBLIC, APP_USER, &[Privilege::Usage, Privilege::Create])].into_iter().collect();
}), &["public-create on schema app: app_user: revoke create on schema \"app\" from public"])]
#[case::of_columns_too(with(|live| {
    live.objects[1].relation.as_mut().unwrap().row_security = true;
    live.objects[1].relation.as_mut().unwrap().policies = vec![row_policy()];
    let mut part = object(Kind::Table, 3, "students_1", APP_OWNER, &[entry(APP_OWNER, APP_OWNER, &[Privilege::Select])]);
    part.relation.as_mut().unwrap().partition_of = Some(2);
    let acl = Some([entry(ANALYST, APP_OWNER, &[Privilege::Select, Privilege::References])].into_iter().collect());
    part.columns = vec![Column { number: 1, name: "na me".into(), acl }];
    live.objects.push(part);
}), &["open-partition on table app.students_1: app_owner: revoke select (\"na me\") on table \"app\".\"students_1\" from \"d_analyst\""])]
#[case::a_database_of_everybody(with(|live| {
    live.databases[0].acl = [entry(PUBLIC, BOOTSTRAP, &[Privilege::Connect])].into_iter().collect();
}), &["public-connect on database uni: postgres: revoke connect on database \"uni\" from public"])]
#[case::a_large_object(with(|live| {
    live.objects.push(object(Kind::LargeObject, 7, "7", STRANGER, &[entry(PUBLIC, STRANGER, &[Privilege::Update])]));
}), &["public-large-object on large object 7: stranger: revoke update on large object 7 from public"])]
fn a_trap(#[case] live: Live, #[case] expected: &[&str]) {
    assert_eq!(told(None, &live), expected);
}

/// A view of `owner` over the table, which the analyst may read.
fn view(version: u32, owner: Oid, change: impl FnOnce(&mut Relation)) -> Live {
    with(|live| {
        live.server.version = version;
        // of a schema that is no owner's in particular
        live.objects[0].owner = BOOTSTRAP;
        let mut view = object(Kind::View, 3, "v", owner, &[entry(ANALYST, owner, &[Privilege::Select])]);
        let relation = view.relation.as_mut().unwrap();
        relation.reads = vec![(2, 1), (2, 2)];
        change(relation);
        live.objects.push(view);
    })
}

#[rstest]
#[case::a_window(view(150_000, APP_OWNER, |_| {}), &[])]
#[case::filters(view(150_000, APP_OWNER, |v| v.filters_rows = true),
    &["view-without-barrier on view app.v: app_owner: alter view \"app\".\"v\" set (security_barrier = true)"])]
#[case::filters_behind_a_barrier(view(150_000, APP_OWNER, |v| (v.filters_rows, v.security_barrier) = (true, true)), &[])]
#[case::reads_as_its_reader(view(150_000, APP_OWNER, |v| (v.filters_rows, v.security_invoker) = (true, true)), &[])]
#[case::of_a_superuser(view(150_000, BOOTSTRAP, |_| {}),
    &["superuser-view on view app.v: alter view \"app\".\"v\" owner to \"app_owner\""])]
fn a_view(#[case] live: Live, #[case] expected: &[&str]) {
    assert_eq!(told(None, &live), expected);
}

#[test]
fn what_its_readers_can_read_anyway_a_view_does_not_leak() {
    let mut live = view(150_000, APP_OWNER, |view| view.filters_rows = true);
    live.objects[1].acl = [entry(ANALYST, APP_OWNER, &[Privilege::Select])].into_iter().collect();
    assert_eq!(told(None, &live), [""; 0]);
}

#[test]
fn a_view_past_row_security_reads_as_its_reader_from_15_on_and_is_closed_before() {
    let on = |version| {
        let mut live = view(version, APP_OWNER, |_| {});
        let table = live.objects[1].relation.as_mut().unwrap();
        table.row_security = true;
        table.policies = vec![row_policy()];
        live
    };
    let rule = "view-past-row-security on view app.v: app_owner:";
    let from_15 = format!("{rule} alter view \"app\".\"v\" set (security_invoker = true)");
    let before = format!("{rule} revoke select on table \"app\".\"v\" from \"d_analyst\"");
    assert_eq!(told(None, &on(150_000)), [from_15]);
    assert_eq!(told(None, &on(140_000)), [before]);
    // forced, it binds the owner too
    let mut forced = on(150_000);
    forced.objects[1].relation.as_mut().unwrap().forced = true;
    assert_eq!(told(None, &forced), [""; 0]);
}

#[rstest]
#[case(150_000, "revoke pg_read_server_files from \"stranger\"")]
#[case(160_000, "revoke pg_read_server_files from \"stranger\" granted by \"postgres\"")]
fn a_membership_is_taken_back_as_the_version_wants(#[case] version: u32, #[case] expected: &str) {
    let live = with(|live| {
        live.server.version = version;
        live.roles.insert(4569, role(4569, "pg_read_server_files"));
        live.memberships = vec![Membership {
            role: 4569,
            member: STRANGER,
            grantor: BOOTSTRAP,
            admin: false,
            inherit: false,
            set: true,
        }];
    });
    assert_eq!(told(None, &live), [format!("powerful-membership on role stranger: {expected}")]);
}

/// `app_owner` has default privileges in `app`; who else creates there?
fn defaults(creators: &[Oid], member: bool) -> Live {
    with(|live| {
        let default = |class, privilege| DefaultAcl {
            creator: APP_OWNER,
            schema: Some("app".into()),
            class,
            acl: [entry(ANALYST, APP_OWNER, &[privilege])].into_iter().collect(),
        };
        live.defaults =
            vec![default(Class::Table, Privilege::Select), default(Class::Sequence, Privilege::Usage)];
        live.objects[0].acl =
            creators.iter().map(|creator| entry(*creator, APP_OWNER, &[Privilege::Create])).collect();
        if member {
            live.memberships = vec![Membership {
                role: APP_OWNER,
                member: STRANGER,
                grantor: BOOTSTRAP,
                admin: false,
                inherit: false,
                set: true,
            }];
            live.objects.push(object(Kind::Table, 3, "mine", STRANGER, &[]));
            live.objects.push(object(Kind::Sequence, 4, "mine_id_seq", STRANGER, &[]));
            live.owned_sequences = BTreeMap::from([(4, 3)]);
        }
    })
}

#[test]
fn a_creator_gets_the_defaults_of_the_others() {
    let prefix = "stranger: alter default privileges for role \"stranger\" in schema \"app\" grant";
    let expected = format!(
        "creator-without-defaults on role stranger in schema app: {prefix} select on tables to \"d_analyst\"; \
         {prefix} usage on sequences to \"d_analyst\""
    );
    assert_eq!(told(None, &defaults(&[STRANGER], false)), [expected]);
    // who is the only one to be given something sees what is his own
    assert_eq!(told(None, &defaults(&[ANALYST], false)), [""; 0]);
}

#[test]
fn what_a_member_made_without_set_role_goes_to_the_owner_but_for_sequences_of_columns() {
    let expected = "forgotten-set-role on schema app: alter table \"app\".\"mine\" owner to \"app_owner\"";
    assert_eq!(told(None, &defaults(&[], true)), [expected]);
}

#[rstest]
#[case::declared_creators_are_the_plan_s(defaults(&[STRANGER], false),
    "[role.app_owner]\n[role.stranger]\n[schema.app]\nowner = \"app_owner\"\ncreators = [\"stranger\"]\n")]
#[case::owners_are_the_plan_s(defaults(&[], true), "[role.app_owner]\n[schema.app]\nowner = \"app_owner\"\n")]
#[case::declared_attributes(with(|live| {
    let stranger = of(live, STRANGER);
    (stranger.superuser, stranger.bypass_rls, stranger.login) = (true, true, true);
}), "[role.stranger]\nlogin = true\nsuperuser = true\nbypass_rls = true\n")]
#[case::what_the_plan_revokes(with(|live| {
    live.objects[0].acl = [entry(PUBLIC, APP_OWNER, &[Privilege::Create])].into_iter().collect();
    live.objects.push(object(Kind::Function, 3, "f", APP_OWNER, &[entry(PUBLIC, APP_OWNER, &[Privilege::Execute])]));
}), "[role.app_owner]\n[schema.app]\nowner = \"app_owner\"\n")]
#[case::out_of_scope(with(|live| {
    live.objects.push(object(Kind::Function, 3, "f", APP_OWNER, &[entry(PUBLIC, APP_OWNER, &[Privilege::Execute])]));
}), "[schema.other]\n")]
#[case::its_own_database(with(|live| {
    live.databases[0].acl = [entry(PUBLIC, BOOTSTRAP, &[Privilege::Connect])].into_iter().collect();
}), "[schema.app]\n")]
fn with_a_policy_that_speaks_for_it_nothing_is_told(#[case] live: Live, #[case] text: &str) {
    assert!(!told(None, &live).is_empty());
    assert_eq!(told(Some(&policy(text)), &live), [""; 0]);
}

#[test]
fn an_additive_plan_takes_nothing_back_so_it_is_told() {
    let live = with(|live| {
        live.objects[0].acl = [entry(PUBLIC, APP_OWNER, &[Privilege::Create])].into_iter().collect();
    });
    let additive =
        policy("[scope]\nmode = \"additive\"\n[role.app_owner]\n[schema.app]\nowner = \"app_owner\"\n");
    assert_eq!(
        told(Some(&additive), &live),
        ["public-create on schema app: app_owner: revoke create on schema \"app\" from public"]
    );
}

#[test]
fn the_worst_comes_first_and_names_are_stable() {
    let live = with(|live| {
        of(live, STRANGER).login = true;
        of(live, STRANGER).bypass_rls = true;
        live.objects[0].acl = [entry(PUBLIC, APP_OWNER, &[Privilege::Create])].into_iter().collect();
    });
    let found = lint(None, &live);
    assert_eq!(
        found.iter().map(|finding| finding.severity).collect::<Vec<_>>(),
        [Severity::Danger, Severity::Warning, Severity::Notice]
    );
    for finding in &found {
        assert_eq!(serde_json::to_value(finding.rule).unwrap(), finding.rule.name());
    }
}
