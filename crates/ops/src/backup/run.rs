//! One backup, from the first lock to the rename.

use std::sync::Arc;
use std::time::{Duration, Instant};

use unisys_db::catalog::DatabaseFacts;
use unisys_db::connect::Retries;
use unisys_db::facts::{self, TableFacts};
use unisys_db::fingerprint::Seed;
use unisys_db::run_lock::RunLock;
use unisys_db::snapshot::{Coordinator, SnapshotError, SnapshotOptions};
use unisys_db::throttle::Throttle;
use unisys_db::{DbError, Target};

use super::complete::{Results, complete};
use super::watch::Watch;
use super::work::Shared;
use super::workers::{Failed, perform_all};
use super::{BackupId, Layout, Limits, Manifest, Plan, Ranges, copy_encoding};
use crate::OpsError;
use crate::drill::chain;
use crate::evidence::SigningKey;
use crate::keys::Recipient;
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
    /// Where PostgreSQL's programs are looked for.
    pub search: Search,
    /// Who can read it.
    pub recipients: Vec<Recipient>,
    /// The key its manifest is signed with.
    pub signing: Option<SigningKey>,
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
    /// How much of the server it may take.
    pub limits: Limits,
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
pub async fn lock(store: &dyn Store, options: &BackupOptions) -> Result<Locks, OpsError> {
    let store = store.lock(&options.target.database)?;
    let told = |error: &DbError, pause: Duration| options.tell_of_retry(error, pause);
    let retries = Retries { within: options.limits.connect_wait, told: &told };
    let database = RunLock::take(&options.patient_target(), &retries).await?;
    Ok(Locks { store, database })
}

/// Makes a backup of the target's database in `store`.
///
/// # Errors
/// [`OpsError`]; then the store is as it was.
pub async fn run(store: &dyn Store, options: BackupOptions) -> Result<BackupReport, OpsError> {
    let locks = lock(store, &options).await?;
    let report = run_locked(store, options, &locks).await;
    locks.release().await;
    report
}

/// As [`run`], under locks that were taken before and are still held afterwards.
///
/// # Errors
/// As [`run`].
pub async fn run_locked(
    store: &dyn Store,
    options: BackupOptions,
    locks: &Locks,
) -> Result<BackupReport, OpsError> {
    if options.recipients.is_empty() {
        return Err(OpsError::Key("there is no recipient to encrypt to".into()));
    }
    // of several hosts, the one on which the lock was got
    let options = BackupOptions { target: locks.database.target().await, ..options };
    let begun = Instant::now();
    let attempts = options.snapshot.attempts.max(1);
    let mut last = None;
    for attempt in 1..=attempts {
        match attempt_once(store, &options, locks, begun).await {
            Err(Failed::Contended(error)) if attempt < attempts => {
                options
                    .progress
                    .message(&format!("a lock was refused, attempt {attempt} of {attempts}: {error}"));
                last = Some(error);
            }
            Err(Failed::Contended(error) | Failed::Other(error)) => return Err(error),
            Ok(report) => return Ok(report),
        }
    }
    Err(last.unwrap_or_else(|| OpsError::Refused("no attempt was made".into())))
}

impl BackupOptions {
    /// Returns the target with limits on silence where it has none: on the login, and on what was sent and nobody acknowledges.
    fn patient_target(&self) -> Target {
        let limit = Some(self.limits.network_timeout);
        Target {
            connect_timeout: self.target.connect_timeout.or(limit),
            tcp_user_timeout: self.target.tcp_user_timeout.or(limit),
            ..self.target.clone()
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
    database: DatabaseFacts,
    large_objects: u64,
    role_passwords: bool,
}

async fn begin(options: &BackupOptions) -> Result<Beginning, OpsError> {
    let coordinator =
        Coordinator::begin(&options.target, options.snapshot).await.map_err(|error| match error {
            SnapshotError::Db(error) => OpsError::Db(error),
            other => OpsError::Snapshot(other),
        })?;
    let taken = Instant::now();
    let session = coordinator.session();
    Ok(Beginning {
        taken,
        database: DatabaseFacts::load(session).await?,
        large_objects: facts::count_large_objects(session).await?,
        role_passwords: facts::can_read_role_passwords(session).await?,
        coordinator,
    })
}

/// Begins, unless the server falls silent or the whole run's time is over.
async fn begin_in_time(options: &BackupOptions, begun: Instant) -> Result<Beginning, OpsError> {
    let limits = &options.limits;
    let locking = options.snapshot.lock_timeout.saturating_mul(options.snapshot.attempts.max(1));
    let silence = limits.network_timeout.saturating_mul(BEGINNING).saturating_add(locking);
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
    locks: &Locks,
    begun: Instant,
) -> Result<BackupReport, Failed> {
    let started = Instant::now();
    let Beginning { coordinator, taken, database, large_objects, role_passwords } =
        begin_in_time(options, begun).await?;
    store.claim(&database.name, &database.system_identifier, options.adopt)?;
    let id = BackupId::new(&database.name, coordinator.moment());
    let shared = Arc::new(Shared {
        programs: Programs::client_for(&options.search, database.major())?,
        plan: Plan::new(coordinator.tables(), options.layout, options.ranges, options.jobs),
        draft: store.begin(&id)?,
        seed: Seed::random(),
        copy_encoding: copy_encoding(&database).into(),
        role_passwords,
        throttle: Throttle::new(options.limits.bytes_per_second),
        options: options.clone(),
        coordinator,
        database,
    });
    let expected: u64 = shared.coordinator.tables().iter().map(|table| table.table_bytes).sum();
    options.progress.begin("backup", Expected::bytes(expected));
    let mut watch = Watch::new(options.limits, begun, taken);
    let done = perform_all(&shared, large_objects, &mut watch, &locks.database).await?;
    if shared.moment_is_lost().await {
        return Err(Failed::Other(OpsError::MomentLost));
    }
    let shared =
        Arc::into_inner(shared).ok_or_else(|| OpsError::Refused("a worker outlived its work".into()))?;
    let moment = shared.coordinator.moment();
    Ok(complete(shared, Results::sort(done), &id, moment, started, large_objects, store)?)
}
