//! A place to keep backups, and short ways to make and drill them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use unisys_db::selection::Selection;
use unisys_db::snapshot::SnapshotOptions;
use unisys_db::{Session, Target};
use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupId, BackupOptions, BackupReport, DumpOptions, Layout, Limits, Ranges};
use unisys_ops::drill::{self, DrillOptions, DrillRecord, Outcome};
use unisys_ops::evidence::Trust;
use unisys_ops::keys::{Identities, KeyPair, Recipient};
use unisys_ops::platform::{self, SystemUser};
use unisys_ops::progress::{Expected, Item, Progress, Silent};
use unisys_ops::store::DirectoryStore;

/// A directory with a store, a key and room for scratch servers.
pub(crate) struct Place {
    directory: TempDir,
    pub(crate) store: DirectoryStore,
    pub(crate) recipient: Recipient,
    pub(crate) identities: Identities,
}

impl Place {
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // a scratch server runs as somebody else
        #[cfg(unix)]
        platform::create_passable_dir(directory.path()).unwrap();
        let pair = KeyPair::generate();
        let path = directory.path().join("identity.txt");
        pair.write(&path, "a test").unwrap();
        let store = DirectoryStore::new(directory.path().join("store"));
        let place = Self {
            store,
            recipient: Recipient::parse(&pair.recipient()).unwrap(),
            identities: Identities::read(&[path]).unwrap(),
            directory,
        };
        std::fs::create_dir(place.scratch()).unwrap();
        #[cfg(unix)]
        platform::create_passable_dir(&place.scratch()).unwrap();
        place
    }

    /// Returns the directory scratch servers are made in.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.directory.path().join("scratch")
    }

    /// Returns another directory of the test's own.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    pub(crate) fn backup_options(&self, target: &Target) -> BackupOptions {
        BackupOptions {
            target: target.clone(),
            standby: None,
            selection: Selection::default(),
            dump_options: DumpOptions::default(),
            search: unisys_testkit::search(),
            recipients: vec![self.recipient.clone()],
            signing: None,
            passphrase: None,
            layout: Layout::Parallel,
            ranges: Ranges::Auto,
            jobs: 3,
            level: 1,
            snapshot: SnapshotOptions { lock_timeout: Duration::from_secs(3), attempts: 4 },
            tags: Vec::new(),
            limits: Limits::default(),
            check_space: true,
            adopt: false,
            made_by: "test".into(),
            progress: Arc::new(Silent),
        }
    }

    pub(crate) fn drill_options(&self) -> DrillOptions {
        DrillOptions {
            identities: self.identities.clone(),
            trust: Trust::default(),
            signing: None,
            search: unisys_testkit::search(),
            parent: self.scratch(),
            port: unisys_testkit::free_port(),
            wait: Duration::ZERO,
            user: scratch_user(),
            jobs: 2,
            now: "2026-11-21T02:00:00Z".parse().unwrap(),
            made_by: "test".into(),
            progress: Arc::new(Silent),
        }
    }

    pub(crate) async fn backup(&self, target: &Target) -> BackupReport {
        backup::run(&self.store, self.backup_options(target)).await.unwrap()
    }

    pub(crate) async fn drill(&self, id: &BackupId) -> Result<DrillRecord, OpsError> {
        drill::run(&self.store, id, &self.drill_options()).await
    }

    /// Drills a backup that must be proven.
    pub(crate) async fn prove(&self, id: &BackupId) -> DrillRecord {
        let record = self.drill(id).await.unwrap();
        assert_eq!(record.outcome, Outcome::Proven, "{:#?}", record.differences);
        record
    }

    /// Asserts that nothing of a failed backup or of a drill is left: no partial directory, no scratch server.
    pub(crate) fn assert_clean(&self) {
        let names = |path: PathBuf| -> Vec<String> {
            let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        let partial: Vec<_> =
            names(self.store.root().into()).into_iter().filter(|name| name.contains("partial")).collect();
        assert!(partial.is_empty(), "{partial:?}");
        assert_eq!(names(self.scratch()), Vec::<String>::new());
    }
}

/// As root, the system user of a drill's server: one that owns nothing, and never that of the source.
pub(crate) fn scratch_user() -> Option<SystemUser> {
    platform::is_root().then(|| platform::find_user("nobody").unwrap())
}

pub(crate) async fn session(target: &Target) -> Session {
    Session::open(target).await.unwrap()
}

pub(crate) async fn execute(target: &Target, sql: &str) {
    session(target).await.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
}

/// Returns the first value of the first row, as text.
pub(crate) async fn value(target: &Target, sql: &str) -> String {
    let session = session(target).await;
    let row = session.query_one(&format!("select ({sql})::text"), &[]).await.unwrap();
    row.get::<_, Option<String>>(0).unwrap_or_default()
}

/// An error with its causes.
pub(crate) fn text(error: &OpsError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// Calls a function when an item of a given start begins, once, and keeps what a person was told.
pub(crate) struct When {
    item: String,
    call: Mutex<Option<Box<dyn FnOnce() + Send>>>,
    pub(crate) messages: Messages,
}

/// What was said so far.
pub(crate) type Messages = Arc<Mutex<Vec<String>>>;

impl When {
    pub(crate) fn starts(item: &str, call: impl FnOnce() + Send + 'static) -> Arc<Self> {
        Self::starts_hearing(item, |_| call())
    }

    /// As [`When::starts`], for a call that waits until something is said.
    pub(crate) fn starts_hearing(item: &str, call: impl FnOnce(Messages) + Send + 'static) -> Arc<Self> {
        let messages = Messages::default();
        let heard = Arc::clone(&messages);
        Arc::new(Self { item: item.into(), call: Mutex::new(Some(Box::new(|| call(heard)))), messages })
    }
}

impl Progress for When {
    fn begin(&self, _phase: &str, _expected: Expected) {}

    fn start(&self, item: &str, _expected: Expected) -> Box<dyn Item> {
        if item.starts_with(&self.item)
            && let Some(call) = self.call.lock().unwrap().take()
        {
            call();
        }
        Box::new(Silent)
    }

    fn message(&self, text: &str) {
        self.messages.lock().unwrap().push(text.to_owned());
    }
}

/// Runs work of a test's own to its end, on a thread and a runtime of its own: from a callback that must not return before.
pub(crate) fn aside<F>(work: F)
where
    F: Future<Output = ()> + Send + 'static,
{
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work);
    })
    .join()
    .unwrap();
}
