//! What `up` would do: the pending files, what in them is dangerous, whom they keep waiting, who will be allowed what.

use std::collections::HashMap;

use serde::Serialize;

use super::creates::{self, Allowed, Created};
use super::parsed::Parsed;
use super::rules::Broken;
use super::{Finding, LockMode, MigrateError, MigrationFile, MigrationSet, RunAs, lint, status, targets};
use crate::{DbError, Session};

/// What would be applied.
#[derive(Clone, Debug, Serialize)]
pub struct PlanReport {
    /// The database asked.
    pub database: String,
    /// How many are applied.
    pub applied: usize,
    /// What would be applied, in order.
    pub pending: Vec<Planned>,
}

impl PlanReport {
    /// Returns what no run would accept, by file and line; empty where nothing speaks against a run.
    pub fn broken(&self) -> Vec<Broken> {
        self.pending.iter().flat_map(|migration| migration.broken.clone()).collect()
    }
}

/// A pending migration.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// The version.
    pub version: i32,
    /// The file.
    pub file: String,
    /// The role it runs as; `None`: the login's own.
    pub owner: Option<String>,
    /// Whether it is one transaction.
    pub transaction: bool,
    /// How many statements it has.
    pub statements: usize,
    /// Whether a script verifies it.
    pub verified: bool,
    /// Whether a script takes it back.
    pub reversible: bool,
    /// The rules it breaks: with one of these nothing is applied.
    pub broken: Vec<Broken>,
    /// What is dangerous about it.
    pub findings: Vec<Finding>,
    /// The tables of today that it locks.
    pub locks: Vec<PlannedLock>,
    /// What it creates.
    pub creates: Vec<Created>,
}

/// A lock on a table that is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedLock {
    /// `schema.name`
    pub relation: String,
    /// The strongest mode.
    pub mode: LockMode,
    /// The line of the first statement that takes it, from 1.
    pub line: usize,
    /// The rows the server estimates; `None`: it never looked.
    pub rows: Option<i64>,
    /// Its size with indexes; `None`: somebody has the table for himself at this moment.
    pub bytes: Option<i64>,
}

/// Tells what [`super::up`] would do. The server enforces that nothing is changed, and nothing is locked that others use;
/// a login that may read the history is enough, on a standby too.
///
/// # Errors
/// What [`super::up`] refuses, apart from broken rules, which are in the report; the connection.
pub async fn plan(session: &Session, migrations: &MigrationSet) -> Result<PlanReport, MigrateError> {
    status::begin_read_only(session).await?;
    let result = read(session, migrations).await;
    session.batch_execute("rollback").await.map_err(session.doing("end the plan's transaction"))?;
    result
}

async fn read(session: &Session, migrations: &MigrationSet) -> Result<PlanReport, MigrateError> {
    let (database, login) = status::login(session).await?;
    let history = super::history::History::read(session).await?;
    let mut pending: Vec<Planned> = history
        .pending(migrations)?
        .into_iter()
        .map(|file| planned(file, &login, session.server_version_num()))
        .collect();
    sizes(session, &mut pending).await?;
    privileges(session, migrations, &mut pending).await?;
    Ok(PlanReport { database, applied: history.rows.len(), pending })
}

/// What the file alone says.
fn planned(file: &MigrationFile, login: &str, server: u32) -> Planned {
    let owner = match file.run_as() {
        RunAs::Login => None,
        RunAs::Owner(role) => Some(role.clone()),
    };
    let locks = targets::locks(file.sql()).into_iter().map(|lock| PlannedLock {
        relation: lock.relation,
        mode: lock.mode,
        line: lock.line,
        rows: None,
        bytes: None,
    });
    let creates = creates::created(file.sql()).into_iter().map(|object| Created {
        kind: object.kind.0,
        name: object.name,
        owner: object.owner.or_else(|| owner.clone()).unwrap_or_else(|| login.to_owned()),
        privileges: vec![],
    });
    Planned {
        version: file.version(),
        file: file.file().into(),
        transaction: !file.no_transaction(),
        statements: Parsed::new(file.sql()).statements().count(),
        verified: file.verify().is_some(),
        reversible: file.down().is_some(),
        broken: file.check(),
        findings: lint::findings(file, server),
        locks: locks.collect(),
        creates: creates.collect(),
        owner,
    }
}

/// Adds how big the tables are, and leaves out those that are not there: an earlier migration makes them, and nobody waits.
async fn sizes(session: &Session, pending: &mut [Planned]) -> Result<(), DbError> {
    let locks = pending.iter().flat_map(|planned| planned.locks.iter().map(|lock| lock.relation.clone()));
    let about = pending.iter().flat_map(|planned| planned.findings.iter().filter_map(|f| f.relation.clone()));
    let names: Vec<String> = locks.chain(about).collect();
    let query = include_str!("../../../../sql/migrate/table_sizes.sql");
    let rows = session.query(query, &[&names]).await;
    let rows = rows.map_err(session.doing("ask how big the tables are"))?;
    let tables: HashMap<String, (String, Option<i64>, Option<i64>)> =
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2), row.get(3)))).collect();
    for planned in pending {
        planned.locks.retain_mut(|lock| {
            let Some((relation, rows, bytes)) = tables.get(&lock.relation) else { return false };
            (lock.relation, lock.rows, lock.bytes) = (relation.clone(), *rows, *bytes);
            true
        });
        planned.findings.retain_mut(|finding| {
            let Some(name) = &finding.relation else { return true };
            let Some((relation, rows, _)) = tables.get(name) else { return false };
            (finding.relation, finding.rows) = (Some(relation.clone()), *rows);
            true
        });
    }
    Ok(())
}

/// Adds what others may do with what is created, by the default privileges of today.
async fn privileges(
    session: &Session,
    migrations: &MigrationSet,
    pending: &mut [Planned],
) -> Result<(), DbError> {
    let owners_of_set = migrations.owners();
    let (mut owners, mut schemas, mut kinds, mut places) = (vec![], vec![], vec![], vec![]);
    for (at, planned) in pending.iter().enumerate() {
        let Some(file) = migrations.iter().find(|file| file.version() == planned.version) else { continue };
        let of_catalog = creates::created(file.sql()).into_iter().map(|object| object.kind.1);
        for (index, (object, kind)) in planned.creates.iter().zip(of_catalog).enumerate() {
            owners.push(object.owner.clone());
            schemas.push(object.name.split('.').next().unwrap_or_default().to_owned());
            kinds.push(kind);
            places.push((at, index));
        }
    }
    let query = include_str!("../../../../sql/migrate/default_privileges.sql");
    let rows = session.query(query, &[&owners, &schemas, &kinds]).await;
    for row in rows.map_err(session.doing("ask for the default privileges"))? {
        let position = usize::try_from(row.get::<_, i64>(0) - 1).unwrap_or_default();
        let Some((&(at, index), kind)) = places.get(position).zip(kinds.get(position)) else { continue };
        let object = &mut pending[at].creates[index];
        let grantee: String = row.get(1);
        // `up` closes this default before the first migration.
        let closed = migrations.is_builtin() && *kind == "f" && owners_of_set.contains(&object.owner);
        if !(closed && grantee == "PUBLIC") {
            object.privileges.push(Allowed { grantee, privileges: row.get(2) });
        }
    }
    Ok(())
}
