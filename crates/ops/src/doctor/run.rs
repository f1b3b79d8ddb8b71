//! The order of the links.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use unisys_db::preflight::{self, Preflight};
use unisys_db::selection::{Selection, SelectionError, resolve};
use unisys_db::snapshot::{self, SnapshotError};
use unisys_db::{DbError, Session, Target};

use super::finding::{Broken, reason};
use super::{
    Diagnosis, Finding, connection, drill, estimate, keys, limits, lint, opened, programs, standby, store,
};
use crate::OpsError;
use crate::backup::Standby;
use crate::keys::{Identities, Passphrase, Recipient};
use crate::platform::SystemUser;
use crate::program::{PgVersion, Programs, Search};
use crate::store::Store;

const CONNECTION: &str = "connection";
const POOLER: &str = "pooler";
const SNAPSHOT: &str = "shared moment";
const RIGHTS: &str = "rights";
const SELECTION: &str = "selection";

/// The checks that need a connection, for a diagnosis without one.
const OF_THE_SERVER: [&str; 12] = [
    "encryption in transit",
    "clock",
    POOLER,
    SNAPSHOT,
    "server version",
    "standby",
    "tables",
    "row-level security",
    "large objects",
    "password hashes",
    "locks",
    "pg_dump",
];

/// What the doctor looks at.
pub struct DoctorOptions {
    /// The database.
    pub target: Result<Target, Broken>,
    /// The standby that backups are read from instead of the database's own server.
    pub standby: Result<Option<Standby>, Broken>,
    /// Where PostgreSQL's programs are looked for.
    pub search: Search,
    /// Who is to read the backups.
    pub recipients: Result<Vec<Recipient>, Broken>,
    /// The keys a drill decrypts with.
    pub identities: Result<Identities, Broken>,
    /// What else new backups are encrypted with.
    pub passphrase: Option<Arc<Passphrase>>,
    /// Where the backups go.
    pub store: Arc<dyn Store>,
    /// Where they are copied to.
    pub copies: Vec<Arc<dyn Store>>,
    /// The directory scratch servers are made in.
    pub parent: PathBuf,
    /// The scratch server's port.
    pub port: u16,
    /// The system user it runs as; needed as root.
    pub user: Result<Option<SystemUser>, Broken>,
    /// The system user this program runs as.
    pub system_user: Option<String>,
    /// How many sessions a backup reads with.
    pub jobs: usize,
    /// What of the database a backup holds.
    pub selection: Result<Selection, Broken>,
    /// The clock to compare the server's with.
    pub clock: fn() -> DateTime<Utc>,
    /// Says what to do about an error, where that is known.
    pub explain: fn(&OpsError) -> Option<String>,
    /// What the program found out about its configuration; it comes first.
    pub configuration: Vec<Finding>,
}

/// Tries every link. The database is only read; the store and the drill's directory are left as they were.
pub async fn run(options: &DoctorOptions) -> Diagnosis {
    let mut findings = options.configuration.clone();
    let facts = examine_server(options, &mut findings).await;
    findings.extend(keys::examine(&options.recipients, &options.identities, options.passphrase.as_deref()));
    findings.extend(opened::examine(options));
    let known = facts.as_ref().map(|facts| {
        let experience = estimate::experience(&*options.store, &facts.database.name);
        estimate::estimate(facts.database.bytes, experience.as_ref())
    });
    let data_directory =
        facts.as_ref().filter(|_| is_local(options)).and_then(|f| f.data_directory.as_deref());
    let user = options.system_user.as_deref().unwrap_or("USER");
    let store_facts = store::probe(&*options.store, data_directory.map(Path::new), options.explain);
    findings.extend(store::judge(&store_facts, known.as_ref().map(|estimate| estimate.stored_bytes), user));
    for copy in &options.copies {
        let facts = store::probe(&**copy, None, options.explain);
        findings.push(store::judge_copy(&facts, known.as_ref().map(|estimate| estimate.stored_bytes), user));
    }
    findings.push(drill::judge_user(options));
    findings.extend(match &facts {
        Some(facts) => drill::examine(options, facts).await,
        None => drill::skipped(),
    });
    Diagnosis { findings, estimate: known }
}

fn is_local(options: &DoctorOptions) -> bool {
    options.target.as_ref().is_ok_and(connection::is_local)
}

/// Tries all that needs a connection; returns what the server said of itself and of the login.
async fn examine_server(options: &DoctorOptions, findings: &mut Vec<Finding>) -> Option<Preflight> {
    let session = match open(options).await {
        Ok((session, finding)) => {
            findings.push(finding);
            session
        }
        Err(finding) => {
            findings.push(finding);
            findings.extend(OF_THE_SERVER.map(|check| Finding::skipped(check, CONNECTION)));
            return None;
        }
    };
    findings.push(connection::judge_tls(session.target(), session.is_encrypted()));
    findings.extend(examine_clock(&session, options.clock).await);
    findings.extend(examine_sharing(session.target(), options).await);
    findings.extend(standby::examine(session.target(), &options.standby, options.explain).await);
    let facts = ask(&session, options, findings).await;
    session.close().await;
    match facts {
        Ok(facts) => {
            findings.extend(judge_server(&facts, options));
            Some(facts)
        }
        Err(error) => {
            findings.push(failed(RIGHTS, error, options));
            None
        }
    }
}

/// Asks about what is selected; about everything, where the selection is none.
async fn ask(
    session: &Session,
    options: &DoctorOptions,
    findings: &mut Vec<Finding>,
) -> Result<Preflight, DbError> {
    let selection = match &options.selection {
        Ok(selection) => selection,
        Err(broken) => {
            findings.push(Finding::broken(SELECTION, broken));
            return Preflight::load(session).await;
        }
    };
    match resolve(session, selection).await {
        Ok(scope) => Preflight::load_selected(session, &scope).await,
        Err(SelectionError::Db(error)) => Err(error),
        Err(error) => {
            let text = reason(&error);
            let error = OpsError::Snapshot(SnapshotError::Selection(error));
            let repair = (options.explain)(&error);
            findings.push(Finding { repair, ..Finding::fail(SELECTION, text, "") });
            Preflight::load(session).await
        }
    }
}

async fn open(options: &DoctorOptions) -> Result<(Session, Finding), Finding> {
    let target = options.target.as_ref().map_err(|broken| Finding::broken(CONNECTION, broken))?;
    let session = Session::open(target).await.map_err(|error| failed(CONNECTION, error, options))?;
    session.set_pinned().await.map_err(|error| failed(CONNECTION, error, options))?;
    let finding = Finding::ok(CONNECTION, session.target().to_string());
    Ok((session, finding))
}

fn failed(check: &'static str, error: DbError, options: &DoctorOptions) -> Finding {
    let error = OpsError::Db(error);
    let repair = (options.explain)(&error);
    Finding { repair, ..Finding::fail(check, reason(&error), "") }
}

/// Compares the clocks: ours is read before and after, the server's lies between.
async fn examine_clock(session: &Session, clock: fn() -> DateTime<Utc>) -> Option<Finding> {
    let before = clock();
    let theirs = preflight::server_time(session).await.ok()?;
    let ours = before + (clock() - before) / 2;
    Some(connection::judge_clock(theirs - ours))
}

async fn examine_sharing(target: &Target, options: &DoctorOptions) -> Vec<Finding> {
    match snapshot::try_sharing(target).await {
        Ok(()) => vec![
            Finding::ok(POOLER, "none in between: sessions keep their server connection"),
            Finding::ok(SNAPSHOT, "two sessions saw the same moment"),
        ],
        Err(SnapshotError::Db(error)) => {
            vec![Finding::ok(POOLER, "none seen"), failed(SNAPSHOT, error, options)]
        }
        Err(error) => vec![
            Finding::fail(
                POOLER,
                reason(&error),
                "Name the server's own port in the url (often 5432), or a pool in session mode.",
            ),
            Finding::skipped(SNAPSHOT, POOLER),
        ],
    }
}

fn judge_server(facts: &Preflight, options: &DoctorOptions) -> Vec<Finding> {
    let major = facts.database.major();
    let mut findings = vec![
        programs::judge_server(PgVersion::from_num(facts.database.server_version_num)),
        limits::judge_standby(facts),
    ];
    findings.extend(lint::judge(facts));
    findings.extend([
        limits::judge_locks(facts),
        limits::judge_sessions(facts, options.jobs),
        programs::judge_client(&Programs::client_for(&options.search, major), major),
    ]);
    findings
}
