//! What tests of backups work on: a server with something of everything, a store, a key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;
use unisys_db::selection::Selection;
use unisys_db::snapshot::SnapshotOptions;
use unisys_db::{Session, Target, facts, inventory, quote_ident};
use unisys_ops::backup::{self, BackupOptions, BackupReport, DumpOptions, Layout, Limits, Ranges};
use unisys_ops::evidence::Trust;
use unisys_ops::keys::{Identities, KeyPair, Recipient};
use unisys_ops::progress::Silent;
use unisys_ops::restore::OpenBackup;
use unisys_ops::server::Scratch;
use unisys_ops::store::DirectoryStore;
use unisys_testkit::{SHARED_SETTINGS, ZOO, ZOO_CLUSTER, free_port, own_server, search};

/// A database's name that is hard on shells, connection strings and SQL alike.
pub(crate) const ODD: &str = "it's \"odd\" $x =\\db";

/// Tables large enough for files of their own, with names and values that are hard to quote.
const LARGE: &str = r#"
    create schema "Lärge 'schema'";
    create table "Lärge 'schema'"."a'b""c\d
e.f" ("id" int primary key, "Wert ""x""" text, price money, at timestamptz, took interval, dropped int,
        twice int generated always as (id * 2) stored);
    alter table "Lärge 'schema'"."a'b""c\d
e.f" drop column dropped;
    insert into "Lärge 'schema'"."a'b""c\d
e.f" select i, case i % 4 when 0 then '\.' when 1 then E'a\tb\nc\\N' when 2 then null else repeat('ü', 40) end,
        i::money, '2026-11-21 02:00:00+05:30'::timestamptz + i * interval '1 minute', -i * interval '1 day 2 hours'
        from generate_series(1, 30000) as i;
    create table public.large (id bigserial primary key, note text, ref int references "Lärge 'schema'"."a'b""c\d
e.f" (id));
    insert into public.large (note, ref) select repeat(md5(i::text), 4), i from generate_series(1, 15000) as i;
    create materialized view public.filled as select count(*) as n from public.large;
    create materialized view public.empty as select 1 as n with no data;
    select lo_from_bytea(4711, decode(repeat('00ff5c0a', 5000), 'hex'));
"#;

/// A server, a database on it, a store and a key.
pub(crate) struct World {
    _server: Scratch,
    pub(crate) directory: TempDir,
    pub(crate) target: Target,
}

impl World {
    /// Makes a world whose database is called `name` and holds the zoo and the large tables.
    pub(crate) async fn new(name: &str) -> Self {
        let server = own_server(free_port(), SHARED_SETTINGS).unwrap();
        let admin = server.server().target("postgres");
        let session = Session::open(&admin).await.unwrap();
        session.batch_execute(ZOO_CLUSTER).await.unwrap();
        let locale = "template template0 encoding 'UTF8' lc_collate 'C' lc_ctype 'C'";
        session.batch_execute(&format!("create database {} {locale}", quote_ident(name))).await.unwrap();
        // settings under which careless text would be read as something else
        let settings = format!("alter database {} set datestyle = 'SQL, DMY'", quote_ident(name));
        session.batch_execute(&settings).await.unwrap();
        let target = admin.with_database(name);
        let session = Session::open(&target).await.unwrap();
        session.batch_execute(ZOO).await.unwrap();
        session.batch_execute(LARGE).await.unwrap();
        let world = Self { _server: server, directory: tempfile::tempdir().unwrap(), target };
        KeyPair::generate().write(&world.identity_file(), "a test").unwrap();
        world
    }

    pub(crate) fn identity_file(&self) -> PathBuf {
        self.directory.path().join("identity.txt")
    }

    pub(crate) fn store(&self) -> DirectoryStore {
        DirectoryStore::new(self.directory.path().join("store"))
    }

    /// Returns the directory of a backup.
    pub(crate) fn stored(&self, report: &BackupReport) -> PathBuf {
        self.store().path(&report.manifest.id)
    }

    pub(crate) fn recipient(&self) -> String {
        Identities::read(&[self.identity_file()]).unwrap().recipients().remove(0)
    }

    /// Makes a backup.
    pub(crate) async fn back_up(&self, layout: Layout) -> BackupReport {
        let options = BackupOptions {
            target: self.target.clone(),
            standby: None,
            selection: Selection::default(),
            dump_options: DumpOptions::default(),
            search: search(),
            recipients: vec![Recipient::parse(&self.recipient()).unwrap()],
            signing: None,
            passphrase: None,
            layout,
            ranges: Ranges::Auto,
            jobs: 2,
            level: 1,
            snapshot: SnapshotOptions { lock_timeout: std::time::Duration::from_secs(5), attempts: 2 },
            tags: Vec::new(),
            limits: Limits::default(),
            check_space: true,
            adopt: false,
            made_by: "a test".into(),
            progress: Arc::new(Silent),
        };
        backup::run(&self.store(), options).await.unwrap()
    }

    /// Opens a backup.
    pub(crate) fn open(&self, report: &BackupReport) -> Arc<OpenBackup> {
        let identities = Identities::read(&[self.identity_file()]).unwrap();
        Arc::new(OpenBackup::open(&self.store(), &report.manifest.id, identities, &Trust::default()).unwrap())
    }
}

/// Starts a server with nothing in it but the zoo's roles where `roles` says so.
pub(crate) async fn empty_server(roles: bool) -> Scratch {
    let server = own_server(free_port(), SHARED_SETTINGS).unwrap();
    if roles {
        let session = Session::open(&server.server().target("postgres")).await.unwrap();
        session.batch_execute(ZOO_CLUSTER).await.unwrap();
    }
    server
}

/// What a restore by plain SQL cannot bring, or words anew: a script knows neither the roles nor the database it runs in.
pub(crate) const BESIDE_A_SCRIPT: &[&str] = &["changed: database this database: ", "changed: role "];

/// Constraints that PostgreSQL words anew when it reads what it wrote, in the zoo.
const REWORDED: [&str; 3] = [
    "changed: table constraint between_them on zoo.checked: definition: ",
    "changed: table constraint trap on zoo.checked: definition: ",
    "changed: domain constraint code_check on zoo.code: definition: ",
];

/// Checks that a restored database has all rows, large objects and sequences, and the catalog of the backup but for differences
/// that start as one of `tolerated`.
pub(crate) async fn assert_equal(backup: &OpenBackup, source: &Target, copy: &Target, tolerated: &[&str]) {
    let session = Session::open(copy).await.unwrap();
    session.set_pinned().await.unwrap();
    let known = &backup.facts;
    assert!(known.tables.iter().any(|facts| facts.rows.rows == 30_000));
    for facts in &known.tables {
        let rows = facts::of_table(&session, &facts.table, known.seed).await.unwrap();
        assert_eq!(rows, facts.rows, "{}", facts.table.name);
    }
    let objects = facts::of_large_objects(&session, known.seed).await.unwrap();
    assert_eq!(objects, known.large_objects);
    assert_eq!(sequences(copy).await, sequences(source).await);
    let filled = session.query_one("select n from public.filled", &[]).await.unwrap();
    assert_eq!(filled.get::<_, i64>(0), 15_000);
    assert!(session.query("select n from public.empty", &[]).await.is_err(), "not populated in the source");
    let found = inventory::load(&session).await.unwrap();
    let mut differences: Vec<String> =
        inventory::diff(&known.inventory, &found).iter().map(ToString::to_string).collect();
    differences.retain(|line| !REWORDED.iter().chain(tolerated).any(|start| line.starts_with(start)));
    assert_eq!(differences, Vec::<String>::new());
}

async fn sequences(target: &Target) -> BTreeMap<String, Option<i64>> {
    let session = Session::open(target).await.unwrap();
    let sql = "select format('%I.%I', schemaname, sequencename), last_value from pg_sequences";
    session.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// Returns a command in an empty environment that reaches a target's server.
pub(crate) fn command(program: impl AsRef<Path>, target: &Target) -> std::process::Command {
    let mut command = std::process::Command::new(program.as_ref());
    command.env_clear().env("LC_ALL", "C.UTF-8");
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.envs(target.child_env());
    command
}
