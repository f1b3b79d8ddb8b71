//! Restoring an opened backup into a server, step by step.
//!
//! Definitions and the rows of small tables come from `database.dump`, the rows of large ones from their files, indexes and
//! constraints from `schema.dump`, in parallel (a data archive would lose foreign keys to deadlocks there).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use unisys_db::catalog::DatabaseFacts;
use unisys_db::selection::Content;
use unisys_db::{Session, Target, quote_ident};

use super::checks::{PostData, is_of_event_trigger};
use super::globals::{self, Due, Statement};
use super::graph::{self, Node};
use super::open::OpenBackup;
use super::owners::Opened;
use super::partitions::Partitions;
use super::schedule::Schedule;
use super::stream::Archive;
use super::toc::{self, Entry, SequenceValue};
use crate::OpsError;
use crate::program::Programs;
use crate::progress::{Expected, Progress};

/// As whom rows are loaded. Loading a row runs code: checks, domains, generated columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadAs {
    /// As the owner of each table, over a connection of the owner's own, so that nothing the code does can make it the
    /// superuser. For scratch servers, where every role can be made to log in.
    Owner,
    /// As the login of the target.
    Login,
}

/// What is restored, and whereto.
#[derive(Clone)]
pub struct Restore {
    /// The backup.
    pub backup: Arc<OpenBackup>,
    /// The superuser's connection to the new server, to any database.
    pub target: Target,
    /// The database to make.
    pub database: String,
    /// The programs, not older than the ones that dumped.
    pub programs: Programs,
    /// Runs the programs as another system user.
    pub run_as: Option<crate::platform::SystemUser>,
    /// A private directory for what must be a file; it holds decrypted definitions, so it must go when the restore is over.
    pub directory: PathBuf,
    /// As whom rows are loaded.
    pub load_as: LoadAs,
    /// What of the backup is not restored.
    pub leave_out: LeaveOut,
    /// The tables, by their object ids in the source, that get their rows, indexes and constraints, where not all do. All
    /// definitions come in any case, large objects and the content of materialised views only with all tables.
    pub only: Option<BTreeSet<u32>>,
    /// How many sessions load and build at once.
    pub jobs: usize,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// What is not restored, because the server or the login does not allow it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeaveOut {
    /// Owners and privileges: everything becomes the login's own.
    pub owners: bool,
    /// Tablespaces: everything comes into the database's own.
    pub tablespaces: bool,
    /// Subscriptions: a copy must not subscribe to anything.
    pub subscriptions: bool,
    /// Event triggers: only a superuser can make them.
    pub event_triggers: bool,
}

impl LeaveOut {
    /// Returns pg_restore's words for it.
    pub(super) fn options(self) -> impl Iterator<Item = &'static str> {
        let owners: &[&str] = if self.owners { &["--no-owner", "--no-privileges"] } else { &[] };
        let tablespaces: &[&str] = if self.tablespaces { &["--no-tablespaces"] } else { &[] };
        let subscriptions: &[&str] = if self.subscriptions { &["--no-subscriptions"] } else { &[] };
        [owners, tablespaces, subscriptions].concat().into_iter()
    }
}

/// What the restore found in the archive, for the comparison.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The sequence values the archive sets.
    pub(crate) sequences: Vec<SequenceValue>,
}

impl Restore {
    /// Restores roles, database, definitions, rows, indexes and constraints, in this order.
    ///
    /// # Errors
    /// [`OpsError`]; the database is then incomplete and worth nothing.
    pub async fn run(&self) -> Result<Loaded, OpsError> {
        let admin = Session::open(&self.target).await?;
        let globals = self.globals().await?;
        run_statements(&admin, &globals, Due::First).await?;
        self.create_database(&admin).await?;
        let loaded = self.fill().await?;
        run_statements(&admin, &globals, Due::AfterRows).await?;
        Ok(loaded)
    }

    /// Restores definitions, rows, indexes and constraints into the database, which is there and empty.
    ///
    /// # Errors
    /// [`OpsError`]; the database is then incomplete and worth nothing.
    pub(super) async fn fill(&self) -> Result<Loaded, OpsError> {
        let schema = Archive::File(self.stage("schema.dump.zst.age", "schema.dump").await?);
        let archive = match self.load_as {
            // a scratch server holds the rows in any case, and reads a file several times faster than a stream
            LoadAs::Owner => Archive::File(self.stage("database.dump.zst.age", "database.dump").await?),
            LoadAs::Login => Archive::Sealed("database.dump.zst.age"),
        };
        if self.only.is_none() && self.backup.content() == Content::Data {
            self.pg_restore(&self.inside(), &schema, &["--section=pre-data"], None).await?;
        }
        // large objects are made before they are filled, and only the archive with data knows of them
        let definitions = if self.only.is_none() { &archive } else { &schema };
        self.pg_restore(&self.inside(), definitions, &["--section=pre-data"], None).await?;
        let inside = Session::open(&self.inside()).await?;
        let mut opened = Opened::for_owners(self, &inside).await?;
        let post_data = self.wanted(&schema, self.entries(&schema, &["--section=post-data"]).await?).await?;
        let schedule = Schedule::new(self.loads(), &self.backup.facts.indexes, &post_data);
        let built = schedule.builds();
        let sequences = self.load_and_build(schedule, &archive, &schema).await?;
        let left_out = |entry: &Entry| self.leave_out.event_triggers && is_of_event_trigger(entry);
        let PostData { first, checks, last } =
            PostData::parted(post_data.iter().filter(|entry| !built.contains(entry) && !left_out(entry)));
        self.post_data(&schema, &first).await?;
        self.add_checks(&inside, &mut opened, &schema, &checks).await?;
        opened.close(&inside).await?;
        self.refresh(&archive).await?;
        self.post_data(&schema, &last).await?;
        for sql in self.database_facts().alter_sql(&self.database) {
            inside.batch_execute(&sql).await.map_err(inside.doing(format!("set up the database ({sql})")))?;
        }
        inside.close().await;
        Ok(Loaded { sequences })
    }

    /// Leaves out what belongs to tables that get no rows.
    async fn wanted(&self, schema: &Archive, entries: Vec<Entry>) -> Result<Vec<Entry>, OpsError> {
        let Some(only) = &self.only else { return Ok(entries) };
        let nodes = self.nodes(schema).await?;
        // a partitioned table with all its partitions is as whole as they are
        let facts = &self.backup.facts;
        let partitions = Partitions::of(&facts.inventory);
        let names = facts.tables.iter().map(|known| &known.table);
        let names = names.filter(|table| only.contains(&table.oid)).map(|table| &table.name).collect();
        let mut tables = graph::tables(&nodes, partitions.whole(&names));
        tables.extend(only);
        let belongings = graph::belongings(&nodes, &tables);
        Ok(entries.into_iter().filter(|entry| belongings.entries.contains(entry)).collect())
    }

    /// Restores the definitions alone, without rows, into another database: what PostgreSQL makes of them.
    ///
    /// # Errors
    /// [`OpsError`].
    pub async fn definitions_only(&self, database: &str) -> Result<Target, OpsError> {
        let admin = Session::open(&self.target).await?;
        let drop = format!("drop database if exists {}", quote_ident(database));
        for sql in [drop, self.backup.facts.database.create_sql(database)] {
            admin.batch_execute(&sql).await.map_err(admin.doing("create the reference database"))?;
        }
        let target = self.target.with_database(database);
        let schema = Archive::File(self.directory.join("schema.dump"));
        self.pg_restore(&target, &schema, &["--section=pre-data"], None).await?;
        self.pg_restore(&target, &schema, &["--section=post-data"], None).await?;
        Ok(target)
    }

    /// Returns what the database is to be like.
    pub(super) fn database_facts(&self) -> DatabaseFacts {
        let mut facts = self.backup.facts.database.clone();
        if self.load_as == LoadAs::Login {
            facts.connection_limit = -1; // our own sessions would count; it is set when they are closed
        }
        if self.leave_out.owners {
            facts.owner.clone_from(&self.target.user);
            facts.grants = None;
            facts.settings.retain(|setting| setting.role.is_none());
        }
        facts
    }

    pub(super) fn inside(&self) -> Target {
        self.target.with_database(&self.database)
    }

    async fn globals(&self) -> Result<Vec<Statement>, OpsError> {
        let text = globals_text(&self.backup).await?;
        Ok(globals::statements(&text, &self.backup.facts.database.bootstrap_role))
    }

    async fn create_database(&self, admin: &Session) -> Result<(), OpsError> {
        let name = quote_ident(&self.database);
        // a fresh cluster has databases of its own; the one to make replaces its namesake there
        let drop = format!("drop database if exists {name}");
        let sql = self.database_facts().create_sql(&self.database);
        for sql in [drop, sql] {
            admin
                .batch_execute(&sql)
                .await
                .map_err(admin.doing(format!("create the database {}", self.database)))?;
        }
        Ok(())
    }

    /// Decrypts a file into the private directory.
    pub(super) async fn stage(&self, name: &'static str, as_name: &str) -> Result<PathBuf, OpsError> {
        let path = self.directory.join(as_name);
        let (backup, to) = (Arc::clone(&self.backup), path.clone());
        blocking(move || backup.extract(name, &to)).await?;
        if let Some(user) = &self.run_as {
            crate::platform::give(&path, user)?;
        }
        Ok(path)
    }

    /// A pg_restore for a server.
    pub(crate) fn command(&self, target: &Target) -> Command {
        let mut command = self.programs.command("pg_restore");
        // as it was dumped, see `Shared::pg_dump`
        command.current_dir("/").envs(target.with_setting("lc_monetary", "C").child_env());
        if let Some(user) = &self.run_as {
            crate::platform::run_as(&mut command, user);
        }
        command
    }

    /// Runs pg_restore on an archive; with a list, on those entries alone. The first error ends it.
    pub(super) async fn pg_restore(
        &self,
        target: &Target,
        archive: &Archive,
        options: &[&str],
        list: Option<&Path>,
    ) -> Result<(), OpsError> {
        let mut command = self.command(target);
        command.args(["--exit-on-error", "--no-password", "-d"]).arg(target.child_dbname_arg()).args(options);
        command.args(self.leave_out.options());
        if let Some(list) = list {
            command.arg("-L").arg(list);
        }
        archive.run(command, &self.backup).await
    }

    /// Returns an archive's entries.
    pub(super) async fn entries(&self, archive: &Archive, options: &[&str]) -> Result<Vec<Entry>, OpsError> {
        let mut command = self.command(&self.target);
        command.arg("--list").args(options).args(self.leave_out.options());
        let list = archive.output(command, &self.backup).await?;
        Ok(toc::entries(&String::from_utf8_lossy(&list)))
    }

    /// Returns an archive's entries with what each depends on.
    pub(super) async fn nodes(&self, archive: &Archive) -> Result<Vec<Node>, OpsError> {
        let mut command = self.command(&self.target);
        command.args(["--list", "--verbose"]);
        let list = archive.output(command, &self.backup).await?;
        Ok(graph::nodes(&String::from_utf8_lossy(&list)))
    }

    /// Writes a list of entries for `pg_restore --use-list`.
    pub(super) fn write_list<'e>(
        &self,
        name: &str,
        entries: impl Iterator<Item = &'e Entry>,
    ) -> Result<PathBuf, OpsError> {
        let path = self.directory.join(name);
        let text: String = entries.flat_map(|entry| [entry.line.as_str(), "\n"]).collect();
        std::fs::write(&path, text).map_err(OpsError::io("write", &path))?;
        if let Some(user) = &self.run_as {
            crate::platform::give(&path, user)?;
        }
        Ok(path)
    }

    /// Builds what is left: small indexes, constraints, triggers; then what describes them.
    async fn post_data(&self, schema: &Archive, entries: &[&Entry]) -> Result<(), OpsError> {
        if entries.is_empty() {
            return Ok(());
        }
        let item = self.progress.start("constraints and triggers", Expected::UNKNOWN);
        let list = self.write_list("post-data.list", entries.iter().copied())?;
        let jobs = format!("--jobs={}", self.jobs.max(1));
        self.pg_restore(&self.inside(), schema, &[&jobs], Some(&list)).await?;
        item.finish();
        Ok(())
    }

    /// Fills the materialised views, which only the archive with data asks for, when all they may read is there.
    async fn refresh(&self, archive: &Archive) -> Result<(), OpsError> {
        if self.only.is_some() {
            return Ok(());
        }
        let entries = self.entries(archive, &["--section=post-data"]).await?;
        let mut views = entries.iter().filter(|entry| entry.is(&["MATERIALIZED VIEW DATA"])).peekable();
        if views.peek().is_none() {
            return Ok(());
        }
        let item = self.progress.start("materialised views", Expected::UNKNOWN);
        let list = self.write_list("refresh.list", views)?;
        // A view reads as its owner, whom policies may concern, as at the source; without this word pg_restore forbids that.
        self.pg_restore(&self.inside(), archive, &["--enable-row-security"], Some(&list)).await?;
        item.finish();
        Ok(())
    }
}

pub(super) async fn run_statements(
    session: &Session,
    statements: &[Statement],
    due: Due,
) -> Result<(), OpsError> {
    for statement in statements.iter().filter(|statement| statement.due == due) {
        // the statement itself may hold a password hash, so the error names only its start
        let start: String = statement.sql.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        session
            .batch_execute(&statement.sql)
            .await
            .map_err(session.doing(format!("restore the globals ({start} …)")))?;
    }
    Ok(())
}

/// Returns what `pg_dumpall --globals-only` wrote.
pub(super) async fn globals_text(backup: &Arc<OpenBackup>) -> Result<String, OpsError> {
    let backup = Arc::clone(backup);
    let text = blocking(move || backup.read("globals.sql.zst.age")?.read_all()).await?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Runs work that waits for files on a thread of its own.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, OpsError> + Send + 'static,
) -> Result<T, OpsError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(OpsError::Refused("a thread was stopped".into())))
}
