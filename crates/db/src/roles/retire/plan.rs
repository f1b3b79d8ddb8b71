//! What the end of a role takes: looked up in every database, nothing changed.

use tokio_postgres::Row;

use super::{InDatabase, RetirementPlan, RoleSession};
use crate::roles::{Policy, Retirement, RolesError};
use crate::{DbError, Session, Target, quote_ident};

/// Returns the plan for each role of the policy that is to be retired and still exists.
///
/// # Errors
/// The server could not be asked.
pub async fn plan_retirements(target: &Target, policy: &Policy) -> Result<Vec<RetirementPlan>, RolesError> {
    let mut plans = Vec::new();
    if policy.retired.is_empty() {
        return Ok(plans);
    }
    let session = Session::open(target).await?;
    for retirement in &policy.retired {
        let role = find(&session, &retirement.role, &retirement.reassign_to).await?;
        if let Some(role) = role {
            plans.push(plan(&session, retirement, &role).await?);
        }
    }
    session.close().await;
    Ok(plans)
}

pub(super) async fn find(session: &Session, role: &str, heir: &str) -> Result<Option<Row>, DbError> {
    let query = include_str!("../../../../../sql/roles/retire_role.sql");
    session.query_opt(query, &[&role, &heir]).await.map_err(session.doing("look up the role to retire"))
}

async fn plan(session: &Session, retirement: &Retirement, role: &Row) -> Result<RetirementPlan, DbError> {
    let oid: u32 = role.get("oid");
    let mut obstacles = by_rights(retirement, role);
    let sessions = sessions(session, oid).await?;
    if !sessions.is_empty() && !retirement.terminate_sessions {
        let pids: Vec<String> = sessions.iter().map(|session| session.pid.to_string()).collect();
        let pids = pids.join(", ");
        obstacles
            .push(format!("it is connected (processes {pids}), and the policy does not say to end that"));
    }
    let mut databases = Vec::new();
    let query = include_str!("../../../../../sql/roles/retire_databases.sql");
    let rows = session.query(query, &[&oid]).await.map_err(session.doing("look for what the role has"))?;
    for row in rows {
        let name: String = row.get("database");
        if !row.get::<_, bool>("allows_connections") {
            obstacles.push(format!("it has something in database {name}, which allows no connections"));
            continue;
        }
        let owns: i64 = row.get("owns");
        let owned = match owns {
            0 => Vec::new(),
            _ => owned(session.target(), &name, oid).await.unwrap_or_else(|error| {
                obstacles.push(format!("it owns something in database {name}: {error}"));
                Vec::new()
            }),
        };
        databases.push(InDatabase { name, owns, granted: row.get("granted"), owned });
    }
    Ok(RetirementPlan {
        role: retirement.role.clone(),
        reassign_to: retirement.reassign_to.clone(),
        login: role.get("login"),
        sessions,
        databases,
        obstacles,
    })
}

/// Says what the login lacks. A superuser lacks nothing.
fn by_rights(retirement: &Retirement, role: &Row) -> Vec<String> {
    let (name, heir) = (&retirement.role, &retirement.reassign_to);
    let me: &str = role.get("me");
    let mut obstacles = Vec::new();
    if role.get("is_login") {
        return vec![format!("it is this login")];
    }
    if !role.get::<_, bool>("may_drop") {
        obstacles.push(format!("{me} may drop no role: it is neither superuser nor CREATEROLE"));
    }
    if !role.get::<_, bool>("heir_exists") {
        obstacles.push(format!("{heir}, who gets what it owns, does not exist"));
    }
    for (right, of, exists) in
        [("has_rights", name, true), ("has_rights_of_heir", heir, role.get::<_, bool>("heir_exists"))]
    {
        if exists && !role.get::<_, bool>(right) {
            let grant = format!("grant {} to {}", quote_ident(of), quote_ident(me));
            obstacles.push(format!("{me} does not have the rights of {of}: {grant}"));
        }
    }
    obstacles
}

pub(super) async fn sessions(session: &Session, role: u32) -> Result<Vec<RoleSession>, DbError> {
    let query = include_str!("../../../../../sql/roles/retire_sessions.sql");
    let rows = session.query(query, &[&role]).await.map_err(session.doing("look for the role's sessions"))?;
    let session = |row: &Row| RoleSession {
        pid: row.get("pid"),
        database: row.get("database"),
        application: row.get("application"),
        address: row.get("address"),
        since: row.get("since"),
    };
    Ok(rows.iter().map(session).collect())
}

async fn owned(target: &Target, database: &str, role: u32) -> Result<Vec<String>, DbError> {
    let session = Session::open(&target.with_database(database)).await?;
    let query = include_str!("../../../../../sql/roles/retire_owned.sql");
    let rows = session.query(query, &[&role]).await.map_err(session.doing("look for what the role owns"))?;
    session.close().await;
    Ok(rows.iter().map(|row| row.get("what")).collect())
}
