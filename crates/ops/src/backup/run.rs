//! One backup, from the first lock to the rename.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use unisys_db::catalog::DatabaseFacts;
use unisys_db::connect::Retries;
use unisys_db::facts::{self, TableFacts};
use unisys_db::fingerprint::Seed;
use unisys_db::run_lock::RunLock;
use unisys_db::selection::{Content, Scope, Selection};
use unisys_db::snapshot::{Coordinator, SnapshotError, SnapshotOptions};
use unisys_db::throttle::Throttle;
use unisys_db::{DbError, Target};

use super::complete::{Results, complete};
use super::standby::{AFTER_CONFLICT, Standby, conflicts, source};
use super::watch::Watch;
use super::work::Shared;
use super::workers::{Failed, judge, perform_all};
use super::{BackupId, DumpOptions, Layout, Limits, Manifest, Plan, Ranges, Tag, copy_encoding};
use crate::OpsError;
use crate::doctor::{self, Lint};
use crate::drill::chain;
use crate::evidence::SigningKey;
use crate::keys::{Recipient, WrappedKey, try_recipients};
use crate::program::{Programs, Search};
use crate::progress::{Expected, Progress};
use crate::store::{Store, StoreLock};

/// The name of the encrypted facts.
pub(crate) const FACTS: &str = "facts.json.zst.age";

/// How many times longer than a silence the beginning may take: it asks several questions, and a large catalog is listed slowly.
const BEGINNING: u32 = 10;

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
    /// How much of the server it may take.
    pub limits: Limits,
    /// Whether to refuse a store that seems to have too little room.
    pub check_space: bool,
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

/// The right to back up a database into a store: nobody else does, from this host or another, until this is dropped.
pub struct Locks {
    /// The store's.
    pub store: StoreLock,
    database: RunLock,
}

impl Locks {
    /// Gives the right back. Dropping does so too, but breaks a connection off.
    pub async fn release(self) {
        self.database.release().await;
    }
}

/// Takes the right to back up the target's database into `store`. Hold it until what follows the backup, such as pruning, is
/// done too.
///
/// # Errors
/// [`OpsError::Locked`] while another run on this store has it, [`OpsError::RunLock`] while another host's has it.
async fn lock(store: &dyn Store, options: &BackupOptions) -> Result<Locks, OpsError> {
    let store = store.lock(&options.target.database)?;
    let told = |error: &DbError, pause: Duration| options.tell_of_retry(error, pause);
    let retries = Retries { within: options.limits.connect_wait, told: &told };
    let database = RunLock::take(&options.patient(&options.target), &retries).await?;
    Ok(Locks { store, database })
}

/// Makes a backup of the target's database in `store`.
///
/// # Errors
/// [`OpsError`]; then the store is as it was.
pub async fn run(store: &dyn Store, options: BackupOptions) -> Result<BackupReport, OpsError> {
    let (report, locks) = run_and_keep_lock(store, options).await?;
    locks.release().await;
    Ok(report)
}

/// As [`run`], and keeps the locks, for what belongs to the same run: pruning.
///
/// # Errors
/// As [`run`].
pub async fn run_and_keep_lock(
    store: &dyn Store,
    mut options: BackupOptions,
) -> Result<(BackupReport, Locks), OpsError> {
    let (recipients, key) = prepare_keys(options.recipients, options.passphrase.take()).await?;
    options.recipients = recipients;
    let locks = lock(store, &options).await?;
    match run_locked(store, options, key.as_ref(), &locks).await {
        Ok(report) => Ok((report, locks)),
        Err(error) => {
            locks.release().await;
            Err(error)
        }
    }
}

async fn run_locked(
    store: &dyn Store,
    mut options: BackupOptions,
    key: Option<&Arc<WrappedKey>>,
    locks: &Locks,
) -> Result<BackupReport, OpsError> {
    // of several hosts, the one on which the lock was got
    options.target = locks.database.target().await;
    options.standby =
        options.standby.take().map(|standby| Standby { target: options.patient(&standby.target), ..standby });
    let begun = Instant::now();
    let lint = complete_or_not(&options).await?;
    let attempts = options.snapshot.attempts.max(1);
    let mut last = None;
    for attempt in 1..=attempts {
        match attempt_once(store, &options, key, &lint, locks, begun).await {
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
            Ok(report) => return Ok(report),
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

impl BackupOptions {
    /// Returns a target with limits on silence where it has none: on the login, and on what was sent and nobody acknowledges.
    fn patient(&self, target: &Target) -> Target {
        let limit = Some(self.limits.network_timeout);
        Target {
            connect_timeout: target.connect_timeout.or(limit),
            tcp_user_timeout: target.tcp_user_timeout.or(limit),
            ..target.clone()
        }
    }

    pub(super) fn tell_of_retry(&self, error: &DbError, pause: Duration) {
        let seconds = pause.as_secs_f64();
        self.progress.message(&format!("{}, trying again in {seconds} s", chain(error)));
    }
}

/// What an attempt begins with.
struct Beginning {
    coordinator: Coordinator,
    taken: Instant,
    moment: DateTime<Utc>,
    database: DatabaseFacts,
    scope: Scope,
    large_objects: u64,
    role_passwords: bool,
    conflicts: i64,
}

async fn begin(options: &BackupOptions) -> Result<Beginning, OpsError> {
    let (source, caught_up) = source(options).await?;
    let coordinator = Coordinator::begin_selected(source, options.snapshot, &options.selection).await;
    let coordinator = coordinator.map_err(|error| match error {
        SnapshotError::Db(error) => OpsError::Db(error),
        other => OpsError::Snapshot(other),
    })?;
    let taken = Instant::now();
    let session = coordinator.session();
    let database = DatabaseFacts::load(session).await?;
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
    Ok(Beginning {
        taken,
        moment: caught_up.unwrap_or(coordinator.moment()),
        scope,
        large_objects,
        role_passwords: facts::can_read_role_passwords(session).await?,
        conflicts: conflicts(session, &database).await,
        database,
        coordinator,
    })
}

/// Begins, unless the server falls silent or the whole run's time is over.
async fn begin_in_time(options: &BackupOptions, begun: Instant) -> Result<Beginning, OpsError> {
    let limits = &options.limits;
    let locking = options.snapshot.lock_timeout.saturating_mul(options.snapshot.attempts.max(1));
    let silence = limits.network_timeout.saturating_mul(BEGINNING).saturating_add(locking);
    let replay = options.standby.as_ref().map_or(Duration::ZERO, |standby| standby.max_replay_lag);
    let silence = silence.saturating_add(replay);
    let left = limits.runtime.map(|limit| limit.saturating_sub(begun.elapsed()));
    match tokio::time::timeout(left.map_or(silence, |left| left.min(silence)), begin(options)).await {
        Ok(result) => result,
        Err(_) => Err(match limits.passed(begun.elapsed(), Duration::ZERO) {
            Some(text) => OpsError::Limit(text),
            None => OpsError::MomentLost,
        }),
    }
}

async fn attempt_once(
    store: &dyn Store,
    options: &BackupOptions,
    key: Option<&Arc<WrappedKey>>,
    lint: &Lint,
    locks: &Locks,
    begun: Instant,
) -> Result<BackupReport, Failed> {
    let started = Instant::now();
    let beginning = begin_in_time(options, begun).await?;
    let Beginning { coordinator, taken, moment, database, scope, .. } = beginning;
    let large_objects = beginning.large_objects;
    store.claim(&database.name, &database.system_identifier, options.adopt)?;
    if options.check_space {
        check_room(store, &database)?;
    }
    let id = BackupId::new(&database.name, moment);
    let has_rows = |oid| scope.takes_rows(oid);
    let plan = Plan::of_rows(coordinator.tables(), has_rows, options.layout, options.ranges, options.jobs);
    let expected = coordinator.tables().iter().filter(|table| scope.takes_rows(table.oid));
    options.progress.begin("backup", Expected::bytes(expected.map(|table| table.table_bytes).sum()));
    let programs = Programs::client_for(&options.search, database.major())?;
    let shared = Arc::new(Shared {
        options: fitting(options, &programs, &scope),
        programs,
        plan,
        scope,
        draft: store.begin(&id)?,
        seed: Seed::random(),
        copy_encoding: copy_encoding(&database).into(),
        role_passwords: beginning.role_passwords,
        throttle: Throttle::new(options.limits.bytes_per_second),
        lint: lint.clone(),
        conflicts: beginning.conflicts,
        key: key.cloned(),
        coordinator,
        database,
    });
    let mut watch = Watch::new(options.limits, begun, taken);
    let done = perform_all(&shared, large_objects, &mut watch, &locks.database).await?;
    if shared.moment_is_lost().await {
        return Err(judge(&shared, OpsError::MomentLost).await);
    }
    let shared =
        Arc::into_inner(shared).ok_or_else(|| OpsError::Refused("a worker outlived its work".into()))?;
    Ok(complete(shared, Results::sort(done), &id, moment, started, large_objects, store)?)
}

/// Returns the options as this pg_dump needs them: from 18 on it writes that a publication has a table that is left out, and that
/// could not be restored.
fn fitting(options: &BackupOptions, programs: &Programs, scope: &Scope) -> BackupOptions {
    let mut options = options.clone();
    if programs.version().major >= 18 && scope.cuts_publications() {
        options.dump_options.leave_out_publications();
        options.progress.message(
            "publications are left out: some name what is left out, and pg_dump 18 cannot leave that out of them",
        );
    }
    options
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
