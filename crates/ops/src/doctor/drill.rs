//! The drill's end of the pipeline: a scratch server started, asked, stopped.

use unisys_db::catalog::DatabaseFacts;
use unisys_db::preflight::{self, Extension, Preflight};
use unisys_db::{DbError, Session};

use super::run::DoctorOptions;
use super::store::size;
use super::{Finding, extensions, finding, listener, locale, programs};
use crate::OpsError;
use crate::program::Programs;
use crate::server::{Scratch, ScratchOptions};
use crate::store::standing;

const SERVER: &str = "drill's server";
const USER: &str = "drill's user";
const SPACE: &str = "drill's space";

/// What a restored database needs of its size: the data, the files COPY and index builds need meanwhile.
const SPACE_FACTOR: f64 = 1.3;

/// A user that owns nothing, but that other programs run as too.
const SHARED_USER: &str = "nobody";

/// Names what is not tried without a connection.
pub(super) fn skipped() -> Vec<Finding> {
    ["drill's programs", SPACE, SERVER, locale::LOCALE, extensions::EXTENSIONS]
        .map(|check| Finding::skipped(check, "connection"))
        .to_vec()
}

/// Judges the system user that restored code runs as.
pub(super) fn judge_user(options: &DoctorOptions) -> Finding {
    match &options.user {
        Err(broken) => Finding::broken(USER, broken),
        Ok(None) => Finding::ok(USER, "ours: we are not root"),
        Ok(Some(user)) if user.name == SHARED_USER => Finding::warn(
            USER,
            format!("restored code runs as {SHARED_USER}, as other programs do"),
            "useradd --system unisys-drill",
        ),
        Ok(Some(user)) => Finding::ok(USER, format!("restored code runs as {}", user.name)),
    }
}

/// Tries the drill's end for this database.
pub(super) async fn examine(options: &DoctorOptions, facts: &Preflight) -> Vec<Finding> {
    let major = facts.database.major();
    let found = Programs::with_server(&options.search, Some(major));
    let mut findings = vec![programs::judge_drill(&found, major), judge_space(options, facts.database.bytes)];
    let skip = |findings: &mut Vec<Finding>, checks: &[&'static str], because| {
        findings.extend(checks.iter().map(|check| Finding::skipped(check, because)));
    };
    let (Ok(programs), Ok(user)) = (found, &options.user) else {
        let because = if options.user.is_err() { USER } else { "drill's programs" };
        skip(&mut findings, &[SERVER, locale::LOCALE, extensions::EXTENSIONS], because);
        return findings;
    };
    let scratch = ScratchOptions {
        programs,
        parent: options.parent.clone(),
        port: options.port,
        user: user.clone(),
        superuser: facts.database.bootstrap_role.clone(),
        settings: Vec::new(),
    };
    match start(scratch).await {
        Err(error) => {
            findings.push(judge_start(&error, options));
            skip(&mut findings, &[locale::LOCALE, extensions::EXTENSIONS], SERVER);
        }
        Ok(scratch) => {
            let text = format!("started on port {}, asked, stopped", options.port);
            findings.push(Finding::ok(SERVER, text));
            findings.extend(ask(&scratch, facts).await);
            // stopping waits for the server's end
            let _ = tokio::task::spawn_blocking(move || drop(scratch)).await;
        }
    }
    findings
}

async fn start(options: ScratchOptions) -> Result<Scratch, OpsError> {
    let started = tokio::task::spawn_blocking(move || Scratch::start(&options)).await;
    started.unwrap_or_else(|_| Err(OpsError::Refused("the scratch server's thread was stopped".into())))
}

fn judge_start(error: &OpsError, options: &DoctorOptions) -> Finding {
    if let OpsError::PortBusy { port } = error {
        let who = listener::listener(*port).map(|who| format!(" by {who}")).unwrap_or_default();
        let repair = "End what listens there, or set drill.port in the configuration.";
        return Finding::fail(SERVER, format!("port {port} is in use{who}"), repair);
    }
    let repair = (options.explain)(error).unwrap_or_else(|| {
        format!("Check that {} can be written, or set drill.directory.", options.parent.display())
    });
    Finding::fail(SERVER, finding::reason(error), repair)
}

/// Asks the scratch server for the database's locale and extensions.
async fn ask(scratch: &Scratch, facts: &Preflight) -> Vec<Finding> {
    let session = match Session::open(&scratch.server().target("template1")).await {
        Ok(session) => session,
        Err(error) => {
            return vec![Finding::fail(SERVER, finding::reason(&error), "See drill.directory and its disk.")];
        }
    };
    let mut findings = vec![match create(&session, &facts.database).await {
        Ok(()) => locale::known(&facts.database),
        Err(error) => locale::unknown(&facts.database, &finding::reason(&error)),
    }];
    match preflight::available_extensions(&session).await {
        Ok(available) => findings.extend(judge_extensions(facts, &available)),
        Err(error) => findings.push(Finding::fail(
            extensions::EXTENSIONS,
            finding::reason(&error),
            "Reinstall the PostgreSQL server package on this machine.",
        )),
    }
    session.close().await;
    findings
}

fn judge_extensions(facts: &Preflight, available: &[Extension]) -> Vec<Finding> {
    extensions::judge(&facts.extensions, available, facts.database.major())
}

/// Makes a database as the drill will, but owned by the scratch server's superuser: roles come with a backup.
async fn create(session: &Session, source: &DatabaseFacts) -> Result<(), DbError> {
    let copy = DatabaseFacts { owner: source.bootstrap_role.clone(), ..source.clone() };
    let sql = copy.create_sql("unisys_doctor");
    session.batch_execute(&sql).await.map_err(DbError::doing("create a database of this locale"))
}

fn judge_space(options: &DoctorOptions, database_bytes: u64) -> Finding {
    let needed = (database_bytes as f64 * SPACE_FACTOR) as u64;
    let place = options.parent.display();
    match fs4::available_space(standing(&options.parent)) {
        Ok(free) if free < needed => Finding::fail(
            SPACE,
            format!("{} free in {place}, a copy needs about {}", size(free), size(needed)),
            "Set drill.directory to a directory with more room.",
        ),
        Ok(free) => {
            Finding::ok(SPACE, format!("{} free in {place}, a copy needs about {}", size(free), size(needed)))
        }
        Err(error) => Finding::fail(
            SPACE,
            format!("could not look at {place}: {error}"),
            "Set drill.directory to a directory that exists.",
        ),
    }
}
