use super::*;
use crate::roles::Privilege;

/// What is wrong with a policy of these lines, which stand from line 2 on.
fn wrong(lines: &str) -> String {
    Policy::parse(&format!("version = 1\n{lines}"), "p.toml").unwrap_err().to_string()
}

fn right(lines: &str) -> Policy {
    Policy::parse(&format!("version = 1\n{lines}"), "p.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_shortest_policy_is_its_version() {
    let policy = right("");
    assert_eq!((policy.roles.len(), policy.scope.mode), (0, Mode::Authoritative));
    assert_eq!(policy.sha256.len(), 64);
}

#[test]
fn the_common_case_is_short() {
    let policy = right(
        r#"
        [role.owner]
        [role.reader]
        login = true
        connection_limit = 5
        password = { env = "READER" }
        settings = { statement_timeout = "30s", jit = false, work_mem = 8192 }
        member_of = ["pg_monitor", { role = "owner", inherit = false, since = 16 }]
        valid_until = 2027-01-31
        [schema.app]
        owner = "owner"
        [[grant]]
        to = ["reader", "PUBLIC"]
        privileges = "usage"
        on = "schema app"
        [[grant]]
        to = "reader"
        privileges = ["select", "insert"]
        on = "table app.*"
        [[grant]]
        to = "reader"
        privileges = "execute"
        on = "routine app.f(app.ciphertext, text)"
        [[grant]]
        to = "reader"
        privileges = ["connect", "temp"]
        on = "database"
        [[assert]]
        role = "reader"
        cannot = "delete"
        on = "table app.*"
        "#,
    );
    let reader = &policy.roles["reader"];
    assert!(reader.login && reader.inherit && !reader.superuser);
    assert_eq!(reader.password, Some(PasswordSource::Environment("READER".into())));
    assert_eq!(reader.valid_until.as_deref(), Some("2027-01-31 00:00:00+00"));
    let settings: Vec<_> = reader.settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(settings, ["jit=off", "statement_timeout=30s", "work_mem=8192"]);
    assert!(!reader.member_of[1].inherit && reader.member_of[1].set);
    let app = &policy.schemas["app"];
    assert_eq!((app.owns_objects, app.creators.as_slice()), (true, &["owner".to_owned()][..]));
    let [usage, tables, routine, database] = &policy.grants[..] else { panic!() };
    assert_eq!((usage.to.as_slice(), usage.future), (&["reader".to_owned(), "PUBLIC".to_owned()][..], false));
    assert!(usage.on.names.is_empty() && usage.on.schemas == ["app"]);
    assert!(tables.future && tables.on.names.is_empty(), "a whole schema is meant with what comes");
    assert!(!routine.future && routine.on.names[0].matches("f(app.ciphertext, text)"));
    assert!(database.privileges.contains(Privilege::Temporary) && database.on.names.is_empty());
    assert!(!policy.assertions[0].can && policy.assertions[0].by_set_role);
}

#[test]
fn all_that_is_wrong_is_told_at_once_by_line() {
    insta::assert_snapshot!(wrong(r#"
[role.app_user]
logn = true
[schema.app]
owner = "app_ownr"
[[grant]]
to = "app_usr"
privileges = ["selct", "execute", "ALL"]
on = "table ap.students"
[roles]
"#), @r#"
    p.toml:4: unknown key "logn" in [role.app_user]; did you mean login?
    p.toml:6: role "app_ownr" is not declared; did you mean "app_user"?
    p.toml:8: role "app_usr" is not declared; did you mean "app_user"?
    p.toml:9: "selct" is no privilege; did you mean "select"?
    p.toml:9: "ALL" means more with each version of PostgreSQL; say which of select, insert, update, delete, truncate, references, trigger, maintain, usage, create, execute, connect, temporary, set, alter system
    p.toml:10: schema "ap" is not declared; did you mean "app"?
    p.toml:11: unknown key "roles"; did you mean role?
    "#);
}

#[rstest::rstest]
#[case::not_toml(
    "a = = 1",
    "p.toml:2: extra `=`, expected nothing\np.toml:2: unexpected key or value, expected newline, `#`"
)]
#[case::same_key_twice("[role.a]\n[role.a]", "p.toml:3: duplicate key")]
#[case::type_of_a_flag(
    "[role.a]\nlogin = \"yes\"",
    "p.toml:3: login is of type string, it must be true or false"
)]
#[case::type_of_a_role("role = 1", "p.toml:2: role must be a table")]
#[case::type_of_grants(
    "[grant]\nto = \"a\"",
    "p.toml:2: grant is of type table, it must be a list of tables, [[grant]]"
)]
#[case::far_from_any_key(
    "[role.a]\nxyzzy = 1",
    "p.toml:3: unknown key \"xyzzy\" in [role.a]; there are connection_limit, login, superuser, create_db, create_role, replication, bypass_rls, inherit, valid_until, password, member_of, only_members, settings, settings_here, comment, since, until"
)]
fn form(#[case] lines: &str, #[case] expected: &str) {
    assert_eq!(wrong(lines), expected);
}

#[rstest::rstest]
#[case::none("", "p.toml:1: version = 1 is missing")]
#[case::newer("version = 2\n[whatever]", "p.toml:1: this program reads policies of version 1")]
#[case::text("version = \"1\"", "p.toml:1: this program reads policies of version 1")]
fn version(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(Policy::parse(text, "p.toml").unwrap_err().to_string(), expected);
}

#[rstest::rstest]
#[case::text(
    "[role.a]\nlogin = true\npassword = \"s3cret\"",
    "p.toml:4: a password never stands in a policy; say where it is: { env = \"VARIABLE\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }"
)]
#[case::hash(
    "[role.a]\nlogin = true\npassword = \"SCRAM-SHA-256$4096:abc$def:ghi\"",
    "p.toml:4: this is a password's hash, which is as good as the password to whoever reads it\np.toml:4: a password never stands in a policy; say where it is: { env = \"VARIABLE\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }"
)]
#[case::hash_in_a_comment(
    "[role.a]\ncomment = \"md50123456789abcdef0123456789abcdef\"",
    "p.toml:3: this is a password's hash, which is as good as the password to whoever reads it"
)]
#[case::conninfo(
    "[database]\nsettings = { \"a.b\" = \"host=h password=s3cret\" }",
    "p.toml:3: this holds a password"
)]
#[case::setting(
    "[role.a]\nlogin = true\nsettings = { \"app.encryption_key\" = \"s3cret\" }",
    "p.toml:4: \"app.encryption_key\" sounds like a secret; settings of roles are seen by every login"
)]
#[case::two_places(
    "[role.a]\nlogin = true\npassword = { env = \"A\", file = \"b\" }",
    "p.toml:4: password is one of { env = \"VARIABLE\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }"
)]
#[case::no_place(
    "[role.a]\nlogin = true\npassword = { command = [] }",
    "p.toml:4: password is one of { env = \"VARIABLE\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }"
)]
#[case::unknown_place(
    "[role.a]\nlogin = true\npassword = { enw = \"A\" }",
    "p.toml:4: unknown key \"enw\" in password; did you mean env?\np.toml:4: password is one of { env = \"VARIABLE\" }, { file = \"PATH\" } or { command = [\"PROGRAM\", \"ARGUMENT\"] }"
)]
#[case::no_login(
    "[role.a]\npassword = { env = \"A\" }",
    "p.toml:3: a role that does not log in needs no password; say login = true, or leave it out"
)]
fn passwords(#[case] lines: &str, #[case] expected: &str) {
    let said = wrong(lines);
    assert_eq!(said, expected);
    assert!(!said.contains("s3cret") && !said.contains("4096"), "{said}");
}

#[rstest::rstest]
#[case::empty("[role.\"\"]", "p.toml:2: a name is empty")]
#[case::too_long(&format!("[role.\"{}\"]", "ü".repeat(32)), "p.toml:2: the name \"üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü\" has 64 bytes, PostgreSQL keeps 63")]
#[case::nul("[role.\"a\\u0000\"]", "p.toml:2: a name holds a NUL, which PostgreSQL knows in no text")]
#[case::public("[role.public]", "p.toml:2: no role can be called \"public\": the word means something else")]
#[case::predefined(
    "[role.pg_mine]",
    "p.toml:2: \"pg_mine\" is PostgreSQL's own: names with pg_ are kept for it"
)]
#[case::system_schema("[schema.pg_catalog]", "p.toml:2: schema \"pg_catalog\" is PostgreSQL's own")]
#[case::unknown_predefined(
    "[role.a]\nmember_of = [\"pg_monitr\"]",
    "p.toml:3: \"pg_monitr\" is no predefined role; did you mean pg_monitor?"
)]
#[case::like_a_superuser(
    "[role.a]\nmember_of = [\"pg_execute_server_program\"]",
    "p.toml:3: a member of pg_execute_server_program is a superuser in all but name"
)]
#[case::undefined_group(
    "[role.a]\nmember_of = [\"b\"]",
    "p.toml:3: role \"b\" is not declared; declare it as [role.b], or name it in scope.external"
)]
#[case::undefined_owner(
    "[schema.s]\nowner = \"b\"",
    "p.toml:3: role \"b\" is not declared; declare it as [role.b], or name it in scope.external"
)]
#[case::undefined_creator(
    "[role.a]\n[schema.s]\nowner = \"a\"\ncreators = [\"b\"]",
    "p.toml:5: role \"b\" is not declared; declare it as [role.b], or name it in scope.external"
)]
#[case::no_owner("[schema.s]\ncreate = true", "p.toml:2: schema \"s\" needs owner = \"…\" for that")]
#[case::undefined_schema(
    "[role.a]\n[[grant]]\nto = \"a\"\nprivileges = \"usage\"\non = \"schema s\"",
    "p.toml:6: schema \"s\" is not declared; declare it as [schema.s]"
)]
#[case::undefined_sensitive(
    "[sensitive]\ncolumns = [\"s.t.c\"]",
    "p.toml:3: schema \"s\" is not declared; declare it as [schema.s]"
)]
#[case::no_column(
    "[schema.s]\n[sensitive]\ncolumns = [\"s.t\", \"s.*.c\"]",
    "p.toml:4: \"s.t\" is no column; write schema.table.column\np.toml:4: \"s.*.c\" is no column; write schema.table.column"
)]
#[case::declared_and_external(
    "[role.a]\n[scope]\nexternal = [\"a\"]",
    "p.toml:4: role \"a\" is declared, so it is not external"
)]
#[case::public_as_a_role(
    "[database]\nowner = \"PUBLIC\"",
    "p.toml:3: PUBLIC is everybody; here a role is wanted"
)]
fn names(#[case] lines: &str, #[case] expected: &str) {
    assert_eq!(wrong(lines), expected);
}

#[rstest::rstest]
#[case::itself("[role.a]\nmember_of = [\"a\"]", "p.toml:3: \"a\" cannot be a member of itself")]
#[case::circle(
    "[role.a]\nmember_of = [\"b\"]\n[role.b]\nmember_of = [\"c\"]\n[role.c]\nmember_of = [\"a\"]",
    "p.toml:2: memberships go in a circle: a → b → c → a"
)]
#[case::twice(
    "[role.b]\n[role.a]\nmember_of = [\"b\", { role = \"b\", since = 16 }]",
    "p.toml:4: \"a\" is a member of \"b\" already, by line 4"
)]
#[case::not_allowed(
    "[role.b]\nonly_members = []\n[role.a]\nmember_of = [\"b\"]",
    "p.toml:5: only_members of \"b\" (line 2) does not name \"a\""
)]
#[case::between_inherits(
    "[role.x]\n[role.b]\n[role.a]\nmember_of = [{ role = \"b\", inherit = false, through = \"x\" }]",
    "p.toml:2: \"x\" stands between \"a\" and \"b\": it needs inherit = false and no login"
)]
#[case::between_for_nothing(
    "[role.x]\ninherit = false\n[role.b]\n[role.a]\nmember_of = [{ role = \"b\", through = \"x\" }]",
    "p.toml:6: through is for a membership with inherit = false, on servers before 16"
)]
#[case::no_role(
    "[role.a]\nmember_of = [{ inherit = false }]",
    "p.toml:3: an entry of member_of needs role = \"…\""
)]
#[case::never("[role.a]\nsince = 17\nuntil = 16", "p.toml:3: since 17 until 16 is never")]
#[case::no_list(
    "[role.a]\nmember_of = \"b\"",
    "p.toml:3: member_of must be a list of names and of tables such as { role = \"…\", inherit = false }"
)]
fn memberships(#[case] lines: &str, #[case] expected: &str) {
    assert_eq!(wrong(lines), expected);
}

#[rstest::rstest]
#[case::no_name(
    "\"no such\" = 1",
    "p.toml:4: \"no such\" is no name of a setting; one of an extension has a dot: \"app.mode\""
)]
#[case::no_value("work_mem = [1]", "p.toml:4: \"work_mem\" must be a text, a number, true or false")]
#[case::twice("work_mem = 1, Work_Mem = 2", "p.toml:4: \"work_mem\" is set twice; capitals do not matter")]
fn names_and_values_of_settings(#[case] set: &str, #[case] expected: &str) {
    assert_eq!(wrong(&format!("[role.a]\nlogin = true\nsettings = {{ {set} }}")), expected);
}

#[test]
fn settings_of_a_group_are_refused() {
    assert_eq!(
        wrong("[role.a]\nsettings = { work_mem = 1 }"),
        "p.toml:3: settings of a role that does not log in have no effect, and members do not inherit them; \
         give them to the roles that log in"
    );
}

#[rstest::rstest]
#[case::wrong_kind(
    "\"execute\"",
    "\"table s.*\"",
    "p.toml:6: execute is no privilege of a table; there are select, insert, update, delete, truncate, references, trigger, maintain"
)]
#[case::all(
    "\"ALL\"",
    "\"table s.*\"",
    "p.toml:6: \"ALL\" means more with each version of PostgreSQL; say which of select, insert, update, delete, truncate, references, trigger, maintain"
)]
#[case::nearest(
    "\"selcet\"",
    "\"table s.*\"",
    "p.toml:6: \"selcet\" is no privilege of a table; did you mean \"select\"?"
)]
#[case::twice("[\"select\", \"SELECT\"]", "\"table s.*\"", "p.toml:6: select is there twice")]
#[case::no_privilege("[]", "\"table s.*\"", "p.toml:6: privileges names none")]
#[case::view(
    "\"select\"",
    "\"view s.v\"",
    "p.toml:7: \"view\" is no kind of object; did you mean \"table\"?"
)]
#[case::no_kind(
    "\"select\"",
    "{ schema = \"s\" }",
    "p.toml:7: on needs kind = \"…\": database, schema, table, sequence, routine, type, language, foreign-data-wrapper, foreign-server, tablespace, large-object, parameter"
)]
#[case::no_schema(
    "\"select\"",
    "\"table t\"",
    "p.toml:7: \"table t\" has no schema; write \"table SCHEMA.NAME\", or SCHEMA.* for all"
)]
#[case::no_schema_at_all(
    "\"select\"",
    "\"table\"",
    "p.toml:7: a table is in a schema: say which, as in \"table app.*\""
)]
#[case::schema_of_a_language(
    "\"usage\"",
    "{ kind = \"language\", schema = \"s\" }",
    "p.toml:7: a language is in no schema; choose it by name = \"…\""
)]
#[case::which_language(
    "\"usage\"",
    "\"language\"",
    "p.toml:7: which language? Say its name, as in \"language NAME\", or * for all"
)]
#[case::other_database(
    "\"connect\"",
    "\"database other\"",
    "p.toml:7: a policy is for one database, whose name it does not say: \"database\" is enough"
)]
#[case::columns_of_a_sequence(
    "\"select\"",
    "{ kind = \"sequence\", schema = \"s\", name = \"q\", columns = [\"c\"] }",
    "p.toml:7: a sequence has no columns to grant; only a table has"
)]
#[case::columns_of_all(
    "\"select\"",
    "{ kind = \"table\", schema = \"s\", columns = [\"c\"] }",
    "p.toml:7: columns are those of a table: say which by name = \"…\""
)]
#[case::delete_of_columns(
    "\"delete\"",
    "{ kind = \"table\", schema = \"s\", name = \"t\", columns = [\"c\"] }",
    "p.toml:6: delete is not for single columns; of these there are select, insert, update, references"
)]
#[case::columns_and_without(
    "\"select\"",
    "{ kind = \"table\", schema = \"s\", name = \"t\", columns = [\"c\"], without_sensitive = true }",
    "p.toml:7: columns says which, without_sensitive says which not: take one of them"
)]
#[case::no_pattern(
    "\"select\"",
    "{ kind = \"table\", schema = \"s\", name = \"\\\"t\" }",
    "p.toml:7: \"\\\"t\" is no pattern for names: write a name, with * and ?, in double quotes what holds one of these"
)]
#[case::neither("\"select\"", "1", "p.toml:7: on must be a text such as \"table app.*\", or a table")]
fn what_is_granted(#[case] privileges: &str, #[case] on: &str, #[case] expected: &str) {
    let lines = format!("[role.a]\n[schema.s]\n[[grant]]\nto = \"a\"\nprivileges = {privileges}\non = {on}");
    assert_eq!(wrong(&lines), expected);
}

#[rstest::rstest]
#[case::one_table(
    "to = \"a\"\non = \"table s.t\"\nprivileges = \"select\"\nfuture = true",
    "p.toml:8: future = true is for a whole schema: default privileges know no names"
)]
#[case::no_defaults(
    "to = \"a\"\non = \"database\"\nprivileges = \"connect\"\nfuture = true",
    "p.toml:8: future = true is for tables, sequences, routines and types of a schema, and for schemas"
)]
#[case::nobody("to = []\non = \"schema s\"\nprivileges = \"usage\"", "p.toml:5: to names nobody")]
#[case::somebody_twice(
    "to = [\"a\", \"a\"]\non = \"schema s\"\nprivileges = \"usage\"",
    "p.toml:5: \"a\" is there twice"
)]
#[case::public_gives_on(
    "to = \"PUBLIC\"\non = \"schema s\"\nprivileges = \"usage\"\ngrantable = true",
    "p.toml:8: PUBLIC can give nothing on: grantable is for roles"
)]
#[case::nothing_said(
    "future = false",
    "p.toml:4: [[grant]] needs to = …\np.toml:4: [[grant]] needs privileges = …\np.toml:4: [[grant]] needs on = …"
)]
fn how_it_is_granted(#[case] grant: &str, #[case] expected: &str) {
    assert_eq!(wrong(&format!("[role.a]\n[schema.s]\n[[grant]]\n{grant}")), expected);
}

#[test]
fn the_same_is_not_granted_twice() {
    let grant = "[[grant]]\nto = \"a\"\nprivileges = [\"select\", \"insert\"]\non = \"table s.*\"\n";
    let head = "[role.a]\n[schema.s]\n";
    let expected = "p.toml:8: \"a\" has select, insert on it already, by line 4";
    assert_eq!(wrong(&format!("{head}{grant}{grant}")), expected);
    right(&format!("{head}{grant}until = 15\n{grant}since = 16"));
}

#[rstest::rstest]
#[case::both(
    "role = \"a\"\ncan = \"select\"\ncannot = \"select\"\non = \"sensitive\"",
    "p.toml:4: [[assert]] says either can = [\"…\"] or cannot = [\"…\"]"
)]
#[case::delete_of_columns(
    "role = \"a\"\ncannot = \"delete\"\non = \"sensitive\"",
    "p.toml:6: delete is not for single columns; of these there are select, insert, update, references"
)]
#[case::nothing(
    "role = \"a\"\ncannot = \"select\"",
    "p.toml:4: [[assert]] needs on = …, which may be \"sensitive\""
)]
#[case::nobody("cannot = \"select\"\non = \"sensitive\"", "p.toml:4: [[assert]] needs role = …")]
#[case::undefined(
    "role = \"b\"\ncannot = \"select\"\non = \"table s.*\"",
    "p.toml:5: role \"b\" is not declared; declare it as [role.b], or name it in scope.external"
)]
fn assertions(#[case] lines: &str, #[case] expected: &str) {
    assert_eq!(wrong(&format!("[role.a]\n[schema.s]\n[[assert]]\n{lines}")), expected);
}

#[rstest::rstest]
#[case::declared(
    "[[retire]]\nrole = \"a\"\nreassign_to = \"a\"",
    "p.toml:4: role \"a\" is declared, so it cannot be retired\np.toml:5: \"a\" cannot inherit from itself"
)]
#[case::twice(
    "[[retire]]\nrole = \"b\"\nreassign_to = \"a\"\n[[retire]]\nrole = \"b\"\nreassign_to = \"a\"",
    "p.toml:6: role \"b\" is retired already, by line 3"
)]
#[case::to_nobody(
    "[[retire]]\nrole = \"b\"\nreassign_to = \"c\"",
    "p.toml:5: role \"c\" is not declared; declare it as [role.c], or name it in scope.external"
)]
#[case::to_a_retired(
    "[scope]\nexternal = [\"c\"]\n[[retire]]\nrole = \"b\"\nreassign_to = \"c\"\n[[retire]]\nrole = \"c\"\nreassign_to = \"a\"",
    "p.toml:5: \"c\" is retired itself, and can inherit nothing"
)]
#[case::granted(
    "[schema.s]\n[scope]\nexternal = [\"b\"]\n[[grant]]\nto = \"b\"\nprivileges = \"usage\"\non = \"schema s\"\n[[retire]]\nrole = \"b\"\nreassign_to = \"a\"",
    "p.toml:6: role \"b\" is retired on line 10: it gets nothing"
)]
#[case::nothing_said(
    "[[retire]]\nterminate_sessions = true",
    "p.toml:3: [[retire]] needs role = \"…\"\np.toml:3: [[retire]] needs reassign_to = \"…\""
)]
fn retirement(#[case] lines: &str, #[case] expected: &str) {
    assert_eq!(wrong(&format!("[role.a]\n{lines}")), expected);
}

#[test]
fn the_own_policy_is_right() {
    if let Err(errors) = Policy::builtin() {
        panic!("{errors}");
    }
}
