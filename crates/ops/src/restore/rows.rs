//! Loading rows and building their indexes, with several workers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use unisys_db::Session;
use unisys_db::copy::{BATCH, RowsIn};

use super::load::{LoadAs, Restore};
use super::schedule::{Build, Load, Next, Schedule, Task};
use super::stream::Archive;
use super::toc::{self, Entry, SequenceValue};
use crate::OpsError;
use crate::progress::{Expected, Item};

/// What the workers of a restore share.
struct Shared {
    restore: Restore,
    schema: Archive,
    schedule: Mutex<Schedule>,
    more: Notify,
}

impl Restore {
    /// Returns the tables that have files of their own.
    pub(super) fn loads(&self) -> Vec<Load> {
        let tables = self.backup.manifest.tables.iter().zip(&self.backup.facts.tables);
        let with_files =
            tables.filter(|(table, facts)| !table.files.is_empty() && self.gets_rows(facts.table.oid));
        with_files
            .map(|(table, facts)| Load {
                table: facts.table.clone(),
                files: table.files.clone(),
                bytes: facts.rows.bytes,
            })
            .collect()
    }

    /// Whether a table gets its rows.
    fn gets_rows(&self, oid: u32) -> bool {
        self.only.as_ref().is_none_or(|only| only.contains(&oid))
    }

    /// Lets `jobs` workers do the schedule, and loads meanwhile what is in the archive.
    pub(super) async fn load_and_build(
        &self,
        schedule: Schedule,
        archive: &Archive,
        schema: &Archive,
    ) -> Result<Vec<SequenceValue>, OpsError> {
        let wanted = self.backup.facts.tables.iter().filter(|facts| self.gets_rows(facts.table.oid));
        let (bytes, rows) =
            wanted.fold((0, 0), |(bytes, rows), facts| (bytes + facts.rows.bytes, rows + facts.rows.rows));
        self.progress.begin("restore", Expected::bytes(bytes).and_rows(rows));
        let shared = Arc::new(Shared {
            restore: self.clone(),
            schema: schema.clone(),
            schedule: Mutex::new(schedule),
            more: Notify::new(),
        });
        let mut workers = JoinSet::new();
        for number in 0..self.jobs.max(1) {
            workers.spawn(worker(Arc::clone(&shared), number));
        }
        let sequences = self.load_archive(archive).await?;
        while let Some(result) = workers.join_next().await {
            result.unwrap_or_else(|_| Err(OpsError::Refused("a worker was stopped".into())))?;
        }
        Ok(sequences)
    }

    /// Loads what `database.dump` has: the rows of small tables as their owners, then sequences and large objects.
    async fn load_archive(&self, archive: &Archive) -> Result<Vec<SequenceValue>, OpsError> {
        let entries = self.entries(archive, &["--section=data"]).await?;
        let bulk: BTreeSet<u32> = self.loads().iter().map(|load| load.table.oid).collect();
        let owners: BTreeMap<u32, &str> = self
            .backup
            .facts
            .tables
            .iter()
            .map(|facts| (facts.table.oid, facts.table.owner.as_str()))
            .collect();
        if self.load_as == LoadAs::Login {
            return self.load_stream(archive, &entries, &bulk).await;
        }
        let (rows, rest): (Vec<&Entry>, Vec<&Entry>) =
            entries.iter().partition(|entry| entry.is(&["TABLE DATA"]));
        let mut by_login: BTreeMap<Option<&str>, Vec<&Entry>> = BTreeMap::new();
        let in_archive = |entry: &&Entry| !bulk.contains(&entry.oid) && self.gets_rows(entry.oid);
        for entry in rows.into_iter().filter(in_archive) {
            let owner = owners.get(&entry.oid).copied().filter(|_| self.load_as == LoadAs::Owner);
            by_login.entry(owner).or_default().push(entry);
        }
        let others = rest.iter().filter(|entry| self.only.is_none() && !entry.is(&["SEQUENCE SET"]));
        by_login.entry(None).or_default().extend(others);
        for (number, (owner, entries)) in by_login.into_iter().enumerate() {
            if !entries.is_empty() {
                let list = self.write_list(&format!("rows-{number}.list"), entries.into_iter())?;
                let target = owner.map_or_else(|| self.inside(), |owner| self.inside().with_user(owner));
                self.pg_restore(&target, archive, &[], Some(&list)).await?;
            }
        }
        self.set_sequences(archive, rest.into_iter().filter(|entry| entry.is(&["SEQUENCE SET"]))).await
    }

    /// Sets the sequences as the archive says, and returns what it says.
    async fn set_sequences<'e>(
        &self,
        archive: &Archive,
        entries: impl Iterator<Item = &'e Entry>,
    ) -> Result<Vec<SequenceValue>, OpsError> {
        let mut entries = entries.peekable();
        if entries.peek().is_none() {
            return Ok(Vec::new());
        }
        let list = self.write_list("sequences.list", entries)?;
        self.pg_restore(&self.inside(), archive, &[], Some(&list)).await?;
        let mut command = self.command(&self.target);
        command.args(["-f", "-", "-L"]).arg(&list);
        let script = archive.output(command, &self.backup).await?;
        toc::sequence_values(&String::from_utf8_lossy(&script))
    }
}

/// One worker: does what the schedule says until nothing is left.
async fn worker(shared: Arc<Shared>, number: usize) -> Result<(), OpsError> {
    let mut sessions: BTreeMap<String, Session> = BTreeMap::new();
    loop {
        // asked for before the schedule is looked at, so that no wake-up is missed in between
        let more = shared.more.notified();
        let (next, alone) = {
            let mut schedule = shared.schedule.lock().unwrap_or_else(PoisonError::into_inner);
            (schedule.next(), schedule.is_last())
        };
        let task = match next {
            Next::Do(task) => task,
            Next::Wait => {
                more.await;
                continue;
            }
            Next::Nothing => return Ok(()),
        };
        match &task {
            Task::Rows(load) => load_table(&shared.restore, &mut sessions, load).await?,
            Task::Index(build) => build_index(&shared, build, number, alone).await?,
        }
        shared.schedule.lock().unwrap_or_else(PoisonError::into_inner).done(&task);
        shared.more.notify_waiters();
    }
}

/// Builds one index. Measured: sorting is quickest in about as much memory as a core's cache holds (a B-tree of 3 million rows
/// took 1.7 s of CPU with 8 MB, 2.4 s with 64 MB, 3.5 s with 128 MB), so memory grows only with the number of sorted runs to merge.
/// Parallel workers cost more than they bring while every core has an index of its own.
async fn build_index(shared: &Shared, build: &Build, worker: usize, alone: bool) -> Result<(), OpsError> {
    let restore = &shared.restore;
    let item = restore.progress.start(&format!("index ({})", build.index.method), Expected::UNKNOWN);
    let list = restore.write_list(&format!("index-{worker}.list"), std::iter::once(&build.entry))?;
    let memory = (build.index.bytes / 64).clamp(8 << 20, 256 << 20) >> 10;
    let helpers = if alone { restore.jobs - 1 } else { 0 };
    let target = restore
        .inside()
        .with_setting("maintenance_work_mem", &format!("{memory}kB"))
        .with_setting("max_parallel_maintenance_workers", &helpers.to_string());
    restore.pg_restore(&target, &shared.schema, &[], Some(&list)).await?;
    item.finish();
    Ok(())
}

/// Loads a table's files, one after the other, in one transaction. On a scratch server that transaction empties the table
/// first, though it is empty: rows of a table that is new to its transaction need no write-ahead log, and can be frozen.
async fn load_table(
    restore: &Restore,
    sessions: &mut BTreeMap<String, Session>,
    load: &Load,
) -> Result<(), OpsError> {
    let target = match restore.load_as {
        LoadAs::Owner => restore.inside().with_user(&load.table.owner),
        LoadAs::Login => restore.inside(),
    };
    if !sessions.contains_key(&target.user) {
        let session = Session::open(&target).await?;
        session.set_pinned().await?;
        let sql = format!("set client_encoding = '{}'", restore.backup.manifest.copy_encoding);
        session.batch_execute(&sql).await.map_err(session.doing("set the client encoding"))?;
        sessions.insert(target.user.clone(), session);
    }
    let Some(session) = sessions.get(&target.user) else { return Ok(()) };
    let item = restore.progress.start(&load.table.name.to_string(), Expected::bytes(load.bytes));
    let begin = match restore.load_as {
        LoadAs::Owner => format!("begin; truncate only {}", load.table.name.quoted()),
        LoadAs::Login => "begin".into(),
    };
    session
        .batch_execute(&begin)
        .await
        .map_err(session.doing(format!("begin to load {}", load.table.name)))?;
    for file in &load.files {
        load_file(restore, session, load, file, &*item).await?;
    }
    session.batch_execute("commit").await.map_err(session.doing(format!("commit {}", load.table.name)))?;
    item.finish();
    Ok(())
}

/// Loads one file: a thread decrypts, this task sends.
pub(super) async fn load_file(
    restore: &Restore,
    session: &Session,
    load: &Load,
    file: &str,
    item: &dyn Item,
) -> Result<(), OpsError> {
    let (batches, mut waiting) = mpsc::channel::<Bytes>(2);
    let (backup, name) = (Arc::clone(&restore.backup), file.to_owned());
    let reader = tokio::task::spawn_blocking(move || {
        let mut batch = Vec::with_capacity(2 * BATCH);
        let gone = || OpsError::Refused("the loading session ended".into());
        backup.copy_to(&name, &mut |data| {
            batch.extend_from_slice(data);
            if batch.len() >= BATCH {
                batches.blocking_send(std::mem::take(&mut batch).into()).map_err(|_| gone())?;
            }
            Ok(())
        })?;
        batches.blocking_send(batch.into()).map_err(|_| gone())
    });
    let doing = format!("load the table {}", load.table.name);
    let freeze = if restore.load_as == LoadAs::Owner { " (freeze)" } else { "" };
    let copy = format!("{}{freeze}", load.table.copy_in());
    let mut rows = RowsIn::start(session, &copy, doing).await?;
    while let Some(batch) = waiting.recv().await {
        item.advance(batch.len() as u64, memchr::memchr_iter(b'\n', &batch).count() as u64);
        rows.send(batch).await?;
    }
    // only a file that was read to its authenticated end is committed
    reader.await.unwrap_or_else(|_| Err(OpsError::Refused("the reading thread was stopped".into())))?;
    rows.finish().await?;
    Ok(())
}
