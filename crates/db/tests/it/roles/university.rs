//! The university's own policy on the university's own schema: what each role can do, tried.

use std::fmt::Write as _;

use tokio_postgres::error::SqlState;
use unisys_db::migrate::{MigrationSet, UpOptions, up};
use unisys_db::roles::matrix::{self, Matrix};
use unisys_db::roles::{Access, Difference, Live, Policy, difference, inspect};
use unisys_db::{Session, Target, quote_ident};
use unisys_ops::server::Scratch;

use super::live;
use crate::support::{database_on, own_server, session};

/// A server of its own, because roles are the server's, with the schema and the policy.
async fn university() -> (Scratch, Target) {
    let server = own_server();
    let target = database_on(&server, "university").await;
    up(&target, &MigrationSet::builtin().unwrap(), &UpOptions::default(), &|_| {}).await.unwrap();
    let session = session(&target).await;
    session.batch_execute("begin; set local search_path = ''").await.unwrap();
    let planned = difference(&Policy::builtin().unwrap(), &inspect(&session).await.unwrap());
    assert!(planned.impossible.is_empty(), "{:#?}", planned.impossible);
    for change in &planned.changes {
        let as_role = change.as_role.as_deref().map_or_else(|| "none".into(), quote_ident);
        let sql = format!("set local role {as_role}; {}; set local role none", change.sql);
        session.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    session.batch_execute("commit").await.unwrap();
    (server, target)
}

fn script(difference: &Difference) -> String {
    difference.changes.iter().fold(String::new(), |mut script, change| {
        let _ = writeln!(script, "{}; -- {}", change.sql, change.reason);
        script
    })
}

fn assert_none(policy: &Policy, live: &Live) {
    let left = difference(policy, live);
    assert!(left.is_empty(), "{}{:#?}", script(&left), left.impossible);
}

#[tokio::test(flavor = "multi_thread")]
async fn once_applied_nothing_is_left_neither_after_another_migrate_nor_after_the_months_went_on() {
    let (_server, target) = university().await;
    let policy = Policy::builtin().unwrap();
    assert_none(&policy, &live(&target).await);
    up(&target, &MigrationSet::builtin().unwrap(), &UpOptions::default(), &|_| {}).await.unwrap();
    assert_none(&policy, &live(&target).await);
    let owner = session(&target).await;
    owner
        .batch_execute(
            "set role app_owner;
             select app.make_audit_partition('2031-05-01'), app.make_audit_partition('2031-06-01');
             select app.detach_audit_partition('2031-05-01')",
        )
        .await
        .unwrap();
    assert_none(&policy, &live(&target).await);
}

/// What is tried: who, what, and whether the server lets them.
const TRIED: &[(&str, &str, bool)] = &[
    // the web application: reads and writes records, deletes none, makes nothing, sees no other schema
    ("app_user", "select * from app.find_login('anybody')", true),
    ("app_user", "select count(*) from app.students", true),
    ("app_user", "update app.students set city = 'Bern' where false", true),
    ("app_user", "insert into app.courses select * from app.courses where false", true),
    ("app_user", "select count(*) from app.audit_logs", true),
    ("app_user", "select app.audit_event('login')", true),
    ("app_user", "select id, username from app.users", true),
    ("app_user", "update app.users set password_hash = 'x' where id = gen_random_uuid()", true),
    ("app_user", "select password_hash from app.users", false),
    ("app_user", "select id from app.sessions", true),
    ("app_user", "select token_hash from app.sessions", false),
    ("app_user", "insert into app.sessions select * from app.sessions", false),
    ("app_user", "delete from app.students", false),
    ("app_user", "truncate app.students", false),
    ("app_user", "insert into app.audit_logs (action) values ('login')", false),
    ("app_user", "select count(*) from app.audit_logs_default", false),
    ("app_user", "update app.archived_payments set amount = 1", false),
    ("app_user", "select app.archive_records('2000-01-01')", false),
    ("app_user", "select app.rotate_ciphertexts()", false),
    ("app_user", "select app.make_audit_partition('2040-01-01')", false),
    ("app_user", "create table app.mine (a int)", false),
    ("app_user", "create table public.mine (a int)", false),
    ("app_user", "create temporary table mine (a int)", false),
    ("app_user", "create schema mine", false),
    ("app_user", "select count(*) from analysis.students", false),
    ("app_user", "select count(*) from qa.rules", false),
    ("app_user", "select count(*) from etl.load_runs", false),
    ("app_user", "select count(*) from ops.schema_history", false),
    ("app_user", "set role app_owner", false),
    // analysts: what is made for them
    ("d_analyst", "select count(*) from analysis.students", true),
    ("d_analyst", "create temporary table mine (a int)", true),
    ("d_analyst", "select count(*) from app.students", false),
    ("d_analyst", "create table analysis.mine (a int)", false),
    ("d_analyst", "select analysis.refresh()", false),
    ("d_analyst", "select count(*) from etl.staging_students", false),
    ("report_runner", "select count(*) from analysis.enrollment_by_program", true),
    ("report_runner", "select count(*) from app.students", false),
    ("report_runner", "set role app_user", false),
    // engineers: load, shape, and read what is not sensitive
    ("d_engineer", "select first_name from app.students", true),
    ("d_engineer", "select national_id from app.students", false),
    ("d_engineer", "select * from app.students", false),
    ("d_engineer", "select password_hash from app.users", false),
    ("d_engineer", "select id from app.sessions", false),
    ("d_engineer", "update app.students set city = 'Bern'", false),
    ("d_engineer", "insert into etl.load_runs (target, source) values ('students', 'a file')", true),
    ("d_engineer", "delete from etl.rejected_rows", true),
    ("d_engineer", "create table analysis.mart as select country from app.students", true),
    ("d_engineer", "select analysis.refresh()", true),
    ("d_engineer", "create table app.mine (a int)", false),
    // judges of quality: write findings, see people only in what is loaded
    ("qa_engineer", "select count(*) from qa.rules", true),
    ("qa_engineer", "update qa.rules set is_active = false", true),
    ("qa_engineer", "update qa.rules set query = 'select 1'", false),
    ("qa_engineer", "insert into qa.rules (code, description, query) values ('a', 'b', 'select 1')", false),
    ("qa_engineer", "create table qa.findings (a int)", true),
    ("qa_engineer", "select count(*) from analysis.students", true),
    ("qa_engineer", "select count(*) from etl.staging_students", true),
    ("qa_engineer", "delete from etl.staging_students", false),
    ("qa_engineer", "select count(*) from app.students", false),
    // who keeps it running: an owner's rights only when asked for
    ("dba", "select count(*) from ops.schema_history", true),
    ("dba", "select count(*) from app.students", false),
    ("dba", "set role app_owner; select count(*) from app.students", true),
    ("dba", "set role app_owner; truncate app.attendance", true),
    ("dba", "select count(*) from pg_stat_activity where query like 'select%'", true),
    ("web_ops", "select count(*) from ops.schema_history", true),
    ("web_ops", "select count(*) from app.students", false),
    ("web_ops", "set default_transaction_read_only = off; delete from ops.schema_history", false),
    // backups: everything, row-level security or not, and no change
    ("backup", "set row_security = off; select national_id from app.students", true),
    ("backup", "set row_security = off; select * from app.audit_logs_default", true),
    ("backup", "set default_transaction_read_only = off; delete from app.students", false),
];

#[tokio::test(flavor = "multi_thread")]
async fn each_role_can_do_what_it_is_for_and_nothing_else() {
    let (_server, target) = university().await;
    let session = session(&target).await;
    let mut wrong = String::new();
    for (role, sql, may) in TRIED {
        let attempt = format!("begin; set local session authorization {role}; {sql}; rollback");
        let said = session.batch_execute(&attempt).await;
        session.batch_execute("rollback").await.unwrap();
        let error = said.as_ref().err();
        let refused = error.is_some_and(|error| error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE));
        if (*may && error.is_some()) || (!*may && !refused) {
            let _ = writeln!(wrong, "{role}: {sql}: {error:?}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engineer_or_a_migration_makes_is_seen_by_those_it_is_for() {
    let (_server, target) = university().await;
    let session = session(&target).await;
    session
        .batch_execute(
            "begin; set local role app_owner;
             create table app.hobbies (id int); create function app.f() returns int language sql as 'select 1';
             set local role d_engineer; create table analysis.mart (id int); create table etl.raw (id int); commit",
        )
        .await
        .unwrap();
    let live = live(&target).await;
    assert_none(&Policy::builtin().unwrap(), &live);
    let grid = |schema| table(&live, schema);
    let column = |grid: &Matrix, table: &str, role: &str| {
        let place = grid.places.iter().position(|place| place == table).unwrap();
        let row = grid.roles.iter().find(|row| row.role == role).unwrap();
        row.cells[place].held.iter().map(|held| held.privilege.letter()).collect::<String>()
    };
    let (app, analysis, etl) = (grid("app"), grid("analysis"), grid("etl"));
    assert_eq!(column(&app, "hobbies", "app_user"), "raw");
    assert_eq!(column(&app, "hobbies", "d_engineer"), "r");
    assert_eq!(column(&app, "hobbies", "d_analyst"), "");
    assert_eq!(column(&analysis, "mart", "report_runner"), "r");
    assert_eq!(column(&etl, "raw", "qa_engineer"), "r");
    let executes =
        session.query_one("select has_function_privilege('app_user', 'app.f()', 'execute')", &[]).await;
    assert!(!executes.unwrap().get::<_, bool>(0), "a new function is for nobody yet");
}

fn table(live: &Live, schema: &str) -> Matrix {
    let roles: Vec<_> =
        live.roles.values().filter(|role| !role.is_predefined()).map(|role| role.oid).collect();
    matrix::by_table(&Access::new(live), &roles, schema)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_the_web_application_is_what_its_settings_say() {
    let (_server, target) = university().await;
    let session: Session = session(&target).await;
    let rows = session
        .query(
            "select r.rolname::text, s.setdatabase <> 0, unnest(s.setconfig)
             from pg_db_role_setting as s join pg_roles as r on r.oid = s.setrole
             where r.rolname = 'app_user' order by 2, 3",
            &[],
        )
        .await
        .unwrap();
    let settings: Vec<String> = rows.iter().map(|row| row.get(2)).collect();
    assert_eq!(
        settings,
        [
            "idle_in_transaction_session_timeout=1min",
            "lock_timeout=5s",
            "log_parameter_max_length=0",
            "log_parameter_max_length_on_error=0",
            "statement_timeout=30s",
            "search_path=app",
        ]
    );
}
