//! Restoring into a server that is not ours alone: all of it under a temporary name, which becomes the final one at the end.
//!
//! Rows are loaded by the login itself: restored checks and triggers run with its rights, as under any `pg_restore`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use serde::Serialize;
use unisys_db::catalog::{count_user_objects, rename, set_connectable};
use unisys_db::{Session, Target, quote_ident};

use super::globals::{Due, Statement};
use super::into_plan::{IntoPlan, Roles, TEMPORARY};
use super::load::{Loaded, run_statements};
use super::unfinished::Unfinished;
use super::{LoadAs, OpenBackup, Restore};
use crate::drill::compare::{self, Compared, Comparison};
use crate::program::{PgVersion, Programs, Search};
use crate::progress::{Expected, Progress};
use crate::{OpsError, random};

/// What is to be restored, and whereto.
#[derive(Clone)]
pub struct IntoServer {
    /// The backup.
    pub backup: Arc<OpenBackup>,
    /// The server and the login; the database is only one to connect to.
    pub target: Target,
    /// The database to make.
    pub database: String,
    /// Whether it may take the name of one that is not empty, which is kept under another.
    pub replace: bool,
    /// Whether sessions that use the one to replace are ended.
    pub disconnect: bool,
    /// Which missing roles are made.
    pub roles: Roles,
    /// Whether owners and privileges are left out.
    pub no_owner: bool,
    /// Whether the rows are compared with the facts before the database takes its name.
    pub verify: bool,
    /// Where PostgreSQL's programs are looked for.
    pub search: Search,
    /// The directory in which a private one is made for definitions; it never holds rows.
    pub parent: PathBuf,
    /// How many sessions load and build at once.
    pub jobs: usize,
    /// The time (UTC).
    pub now: DateTime<Utc>,
    /// Who is told how far it is.
    pub progress: Arc<dyn Progress>,
}

/// What a restore did.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// The database that was made.
    pub database: String,
    /// The name the one before it has now; nothing where there was none or it was empty.
    pub kept_as: Option<String>,
    /// The roles that were made.
    pub created_roles: Vec<String>,
    /// What differs from the backup, a sentence each. Then the database kept its temporary name.
    pub differences: Vec<String>,
    /// What was compared, where that was asked for.
    pub compared: Option<Compared>,
    /// How long it took until the database had its name, in seconds.
    pub seconds: f64,
}

impl IntoServer {
    /// Does what the plan says. Whatever happens, the final name stands for a complete database or for what it stood for
    /// before; what is incomplete is dropped.
    ///
    /// # Errors
    /// [`OpsError::Refused`] when there is an obstacle; [`OpsError::Open`] when a stored file is damaged, before anything
    /// is made.
    pub async fn run(&self, plan: &IntoPlan) -> Result<Restored, OpsError> {
        if let Some(obstacle) = plan.obstacles.first() {
            return Err(OpsError::Refused(obstacle.clone()));
        }
        let started = Instant::now();
        let directory = private_directory(&self.parent)?;
        let temporary = format!("{TEMPORARY}{}", random::text(8));
        let restore = self.restore(plan, &temporary, directory.path().to_owned())?;
        self.backup.check_files(self.jobs, &self.progress).await?;
        let admin = Session::open(&plan.maintenance).await?;
        let mut unfinished = Unfinished::new(&plan.maintenance);
        self.create_roles(&admin, plan).await?;
        unfinished.with_roles(plan.create_roles.iter().cloned());
        unfinished.with_database(&temporary);
        let sql = restore.database_facts().create_sql(&temporary);
        admin.batch_execute(&sql).await.map_err(admin.doing("create the database"))?;
        let loaded = restore.fill().await?;
        run_statements(&admin, &plan.role_statements, Due::AfterRows).await?;
        self.analyze(&restore).await?;
        let comparison = self.compare(&restore, &loaded).await?;
        let limit = self.backup.facts.database.connection_limit;
        let sql = format!("alter database {} connection limit {}", quote_ident(&temporary), limit.max(-1));
        admin.batch_execute(&sql).await.map_err(admin.doing("limit the database's connections"))?;
        unfinished.keep();
        let differences =
            comparison.as_ref().map(|comparison| comparison.differences.clone()).unwrap_or_default();
        let (database, kept_as) = if differences.is_empty() {
            (self.database.clone(), self.take_name(&admin, &temporary, plan).await?)
        } else {
            (temporary, None)
        };
        Ok(Restored {
            database,
            kept_as,
            created_roles: plan.create_roles.clone(),
            differences,
            compared: comparison.map(|comparison| comparison.compared),
            seconds: started.elapsed().as_secs_f64(),
        })
    }

    fn restore(&self, plan: &IntoPlan, database: &str, directory: PathBuf) -> Result<Restore, OpsError> {
        let dumped_by = PgVersion::parse(&self.backup.manifest.pg_dump_version).map_or(0, |v| v.major);
        Ok(Restore {
            backup: Arc::clone(&self.backup),
            target: plan.maintenance.clone(),
            database: database.to_owned(),
            programs: Programs::client_for(&self.search, plan.major.max(dumped_by))?,
            run_as: None,
            directory,
            load_as: LoadAs::Login,
            leave_out: plan.leave_out,
            only: None,
            jobs: self.jobs,
            progress: Arc::clone(&self.progress),
        })
    }

    /// Makes the missing roles, all or none. A login that is no superuser becomes a member of each, to give them objects.
    async fn create_roles(&self, admin: &Session, plan: &IntoPlan) -> Result<(), OpsError> {
        if plan.create_roles.is_empty() {
            return Ok(());
        }
        let mut statements = plan.role_statements.clone();
        let place = unisys_db::catalog::Place::load(admin).await?;
        if !place.superuser {
            let grants = plan.create_roles.iter().map(|role| Statement {
                sql: format!("grant {} to {}", quote_ident(role), quote_ident(&place.login)),
                due: Due::First,
            });
            statements.extend(grants);
        }
        admin.batch_execute("begin").await.map_err(admin.doing("create the roles"))?;
        if let Err(error) = run_statements(admin, &statements, Due::First).await {
            // the error to report is the one that came first
            let _ = admin.batch_execute("rollback").await;
            return Err(error);
        }
        Ok(admin.batch_execute("commit").await.map_err(admin.doing("create the roles"))?)
    }

    /// Without statistics the first queries would be planned blindly.
    async fn analyze(&self, restore: &Restore) -> Result<(), OpsError> {
        let item = self.progress.start("analyze", Expected::UNKNOWN);
        let inside = Session::open(&restore.inside()).await?;
        inside.batch_execute("analyze").await.map_err(inside.doing("analyze the database"))?;
        inside.close().await;
        item.finish();
        Ok(())
    }

    async fn compare(&self, restore: &Restore, loaded: &Loaded) -> Result<Option<Comparison>, OpsError> {
        if !self.verify {
            return Ok(None);
        }
        let copy = restore.inside();
        let mut comparison = Comparison::default();
        let bytes = self.backup.facts.tables.iter().map(|table| table.rows.bytes).sum();
        self.progress.begin("verify", Expected::bytes(bytes));
        compare::tables(&copy, &self.backup, self.jobs, &self.progress, &mut comparison).await?;
        compare::sequences(&copy, &self.backup, &loaded.sequences, &mut comparison).await?;
        if !self.no_owner {
            // their owners and privileges are part of their fingerprint
            compare::large_objects(&copy, &self.backup, &mut comparison).await?;
        }
        Ok(Some(comparison))
    }

    /// Gives the complete database its name; returns the name of the one that had it. If that fails, nothing is lost: the
    /// database stays under its temporary name, and the error says so.
    async fn take_name(
        &self,
        admin: &Session,
        temporary: &str,
        plan: &IntoPlan,
    ) -> Result<Option<String>, OpsError> {
        let name = &self.database;
        let kept = |error: unisys_db::DbError| {
            OpsError::Refused(format!(
                "the restored database is complete, but could not take the name {name}: {}; it is kept as {temporary}",
                compare::chain(&error)
            ))
        };
        let Some(existing) = &plan.existing else {
            rename(admin, temporary, name, None).await.map_err(kept)?;
            return Ok(None);
        };
        let aside = existing.kept_as.clone().unwrap_or_else(|| format!("{temporary}_empty"));
        if self.disconnect {
            set_connectable(admin, name, false).await.map_err(kept)?;
        }
        let renamed = rename(admin, temporary, name, Some(&aside)).await;
        if self.disconnect {
            let old = if renamed.is_ok() { &aside } else { name };
            set_connectable(admin, old, true).await.map_err(kept)?;
        }
        renamed.map_err(kept)?;
        if existing.kept_as.is_none() && drop_if_empty(admin, &aside).await? {
            return Ok(None);
        }
        Ok(Some(aside))
    }
}

/// Drops a database that is still empty; somebody may have begun to fill it meanwhile.
async fn drop_if_empty(admin: &Session, name: &str) -> Result<bool, OpsError> {
    let inside = Session::open(&admin.target().with_database(name)).await?;
    let objects = count_user_objects(&inside).await?;
    inside.close().await;
    if objects == 0 {
        let sql = format!("drop database {}", quote_ident(name));
        admin.batch_execute(&sql).await.map_err(admin.doing("drop the empty database"))?;
    }
    Ok(objects == 0)
}

pub(super) fn private_directory(parent: &std::path::Path) -> Result<tempfile::TempDir, OpsError> {
    std::fs::create_dir_all(parent).map_err(OpsError::io("create", parent))?;
    let made = tempfile::Builder::new().prefix("unisys-dba-restore-").tempdir_in(parent);
    made.map_err(OpsError::io("make a private directory in", parent))
}
