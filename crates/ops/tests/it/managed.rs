//! Backups by logins that are no superuser, as managed servers give them, and what they are told.

use unisys_db::Target;
use unisys_db::pattern::SchemaPattern;
use unisys_db::preflight::{Preflight, backup_login_sql};
use unisys_db::selection::Selection;
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupOptions};
use unisys_ops::doctor::{self, Level, Lint};

use crate::support::{Place, execute, session, text};

async fn lint(target: &Target) -> Lint {
    doctor::lint(target, &Selection::default(), &unisys_testkit::search()).await.unwrap()
}

fn warned<'l>(lint: &'l Lint, check: &str) -> &'l doctor::Finding {
    let found = lint.findings.iter().find(|finding| finding.check == check && finding.level == Level::Warn);
    found.unwrap_or_else(|| panic!("{check}: {lint:?}"))
}

/// What a service gives: a login that makes roles and databases and owns what it made, and no more.
const SERVICE: &str = "
    create role managed_admin login createrole createdb;
    create role managed_peer nologin;
    create schema shop authorization managed_admin;
    create table shop.orders (id serial primary key, note text);
    alter table shop.orders owner to managed_admin;
    insert into shop.orders (note) select 'o' from generate_series(1, 200);
    create schema provider;
    create table provider.internals (id int);
    insert into provider.internals values (1);
    create policy own on shop.orders using (false);
";

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_owns_only_its_schema_backs_up_that_and_is_told_of_the_rest() {
    let place = Place::new();
    let server = unisys_testkit::own_server(unisys_testkit::free_port(), &[]).unwrap();
    let admin = server.server().target("postgres");
    execute(&admin, "create database shop").await;
    let admin = admin.with_database("shop");
    execute(&admin, SERVICE).await;
    let login = admin.with_user("managed_admin");
    let error = backup::run(&place.store, place.backup_options(&login)).await.unwrap_err();
    let OpsError::Incomplete { what, repair } = &error else { panic!("{error:?}") };
    assert_eq!(what, "managed_admin cannot read provider.internals");
    assert!(repair.as_deref().is_some_and(|sql| sql.contains("grant select on \"provider\".\"internals\"")));
    place.assert_clean();
    let selection = Selection {
        exclude_schemas: vec![SchemaPattern::parse("provider").unwrap()],
        ..Selection::default()
    };
    let options = BackupOptions { selection, ..place.backup_options(&login) };
    let report = backup::run(&place.store, options).await.unwrap_or_else(|error| panic!("{}", text(&error)));
    assert_eq!(report.manifest.rows(), 200);
    let warnings = report.manifest.warnings.join("\n");
    assert!(
        warnings.contains("every role needs a new password. To repair: grant pg_read_all_data"),
        "{warnings}"
    );
    let record = place.prove(&report.manifest.id).await;
    assert!(
        record.not_compared.iter().any(|text| text.contains("was not readable to the backup's login")),
        "{record:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_login_that_init_makes_is_enough() {
    let place = Place::new();
    let server = unisys_testkit::own_server(unisys_testkit::free_port(), &[]).unwrap();
    let admin = server.server().target("postgres");
    execute(&admin, "create database shop").await;
    let admin = admin.with_database("shop");
    execute(&admin, SERVICE).await;
    execute(&admin, "alter table shop.orders enable row level security; select lo_from_bytea(0, 'x')").await;
    let preflight = Preflight::load(&session(&admin).await).await.unwrap();
    let sql = backup_login_sql(&preflight, "backer", 3).into_iter().filter(|line| !line.starts_with('\\'));
    for statement in sql {
        execute(&admin, &statement).await;
    }
    let login = admin.with_user("backer");
    assert!(lint(&login).await.failure().is_none());
    let report = backup::run(&place.store, place.backup_options(&login)).await;
    let report = report.unwrap_or_else(|error| panic!("{}", text(&error)));
    let record = place.prove(&report.manifest.id).await;
    assert_eq!((record.compared.rows, record.compared.large_objects), (201, 1));
    // without its rights beyond pg_read_all_data it is told which, before anything is dumped
    execute(&admin, "alter role backer nobypassrls").await;
    let error = backup::run(&place.store, place.backup_options(&login)).await.unwrap_err();
    assert!(text(&error).contains("policies hide rows from backer in shop.orders"), "{error}");
    execute(&admin, "alter role backer bypassrls; select lo_from_bytea(0, 'new')").await;
    let error = backup::run(&place.store, place.backup_options(&login)).await.unwrap_err();
    assert!(text(&error).contains("backer cannot read 1 of 2 large objects"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_backup_lacks_is_said_in_its_manifest() {
    let place = Place::new();
    let source = unisys_testkit::database_with(
        "create schema app; set search_path = app;
         create table app.codes (code text primary key);
         create function app.known(text) returns boolean language sql stable as 'select exists (select from codes where code = $1)';
         create table app.orders (code text check (app.known(code)));
         create unlogged table app.scratchpad (id int);
         create materialized view app.never as select 1 as n with no data;
         create extension postgres_fdw with schema public;
         create server far foreign data wrapper postgres_fdw;
         create foreign table app.elsewhere (id int) server far",
    )
    .await;
    let found = lint(&source).await;
    assert!(found.failure().is_none(), "{found:?}");
    assert_eq!(warned(&found, "unlogged tables").objects, ["app.scratchpad"]);
    assert_eq!(warned(&found, "materialised views").objects, ["app.never"]);
    assert_eq!(warned(&found, "foreign tables").objects, ["app.elsewhere"]);
    let function = warned(&found, "functions");
    assert!(function.text.ends_with("relation \"codes\" does not exist"), "{function:?}");
    assert!(function.text.contains("app.orders"), "{function:?}");
    let report = place.backup(&source).await;
    for check in ["unlogged tables", "materialised views", "foreign tables", "functions"] {
        let told = report
            .manifest
            .warnings
            .iter()
            .any(|text| text.starts_with(check) && text.contains("To repair: "));
        assert!(told, "{check}: {:?}", report.manifest.warnings);
    }
    // the repair that is told ends the warning
    let repair = function.repair.clone().unwrap();
    execute(&source, &repair).await;
    let again = lint(&source).await;
    assert!(again.findings.iter().all(|finding| finding.check != "functions"), "{again:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_that_a_restore_runs_are_judged_by_the_server_and_not_run() {
    let source = unisys_testkit::database_with(
        "create schema app; create schema other; set search_path = app, other;
         create sequence app.ran;
         create table app.codes (code text);
         create function other.norm(text) returns text immutable language sql as 'select lower($1)';
         create function app.direct(text) returns text immutable language sql as 'select lower($1) || nextval(''app.ran'')';
         create function app.through(text) returns text immutable language sql as 'select norm($1)';
         create function app.own_path(text) returns text immutable language sql set search_path = app, other as 'select norm($1)';
         create function app.parsed(text) returns text immutable language sql return other.norm($1);
         create function app.near(text) returns text immutable language sql as 'select direct($1)';
         create function app.any(anyelement) returns anyelement immutable language sql as 'select $1 from codes';
         create function app.block(text) returns text immutable language plpgsql as 'begin return norm($1); end';
         create function app.less(text, text) returns boolean immutable language sql as 'select norm($1) < norm($2)';
         create operator app.<<< (function = app.less, leftarg = text, rightarg = text);
         create table app.t (a text, g text generated always as (app.own_path(a)) stored, check (app.parsed(a) is not null),
             check (app.any(a) is not null), check (a operator(app.<<<) 'zzz'));
         create index i_near on app.t (app.near(a)); create index i_direct on app.t (app.direct(a));
         create index i_through on app.t (app.through(a)); create index i_block on app.t (app.block(a));
         create function app.unused() returns bigint language sql as 'select count(*) from codes';",
    )
    .await;
    let found = lint(&source).await;
    let of = |name: &str| {
        let found: Vec<_> = found.findings.iter().filter(|f| f.objects.iter().any(|o| o == name)).collect();
        found.first().map(|f| (f.text.clone(), f.repair.clone().unwrap_or_default()))
    };
    let (near, repair) = of("app.near").expect("a finding");
    assert!(
        near.contains("index app.i_near runs") && near.contains("function direct(text) does not exist"),
        "{near}"
    );
    assert!(repair.starts_with("alter function"), "{repair}");
    let (through, repair) = of("app.through").expect("a finding");
    assert!(through.contains("function norm(text) does not exist"), "{through}");
    assert!(repair.starts_with("Name the schemas"), "its own schema does not mend it: {repair}");
    assert!(of("app.less").expect("behind an operator").0.contains("table constraint"), "{found:?}");
    assert!(of("app.any").expect("a finding").0.starts_with("a guess by its text"), "{found:?}");
    assert!(of("app.block").expect("a finding").0.starts_with("a guess by its text"), "{found:?}");
    for sound in ["app.direct", "app.own_path", "app.parsed", "other.norm", "app.unused"] {
        assert_eq!(of(sound), None);
    }
    assert_eq!(
        crate::support::value(&source, "select is_called from app.ran").await,
        "false",
        "nothing was run"
    );
    let offered = "select count(*) from pg_available_extensions where name = 'plpgsql_check'";
    if crate::support::value(&source, offered).await == "0" {
        return; // in PL/pgSQL there is nothing but the text to go by
    }
    execute(&source, "create schema \"Check er\"; create extension plpgsql_check schema \"Check er\"").await;
    let found = lint(&source).await;
    let block = found.findings.iter().find(|f| f.objects == ["app.block"]).expect("a finding");
    assert!(block.text.contains("fails in a restore") && block.text.contains("norm(text)"), "{block:?}");
}
