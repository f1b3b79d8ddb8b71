//! The end of a role, step by step.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use super::plan::{find, sessions};
use super::{RetireEvent, RetirementPlan};
use crate::migrate::calm;
use crate::roles::{Action, ApplyOptions, Change, NewRecord, Phase, RolesError, lock, record};
use crate::{Session, Target, quote_ident};

const POLL: Duration = Duration::from_millis(100);

/// How often what the role has is looked for, in case somebody gave it something meanwhile.
const ROUNDS: usize = 3;

/// Retires a role, under the lock. Returns the number of its record, where it is recorded.
///
/// # Errors
/// [`RolesError::Obstacles`]: nothing was changed. Else what was done before the step that failed stays; a second run does the
/// rest.
pub async fn retire(
    target: &Target,
    plan: &RetirementPlan,
    options: &ApplyOptions,
    tell: &(dyn Fn(&RetireEvent<'_>) + Sync),
) -> Result<Option<i64>, RolesError> {
    if !plan.obstacles.is_empty() {
        let (role, obstacles) = (plan.role.clone(), plan.obstacles.clone());
        return Err(RolesError::Obstacles { role, obstacles });
    }
    let session = lock::session(target, options.wait).await?;
    let Some(row) = find(&session, &plan.role, &plan.reassign_to).await? else { return Ok(None) };
    let work = Retiring { session, oid: row.get("oid"), plan, options, tell };
    let id = work.lock_out(row.get("login")).await?;
    work.end_sessions().await?;
    work.empty().await?;
    work.drop(id).await?;
    lock::release(work.session).await?;
    Ok(id)
}

struct Retiring<'a> {
    session: Session,
    oid: u32,
    plan: &'a RetirementPlan,
    options: &'a ApplyOptions,
    tell: &'a (dyn Fn(&RetireEvent<'_>) + Sync),
}

impl Retiring<'_> {
    /// Notes what is begun, and lets the role log in no more.
    async fn lock_out(&self, logs_in: bool) -> Result<Option<i64>, RolesError> {
        let Self { session, plan, options, .. } = self;
        self.begin(session).await?;
        let mut id = None;
        if options.record {
            record::ensure(session).await?;
            let record = NewRecord {
                action: Action::Retire,
                undoes: None,
                policy: None,
                changes: &statements(plan, logs_in),
                states: None,
                tool: &options.tool,
                host: &options.host,
            };
            id = Some(record.write(session).await?);
        }
        if logs_in {
            self.say(session, &no_login(plan), "lock the role out").await?;
        }
        self.commit(session, "lock the role out").await?;
        (self.tell)(&RetireEvent::LockedOut);
        Ok(id)
    }

    async fn end_sessions(&self) -> Result<(), RolesError> {
        let begun = Instant::now();
        let query = include_str!("../../../../../sql/roles/retire_terminate.sql");
        loop {
            let left = sessions(&self.session, self.oid).await?.len();
            if left == 0 {
                return Ok(());
            }
            (self.tell)(&RetireEvent::Ending { sessions: left });
            let asked = self.session.query(query, &[&self.oid]).await;
            asked.map_err(|source| self.failed("end the role's sessions", source))?;
            if begun.elapsed() >= self.options.wait {
                let obstacles = vec![format!("{left} of its sessions did not end")];
                return Err(RolesError::Obstacles { role: self.plan.role.clone(), obstacles });
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Deals with what it has in every database, until there is nothing.
    async fn empty(&self) -> Result<(), RolesError> {
        let query = include_str!("../../../../../sql/roles/retire_databases.sql");
        for _ in 0..ROUNDS {
            let rows = self.session.query(query, &[&self.oid]).await;
            let rows = rows.map_err(|source| self.failed("look for what the role has", source))?;
            let left = rows.iter().filter(|row| row.get::<_, i64>("owns") + row.get::<_, i64>("granted") > 0);
            let databases: Vec<String> = left.map(|row| row.get("database")).collect();
            if databases.is_empty() {
                return Ok(());
            }
            for database in databases {
                (self.tell)(&RetireEvent::In { database: &database });
                self.empty_one(&database).await?;
            }
        }
        Ok(())
    }

    async fn empty_one(&self, database: &str) -> Result<(), RolesError> {
        let step = format!("reassign and drop what {} has in database {database}", self.plan.role);
        let (begun, mut pause) = (Instant::now(), self.options.pause);
        let session = Session::open(&self.session.target().with_database(database)).await?;
        calm(&session).await.map_err(session.doing("prepare the session"))?;
        loop {
            self.begin(&session).await?;
            let failed = match self.reassign(&session, &step).await {
                Ok(()) => break,
                Err(failed) => failed,
            };
            session.batch_execute("rollback").await.map_err(session.doing("roll back"))?;
            let again = matches!(&failed, RolesError::Retire { source, .. }
                if [Some(&SqlState::LOCK_NOT_AVAILABLE), Some(&SqlState::T_R_DEADLOCK_DETECTED)].contains(&source.code()));
            if !again || begun.elapsed() >= self.options.wait {
                return Err(failed);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.commit(&session, &step).await?;
        session.close().await;
        Ok(())
    }

    /// What it owns goes to the heir; only when nothing is left that is its own, what it was given is taken back.
    async fn reassign(&self, session: &Session, step: &str) -> Result<(), RolesError> {
        let [reassign, drop_owned] = in_database(self.plan);
        let query = include_str!("../../../../../sql/roles/retire_owned.sql");
        for _ in 0..ROUNDS {
            self.say(session, &reassign, step).await?;
            let owned = session.query(query, &[&self.oid]).await;
            if owned.map_err(|source| self.failed(step, source))?.is_empty() {
                return self.say(session, &drop_owned, step).await;
            }
        }
        let obstacles = vec!["somebody goes on making things as this role".to_owned()];
        Err(RolesError::Obstacles { role: self.plan.role.clone(), obstacles })
    }

    async fn drop(&self, id: Option<i64>) -> Result<(), RolesError> {
        let Self { session, plan, .. } = self;
        self.begin(session).await?;
        self.say(session, &drop_role(plan), &format!("drop the role {}", plan.role)).await?;
        if let Some(id) = id {
            record::finish(session, id).await?;
        }
        self.commit(session, "drop the role").await?;
        (self.tell)(&RetireEvent::Dropped);
        Ok(())
    }

    async fn begin(&self, session: &Session) -> Result<(), RolesError> {
        let timeout = self.options.lock_timeout.as_millis();
        let begin =
            format!("begin read write; set local search_path = ''; set local lock_timeout = '{timeout}ms'");
        Ok(session.batch_execute(&begin).await.map_err(session.doing("begin a transaction"))?)
    }

    async fn say(&self, session: &Session, sql: &str, step: &str) -> Result<(), RolesError> {
        session.batch_execute(sql).await.map_err(|source| RolesError::Retire {
            step: step.to_owned(),
            source: session.server_error(source),
        })
    }

    async fn commit(&self, session: &Session, step: &str) -> Result<(), RolesError> {
        self.say(session, "commit", step).await
    }

    fn failed(&self, step: &str, source: tokio_postgres::Error) -> RolesError {
        RolesError::Retire { step: step.to_owned(), source: self.session.server_error(source) }
    }
}

fn no_login(plan: &RetirementPlan) -> String {
    format!("alter role {} nologin", quote_ident(&plan.role))
}

fn in_database(plan: &RetirementPlan) -> [String; 2] {
    let (role, heir) = (quote_ident(&plan.role), quote_ident(&plan.reassign_to));
    [format!("reassign owned by {role} to {heir}"), format!("drop owned by {role}")]
}

fn drop_role(plan: &RetirementPlan) -> String {
    format!("drop role {}", quote_ident(&plan.role))
}

/// Returns all that is said, for the record.
fn statements(plan: &RetirementPlan, logs_in: bool) -> Vec<Change> {
    let change = |sql: String, reason: String| Change {
        phase: Phase::Retire,
        as_role: None,
        sql,
        reason,
        line: None,
        undo: vec![],
    };
    let mut changes = Vec::new();
    if logs_in {
        changes.push(change(no_login(plan), "it logs in no more".into()));
    }
    for database in &plan.databases {
        let has = format!(
            "in database {}: owns {}, is named on {}",
            database.name, database.owns, database.granted
        );
        changes.extend(in_database(plan).map(|sql| change(sql, has.clone())));
    }
    changes.push(change(drop_role(plan), format!("{} is retired", plan.role)));
    changes
}
