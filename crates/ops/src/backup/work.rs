//! The pieces of work a backup is made of, each done by one worker with one session on the server.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;

use unisys_db::catalog::{DatabaseFacts, Index, Table, list_indexes};
use unisys_db::connect::Retries;
use unisys_db::copy::RowsOut;
use unisys_db::fingerprint::{RowFacts, Seed};
use unisys_db::inventory::{self, Inventory};
use unisys_db::selection::{Content, Scope};
use unisys_db::snapshot::{Coordinator, Worker};
use unisys_db::throttle::Throttle;
use unisys_db::{DbError, Session, facts, quote_ident};

use super::plan::{Piece, Plan};
use super::sealing::SealingTask;
use super::{BackupOptions, Layout};
use crate::OpsError;
use crate::child::{self, Running};
use crate::doctor::Lint;
use crate::keys::WrappedKey;
use crate::program::Programs;
use crate::progress::{Expected, Progress};
use crate::seal::{Sealed, StoredFile};
use crate::store::Draft;

/// One piece of work.
#[derive(Clone, Debug)]
pub(super) enum Work {
    /// The rows of a table, or of a range of it, into a file of their own.
    Piece(usize),
    /// `database.dump`.
    Archive,
    /// `schema.dump`.
    Schema,
    /// `globals.sql`.
    Globals,
    /// Count and fingerprint of a table whose rows are in the archive.
    SmallFacts(usize),
    /// Count of a table that is cut into pieces, which must add up to it.
    Count(usize),
    /// Content of the large objects.
    LargeObjects,
    /// The catalog.
    Inventory,
}

/// What a piece of work brought.
#[derive(Debug)]
pub(super) enum Done {
    Piece { piece: usize, file: StoredFile, rows: RowFacts },
    File(StoredFile),
    Globals(StoredFile, Inventory),
    SmallFacts { table: usize, rows: RowFacts },
    Count { table: usize, rows: u64 },
    LargeObjects(RowFacts),
    Inventory(Box<Inventory>, Vec<Index>),
}

/// What all workers of one attempt share.
pub(super) struct Shared {
    pub(super) options: BackupOptions,
    /// The key that a passphrase opens; it is among the options' recipients.
    pub(super) key: Option<Arc<WrappedKey>>,
    pub(super) coordinator: Coordinator,
    pub(super) database: DatabaseFacts,
    pub(super) programs: Programs,
    pub(super) scope: Scope,
    pub(super) plan: Plan,
    pub(super) draft: Box<dyn Draft>,
    pub(super) seed: Seed,
    pub(super) copy_encoding: String,
    pub(super) role_passwords: bool,
    pub(super) lint: Lint,
    /// How many statements the server, a standby, had cancelled when the moment was taken.
    pub(super) conflicts: i64,
    pub(super) throttle: Throttle,
}

impl Work {
    /// Whether this is done by a child process, which opens a session of its own.
    pub(super) fn is_child(&self) -> bool {
        matches!(self, Self::Archive | Self::Schema | Self::Globals)
    }
}

impl Shared {
    /// Returns the work in the order it is begun: the archives first, because their locks can still be refused, then the
    /// longest first, so that the workers end together.
    pub(super) fn work(&self, large_objects: u64) -> Vec<Work> {
        let tables = self.coordinator.tables();
        let mut weighed: Vec<(u64, Work)> = Vec::new();
        weighed.extend(self.plan.pieces.iter().enumerate().map(|(i, piece)| (piece.bytes, Work::Piece(i))));
        weighed.extend(self.plan.small.iter().map(|i| (tables[*i].table_bytes, Work::SmallFacts(*i))));
        // counting reads the pages, but not the rows
        weighed.extend(self.plan.cut().into_iter().map(|i| (tables[i].heap_bytes / 6, Work::Count(i))));
        weighed.push((4 << 20, Work::Inventory));
        weighed.push((1 << 20, Work::Globals));
        if large_objects > 0 {
            weighed.push((large_objects * 2048, Work::LargeObjects));
        }
        weighed.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        [Work::Archive, Work::Schema].into_iter().chain(weighed.into_iter().map(|(_, work)| work)).collect()
    }

    /// Whether the coordinator's session has ended. It is asked, because a connection that breaks off tells nobody, and not for
    /// ever, because a network that swallows everything does not even break off.
    pub(super) async fn moment_is_lost(&self) -> bool {
        let asked = self.coordinator.session().batch_execute("select");
        !matches!(tokio::time::timeout(self.options.limits.network_timeout, asked).await, Ok(Ok(())))
    }

    /// As [`Shared::worker`], with a bound: the steps after the login take no time.
    pub(super) async fn bounded_worker(&self) -> Result<Worker, OpsError> {
        let limits = &self.options.limits;
        let bound = limits.connect_wait + limits.network_timeout.saturating_mul(3);
        let opened = tokio::time::timeout(bound, self.worker()).await;
        opened.unwrap_or(Err(OpsError::Db(DbError::Silent { waited: bound })))
    }

    /// Opens a worker's session on the snapshot, with locks on every table whose rows it may read.
    pub(super) async fn worker(&self) -> Result<Worker, OpsError> {
        let tables: Vec<Table> =
            self.coordinator.tables().iter().filter(|table| !table.parent).cloned().collect();
        let told = |error: &DbError, pause| self.options.tell_of_retry(error, pause);
        let retries = Retries { within: self.options.limits.connect_wait, told: &told };
        let worker = self.coordinator.worker(&tables, &retries).await?;
        if self.copy_encoding == "SQL_ASCII" {
            let sql = "set client_encoding = 'SQL_ASCII'";
            let session = &worker.session;
            session.batch_execute(sql).await.map_err(session.doing("set the client encoding"))?;
        }
        Ok(worker)
    }

    /// Does one piece of work.
    pub(super) async fn perform(&self, work: &Work, session: Option<&Session>) -> Result<Done, OpsError> {
        let needed = || session.ok_or_else(|| OpsError::Refused("this work needs a session".into()));
        let tables = self.coordinator.tables();
        match work {
            Work::Piece(i) => self.copy_piece(*i, needed()?).await,
            Work::Archive => self.dump("database.dump.zst.age", "pg_dump", self.archive_command()).await,
            Work::Schema => self.dump("schema.dump.zst.age", "pg_dump", self.schema_command()).await,
            Work::Globals => self.globals().await,
            Work::SmallFacts(i) => self.small_facts(*i, &tables[*i], needed()?).await,
            Work::Count(i) => {
                Ok(Done::Count { table: *i, rows: facts::count_rows(needed()?, &tables[*i]).await? })
            }
            Work::LargeObjects => {
                let rows = facts::of_large_objects_throttled(needed()?, self.seed, &self.throttle).await?;
                Ok(Done::LargeObjects(rows))
            }
            Work::Inventory => {
                let session = needed()?;
                Ok(Done::Inventory(Box::new(inventory::load(session).await?), list_indexes(session).await?))
            }
        }
    }

    async fn small_facts(&self, index: usize, table: &Table, session: &Session) -> Result<Done, OpsError> {
        let item = self.progress().start(&table.name.to_string(), Expected::bytes(table.table_bytes));
        let rows = facts::of_table_throttled(session, table, self.seed, &self.throttle).await?;
        item.advance(rows.bytes, rows.rows);
        item.finish();
        Ok(Done::SmallFacts { table: index, rows })
    }

    fn progress(&self) -> &dyn Progress {
        &*self.options.progress
    }

    /// Reads the rows of a piece and seals them.
    async fn copy_piece(&self, index: usize, session: &Session) -> Result<Done, OpsError> {
        let piece = &self.plan.pieces[index];
        let table = &self.coordinator.tables()[piece.table];
        let item = self.progress().start(&piece_title(table, piece), Expected::bytes(piece.bytes));
        let name = format!("data/{:04}.copy.zst.age", index + 1);
        let mut sealing = SealingTask::start(self.sealed(&name)?, Some(self.seed));
        let doing = format!("read the table {}", table.name);
        let mut rows = RowsOut::start(session, &piece.copy_out(table), doing).await?;
        loop {
            let mut batch = sealing.batch();
            let more = rows.next_batch(&mut batch).await?;
            self.throttle.pay(batch.len()).await;
            item.advance(batch.len() as u64, memchr::memchr_iter(b'\n', &batch).count() as u64);
            sealing.send(batch).await?;
            if !more {
                break;
            }
        }
        let (file, rows) = sealing.finish().await?;
        item.finish();
        Ok(Done::Piece { piece: index, file, rows })
    }

    /// Runs a dump program and seals what it writes. The file is finished only after the program has said that all is well.
    async fn dump(&self, name: &str, program: &'static str, command: Command) -> Result<Done, OpsError> {
        let item = self.progress().start(name.trim_end_matches(".zst.age"), Expected::UNKNOWN);
        let mut sealing = SealingTask::start(self.sealed(name)?, None);
        let (running, mut stdout) = Running::start_reading(command, program)?;
        loop {
            let mut batch = sealing.batch();
            let more = child::fill(&mut stdout, &mut batch).await;
            let more = more.map_err(|source| OpsError::Spawn { program: program.into(), source })?;
            self.throttle.pay(batch.len()).await;
            item.advance(batch.len() as u64, 0);
            sealing.send(batch).await?;
            if !more {
                break;
            }
        }
        running.finish().await?;
        let (file, _) = sealing.finish().await?;
        item.finish();
        Ok(Done::File(file))
    }

    pub(super) fn sealed(&self, name: &str) -> Result<Sealed, OpsError> {
        Sealed::start(name, self.draft.create(name)?, &self.options.recipients, self.options.level)
    }

    /// pg_dump at our moment, uncompressed (zstd follows), to its standard output.
    /// Money prints by `lc_monetary`, a locale the new server may lack, so it is dumped under the one that is everywhere.
    fn pg_dump(&self) -> Command {
        let target = self.coordinator.target().with_setting("lc_monetary", "C");
        let mut command = self.programs.command("pg_dump");
        command.envs(target.child_env()).arg("-d").arg(target.child_dbname_arg());
        command.args(["--no-password", "--format=custom", "--compress=0"]);
        command.arg(format!("--snapshot={}", self.coordinator.snapshot()));
        command.arg(format!("--lock-wait-timeout={}", self.options.snapshot.lock_timeout.as_millis()));
        command.args(self.options.dump_options.words());
        // what is left out, never what is chosen: pg_dump would leave out all that belongs to no schema otherwise
        command.args(self.scope.schemas().map(|schema| format!("--exclude-schema={}", quote_ident(schema))));
        let gone = self.scope.relations().filter(|name| !self.scope.schemas().any(|s| s == name.schema));
        command.args(gone.map(|name| format!("--exclude-table={}", pattern(&name.schema, &name.name))));
        command
    }

    fn archive_command(&self) -> Command {
        let mut command = self.pg_dump();
        match self.scope.content() {
            Content::Schema => {
                command.arg("--schema-only");
                return command;
            }
            Content::Data => {
                command.arg("--data-only");
            }
            Content::All => {}
        }
        let without = self.scope.without_rows();
        let in_files = match self.options.layout {
            Layout::Parallel => self.plan.bulk(),
            Layout::Single => BTreeSet::new(),
        };
        let in_files = in_files.iter().map(|index| &self.coordinator.tables()[*index].name);
        for name in without.iter().chain(in_files) {
            command.arg(format!("--exclude-table-data={}", pattern(&name.schema, &name.name)));
        }
        command
    }

    fn schema_command(&self) -> Command {
        let mut command = self.pg_dump();
        command.arg("--schema-only");
        command
    }
}

/// Returns a pattern that matches one table and no other: quoted, nothing in a name is special to pg_dump.
fn pattern(schema: &str, name: &str) -> String {
    format!("{}.{}", quote_ident(schema), quote_ident(name))
}

fn piece_title(table: &Table, piece: &Piece) -> String {
    match piece.pages {
        None => table.name.to_string(),
        Some((from, None)) => format!("{} from page {from}", table.name),
        Some((from, Some(to))) => format!("{} pages {from} to {to}", table.name),
    }
}
