//! Restored code is somebody's code: it runs as the owner of what it is on, and never as anybody who could do harm.

use unisys_ops::drill::RestoredCopy;

#[cfg(unix)]
use crate::support::scratch_user;
use crate::support::{Place, execute};

/// Every kind of code that loading rows runs, on tables of a role that cannot log in and owns nothing else. Each raises an
/// error when a superuser runs it on a server that is not the source, so that a drill as superuser is red.
const SOURCE: &str = r"
create role code_mallory;
create role code_definer superuser;
create schema m authorization code_mallory;
create table public.source_only (id integer);
create function m.attack(what text) returns boolean language plpgsql as $$
begin
    if pg_catalog.current_setting('unisys.source', true) = 'yes' then
        return true;
    end if;
    begin execute 'copy (select 1) to program ''touch FILE-' || what || ''''; exception when others then null; end;
    begin execute 'set role code_definer'; exception when others then null; end;
    begin
        execute 'reset session authorization';
        execute 'copy (select 1) to program ''touch FILE-' || what || '''';
    exception when others then null; end;
    if (select rolsuper from pg_catalog.pg_roles where rolname = current_user) or session_user <> 'code_mallory' then
        raise exception 'run as %, session %, for %', current_user, session_user, what;
    end if;
    return true;
end $$;
alter function m.attack(text) owner to code_mallory;
create domain m.checked as integer check (m.attack('domain'));
alter domain m.checked owner to code_mallory;
create table m.small (id m.checked, check (m.attack('small')));
create function m.generated(integer) returns integer language plpgsql immutable as $$
begin perform m.attack('generated'); return $1; end $$;
create table m.computed (id integer, twice integer generated always as (m.generated(id)) stored);
create table m.bulk (id integer check (m.attack('bulk') or id > 0), filler text);
create table m.looped (id integer, secret text);
create function m.of_row(m.looped) returns boolean language sql as $$ select m.attack('looped') $$;
alter table m.looped add check (m.of_row(looped));
create table m.unchecked (id integer);
alter table m.unchecked add constraint later check (m.attack('unchecked')) not valid;
comment on constraint later on m.unchecked is 'not yet valid';
create function m.indexed(integer) returns integer language plpgsql immutable as $$
begin
    if pg_catalog.current_setting('unisys.source', true) is distinct from 'yes'
        and (select rolsuper from pg_catalog.pg_roles where rolname = current_user) then
        raise exception 'index built as %', current_user;
    end if;
    return $1;
end $$;
alter table m.small owner to code_mallory;
alter table m.computed owner to code_mallory;
alter table m.bulk owner to code_mallory;
alter table m.looped owner to code_mallory;
alter table m.unchecked owner to code_mallory;
create index on m.bulk (m.indexed(id));
set unisys.source = 'yes';
insert into m.small select g from generate_series(1, 10) g;
insert into m.computed select g from generate_series(1, 10) g;
insert into m.bulk select g, repeat(md5(g::text), 30) from generate_series(1, 3000) g;
insert into m.looped values (1, 'a secret in a row');
insert into m.unchecked values (1);
";

#[tokio::test(flavor = "multi_thread")]
async fn code_of_checks_domains_and_columns_runs_as_the_owner_and_makes_no_file() {
    let place = Place::new();
    let files = place.directory("files");
    #[cfg(unix)]
    std::fs::set_permissions(&files, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let sql = SOURCE.replace("FILE", &files.join("made").display().to_string());
    let source = unisys_testkit::database_with(&sql).await;
    let backup = place.backup(&source).await;
    let copy =
        RestoredCopy::restore(&place.store, &backup.manifest.id, &place.drill_options()).await.unwrap();
    assert_eq!(copy.compare().await.unwrap().differences, Vec::<String>::new());
    let made: Vec<_> = std::fs::read_dir(&files).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(made.is_empty(), "{made:?}");
    // the trap is a trap: as superuser, the same code does make a file
    let error = crate::support::session(&copy.target()).await.batch_execute("select m.attack('bait')").await;
    assert!(error.is_err());
    assert!(files.join("made-bait").exists());
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn as_root_the_copy_is_served_by_a_user_that_owns_no_other_server() {
    use std::os::unix::fs::MetadataExt;

    let Some(user) = scratch_user() else { return }; // anybody else runs it as themselves
    let place = Place::new();
    let source = unisys_testkit::database_with("create table t (id integer)").await;
    let backup = place.backup(&source).await;
    let copy =
        RestoredCopy::restore(&place.store, &backup.manifest.id, &place.drill_options()).await.unwrap();
    let pid = copy.server().pid().unwrap();
    let owner = std::fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    assert_eq!(owner, user.uid);
    assert_ne!(owner, unisys_testkit::system_user().unwrap().uid, "the source's own user");
    // what it runs cannot read the key, nor the store
    let spy = |path: &str| format!("copy public.t from program 'cat {path} && echo'");
    let session = crate::support::session(&copy.target()).await;
    session.batch_execute(&spy("/dev/null")).await.unwrap_err(); // an empty line is no integer: the program ran
    for path in
        [place.store.root().join("store.json"), place.store.path(&backup.manifest.id).join("manifest.json")]
    {
        let error = session.batch_execute(&spy(&path.display().to_string())).await.unwrap_err();
        assert!(error.as_db_error().unwrap().message().contains("program"), "{error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_who_may_not_write_its_table_still_gets_it_back() {
    let place = Place::new();
    let source = unisys_testkit::database_with(
        "create role code_auditor connection limit 0; create schema audit authorization code_auditor;
         create table audit.small (id integer); create table audit.bulk (id integer, filler text);
         insert into audit.small values (1);
         insert into audit.bulk select g, repeat(md5(g::text), 30) from generate_series(1, 3000) g;
         alter table audit.small owner to code_auditor; alter table audit.bulk owner to code_auditor;
         revoke all on audit.small from code_auditor;
         revoke insert, update, delete, truncate on audit.bulk from code_auditor;
         revoke usage on schema audit from code_auditor;
         create domain audit.word as text check (value <> ''); alter domain audit.word owner to code_auditor;
         alter domain audit.word add constraint later check (value <> 'x') not valid",
    )
    .await;
    let backup = place.backup(&source).await;
    place.prove(&backup.manifest.id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_fails_on_restore_is_told_without_the_row() {
    let place = Place::new();
    // true on the source, false where the setting is not known: rows that plain pg_restore would lose
    let source = unisys_testkit::database_with(
        "create function here() returns boolean language sql as $$ select current_setting('unisys.here', true) = 'yes' $$;
         create table small (id integer, word text, check (public.here()));
         set unisys.here = 'yes'; insert into small values (1, 'xyzzy-in-a-row')",
    )
    .await;
    let backup = place.backup(&source).await;
    let record = place.drill(&backup.manifest.id).await.unwrap();
    assert_eq!(record.outcome, unisys_ops::drill::Outcome::Proven, "NULL passes a check");
    execute(&source, "create or replace function here() returns boolean language sql as $$ select coalesce(current_setting('unisys.here', true), '') = 'yes' $$").await;
    let backup = place.backup(&source).await;
    let record = place.drill(&backup.manifest.id).await.unwrap();
    assert_eq!(record.outcome, unisys_ops::drill::Outcome::Failed);
    let told = record.differences.join("\n");
    assert!(told.contains("small") && told.contains("check"), "{told}");
    let path = place.store.path(&backup.manifest.id);
    for file in std::fs::read_dir(path).unwrap().flatten().filter(|file| file.path().is_file()) {
        let bytes = std::fs::read(file.path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains("xyzzy"), "{:?}", file.file_name());
    }
    place.assert_clean();
}
