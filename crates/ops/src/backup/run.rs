//! One backup, from the first lock to the rename.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use unisys_db::catalog::DatabaseFacts;
use unisys_db::facts::{self, TableFacts};
use unisys_db::fingerprint::Seed;
use unisys_db::selection::{Content, Selection};
use unisys_db::snapshot::{Coordinator, SnapshotError, SnapshotOptions};
use unisys_db::standby::is_conflict;
use unisys_db::{Session, Target};

use super::complete::{Results, complete};
use super::standby::{AFTER_CONFLICT, Standby, conflicts, source, was_conflict};
use super::work::{Done, Shared, Work};
use super::{BackupId, DumpOptions, Layout, Manifest, Plan, Ranges, Tag, copy_encoding};
use crate::OpsError;
use crate::doctor::{self, Lint};
use crate::evidence::SigningKey;
use crate::keys::{Recipient, WrappedKey, try_recipients};
use crate::program::{Programs, Search};
use crate::progress::{Expected, Progress};
use crate::store::{Store, StoreLock};

/// The name of the encrypted facts.
pub(crate) const FACTS: &str = "facts.json.zst.age";

/// How often a piece of work is begun again after its connection was lost.
const LIVES: u32 = 3;

/// How often the coordinator's session is looked after.
const WATCH: Duration = Duration::from_secs(1);

/// What a backup is made of and how.
#[derive(Clone)]
pub struct BackupOptions {
    /// The database.
    pub target: Target,
    /// Where to read it instead, if anywhere.
    pub standby: Option<Standby>,
    /// What of it.
    pub selection: Selection,
    /// What pg_dump is told beside that.
    pub dump_options: DumpOptions,
    /// Where PostgreSQL's programs are looked for.
    pub search: Search,
    /// Who can read it.
    pub recipients: Vec<Recipient>,
    /// The key its manifest is signed with.
    pub signing: Option<SigningKey>,
    /// What else opens it, where that is wanted.
    pub passphrase: Option<SecretString>,
    /// How the rows are stored.
    pub layout: Layout,
    /// Whether tables may be cut.
    pub ranges: Ranges,
    /// How many sessions read at once.
    pub jobs: usize,
    /// zstd's level.
    pub level: i32,
    /// How patient the locks are.
    pub snapshot: SnapshotOptions,
    /// Words for retention to find it by.
    pub tags: Vec<Tag>,
    /// Whether to take over a store that knows the database from another cluster.
    pub adopt: bool,
    /// This program's version, for the manifest.
    pub made_by: String,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// A backup that is complete.
#[derive(Clone, Debug)]
pub struct BackupReport {
    /// Its manifest.
    pub manifest: Manifest,
    /// Its tables with their fingerprints.
    pub tables: Vec<TableFacts>,
    /// Where it is.
    pub location: String,
}

/// Makes a backup of the target's database in `store`.
///
/// # Errors
/// [`OpsError`]; then the store is as it was.
pub async fn run(store: &dyn Store, options: BackupOptions) -> Result<BackupReport, OpsError> {
    run_and_keep_lock(store, options).await.map(|(report, _)| report)
}

/// As [`run`], and keeps the lock, for what belongs to the same run: pruning.
///
/// # Errors
/// As [`run`].
pub async fn run_and_keep_lock(
    store: &dyn Store,
    mut options: BackupOptions,
) -> Result<(BackupReport, StoreLock), OpsError> {
    let (recipients, key) = prepare_keys(options.recipients, options.passphrase.take()).await?;
    options.recipients = recipients;
    let lock = store.lock(&options.target.database)?;
    let lint = complete_or_not(&options).await?;
    let attempts = options.snapshot.attempts.max(1);
    let mut last = None;
    for attempt in 1..=attempts {
        match attempt_once(store, &options, key.as_ref(), &lint).await {
            Err(Failed::Contended(error)) if attempt < attempts => {
                options
                    .progress
                    .message(&format!("a lock was refused, attempt {attempt} of {attempts}: {error}"));
                last = Some(error);
            }
            Err(Failed::Conflict(error)) if attempt < attempts => {
                options.progress.message(&format!(
                    "the standby cancelled a statement, because replay was in conflict with it, attempt {attempt} of {attempts}: {error}"
                ));
                tokio::time::sleep(AFTER_CONFLICT * attempt).await;
                last = Some(error);
            }
            Err(Failed::Contended(error) | Failed::Conflict(error) | Failed::Other(error)) => {
                return Err(error);
            }
            Ok(report) => return Ok((report, lock)),
        }
    }
    Err(last.unwrap_or_else(|| OpsError::Refused("no attempt was made".into())))
}

/// Asks whether the login can read all that is selected, before anything is locked; an incomplete backup is none.
async fn complete_or_not(options: &BackupOptions) -> Result<Lint, OpsError> {
    let source = options.standby.as_ref().map_or(&options.target, |standby| &standby.target);
    let lint = doctor::lint(source, &options.selection, &options.search).await?;
    match lint.failure() {
        Some(finding) => {
            Err(OpsError::Incomplete { what: finding.text.clone(), repair: finding.repair.clone() })
        }
        None => Ok(lint),
    }
}

/// Makes the key that the passphrase opens, and tries all keys together before anything is asked of the server.
///
/// # Errors
/// [`OpsError::Key`], [`OpsError::PluginMissing`].
pub(super) async fn prepare_keys(
    mut recipients: Vec<Recipient>,
    passphrase: Option<SecretString>,
) -> Result<(Vec<Recipient>, Option<Arc<WrappedKey>>), OpsError> {
    let work = tokio::task::spawn_blocking(move || {
        let key = passphrase.as_ref().map(WrappedKey::new).transpose()?;
        recipients.extend(key.as_ref().map(|key| key.recipient.clone()));
        try_recipients(&recipients)?;
        Ok((recipients, key.map(Arc::new)))
    });
    work.await.unwrap_or_else(|_| Err(OpsError::Refused("a thread was stopped".into())))
}

/// Why an attempt failed, and whether another may succeed.
enum Failed {
    /// DDL was queued behind our locks: letting go and beginning again helps.
    Contended(OpsError),
    /// A standby cancelled a statement or a session, because replay was in conflict with it: another attempt may get through.
    Conflict(OpsError),
    Other(OpsError),
}

impl<E: Into<OpsError>> From<E> for Failed {
    fn from(error: E) -> Self {
        let error = error.into();
        match &error {
            refused if lock_refused(refused) => Self::Contended(error),
            OpsError::Db(source) if is_conflict(source) => Self::Conflict(error),
            _ => Self::Other(error),
        }
    }
}

/// DDL that holds one lock and waits for another of ours shows as a deadlock.
fn lock_refused(error: &OpsError) -> bool {
    let refusals = [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED];
    match error {
        OpsError::Db(error) => error.sqlstate().is_some_and(|state| refusals.contains(state)),
        _ => false,
    }
}

async fn attempt_once(
    store: &dyn Store,
    options: &BackupOptions,
    key: Option<&Arc<WrappedKey>>,
    lint: &Lint,
) -> Result<BackupReport, Failed> {
    let started = Instant::now();
    let (source, caught_up) = source(options).await?;
    let coordinator = Coordinator::begin_selected(source, options.snapshot, &options.selection).await;
    let coordinator = coordinator.map_err(|error| match error {
        SnapshotError::Db(error) => OpsError::Db(error),
        other => OpsError::Snapshot(other),
    })?;
    let session = coordinator.session();
    let database = DatabaseFacts::load(session).await?;
    store.claim(&database.name, &database.system_identifier, options.adopt)?;
    check_room(store, &database)?;
    let moment = caught_up.unwrap_or(coordinator.moment());
    let id = BackupId::new(&database.name, moment);
    let mut scope = coordinator.scope().clone();
    // a standby has the definitions of unlogged tables, and no rows
    if scope.content() != Content::Schema
        && (database.standby || options.dump_options.leaves_out_unlogged_rows())
    {
        scope.leave_out_unlogged(coordinator.tables().iter());
    }
    let large_objects = match scope.content() {
        Content::Schema => 0,
        Content::All | Content::Data => facts::count_large_objects(session).await?,
    };
    let has_rows = |oid| scope.takes_rows(oid);
    let plan = Plan::of_rows(coordinator.tables(), has_rows, options.layout, options.ranges, options.jobs);
    let expected = coordinator.tables().iter().filter(|table| scope.takes_rows(table.oid));
    options.progress.begin("backup", Expected::bytes(expected.map(|table| table.table_bytes).sum()));
    let shared = Arc::new(Shared {
        programs: Programs::client_for(&options.search, database.major())?,
        plan,
        scope,
        draft: store.begin(&id)?,
        seed: Seed::random(),
        copy_encoding: copy_encoding(&database).into(),
        role_passwords: facts::can_read_role_passwords(session).await?,
        options: options.clone(),
        lint: lint.clone(),
        conflicts: conflicts(session, &database).await,
        key: key.cloned(),
        coordinator,
        database,
    });
    let done = perform_all(&shared, large_objects).await?;
    if shared.moment_is_lost().await {
        return Err(judge(&shared, OpsError::MomentLost).await);
    }
    let shared =
        Arc::into_inner(shared).ok_or_else(|| OpsError::Refused("a worker outlived its work".into()))?;
    Ok(complete(shared, Results::sort(done), &id, moment, started, large_objects, store)?)
}

/// Refuses to begin what will not fit: the last backup, grown as the database has since, tells how much it is.
fn check_room(store: &dyn Store, database: &DatabaseFacts) -> Result<(), OpsError> {
    let Some(free) = store.free_bytes() else { return Ok(()) };
    let Some(known) = doctor::experience(store, &database.name) else { return Ok(()) };
    let needed = doctor::estimate(database.bytes, Some(&known)).stored_bytes;
    if free < needed {
        return Err(OpsError::NoRoom { location: store.location(), free, needed });
    }
    Ok(())
}

/// Lets `jobs` workers do all the work; the first error ends them all.
async fn perform_all(shared: &Arc<Shared>, large_objects: u64) -> Result<Vec<Done>, Failed> {
    let queue = Arc::new(Mutex::new(VecDeque::from(shared.work(large_objects))));
    let (stop, stopped) = watch::channel(false);
    let mut workers = JoinSet::new();
    for _ in 0..shared.options.jobs.max(1) {
        let work = worker(Arc::clone(shared), Arc::clone(&queue));
        let stopped = stopped.clone();
        workers.spawn_blocking(move || on_own_runtime(work, stopped));
    }
    let mut done = Vec::new();
    while let Some(result) = next(&mut workers, shared).await {
        match result {
            Ok(mut some) => done.append(&mut some),
            Err(error) => {
                let _ = stop.send(true);
                while workers.join_next().await.is_some() {}
                return Err(judge(shared, error).await);
            }
        }
    }
    Ok(done)
}

/// Runs a worker on this thread alone. The task that drives its connection and the one that reads the rows hand over every
/// eight kilobytes; between two cores each time is a wake-up, a twentieth of all the CPU that a backup takes.
/// When its starter is gone or says so, the work is dropped where it stands.
fn on_own_runtime<T>(
    work: impl Future<Output = Result<T, OpsError>>,
    mut stopped: watch::Receiver<bool>,
) -> Result<T, OpsError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime =
        runtime.map_err(|source| OpsError::Spawn { program: "a worker's thread".into(), source })?;
    runtime.block_on(async {
        tokio::select! {
            result = work => result,
            _ = stopped.wait_for(|stop| *stop) => Err(OpsError::Refused("a worker was stopped".into())),
        }
    })
}

/// Waits for the next worker's end, or for the end of the session they all depend on, which nobody else would notice.
async fn next(
    workers: &mut JoinSet<Result<Vec<Done>, OpsError>>,
    shared: &Shared,
) -> Option<Result<Vec<Done>, OpsError>> {
    loop {
        tokio::select! {
            result = workers.join_next() => return result
                .map(|result| result.unwrap_or_else(|_| Err(OpsError::Refused("a worker was stopped".into())))),
            () = tokio::time::sleep(WATCH) => if shared.coordinator.session().is_closed() {
                return Some(Err(OpsError::MomentLost));
            }
        }
    }
}

/// pg_dump does not say in a form to rely on that a lock was refused (its messages follow the server's language), so the
/// same locks are asked for once more.
async fn judge(shared: &Shared, error: OpsError) -> Failed {
    if shared.database.standby && was_conflict(shared, &error).await {
        return Failed::Conflict(error);
    }
    if shared.moment_is_lost().await {
        return Failed::Other(OpsError::MomentLost);
    }
    if matches!(&error, OpsError::Program { .. })
        && let Err(refused) = shared.worker().await
        && lock_refused(&refused)
    {
        return Failed::Contended(refused);
    }
    error.into()
}

async fn worker(shared: Arc<Shared>, queue: Arc<Mutex<VecDeque<Work>>>) -> Result<Vec<Done>, OpsError> {
    let mut session: Option<Session> = None;
    let mut done = Vec::new();
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(work) = next else { return Ok(done) };
        done.push(perform(&shared, &work, &mut session).await?);
    }
}

/// Does a piece of work; when its connection is lost, imports the snapshot again and repeats it.
async fn perform(shared: &Shared, work: &Work, session: &mut Option<Session>) -> Result<Done, OpsError> {
    let mut lives = LIVES;
    loop {
        if session.is_none() && !work.is_child() {
            *session = Some(shared.worker().await?);
        }
        match shared.perform(work, session.as_ref()).await {
            Err(OpsError::Db(error))
                if lives > 1
                    && (error.is_connection_lost() || session.as_ref().is_some_and(|s| s.is_closed())) =>
            {
                lives -= 1;
                shared
                    .options
                    .progress
                    .message(&format!("a worker lost its connection and begins its piece again: {error}"));
                *session = None;
            }
            result => return result,
        }
    }
}
