//! A backup restored on a scratch server of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use unisys_db::catalog::{DatabaseFacts, Table};
use unisys_db::pattern::TablePattern;
use unisys_db::{Session, Target, inventory};

use super::DrillOptions;
use super::compare::{self, Comparison};
use super::schema;
use crate::OpsError;
use crate::backup::{BackupId, Selected};
use crate::keys::ProvedKeys;
use crate::program::{PgVersion, Programs};
use crate::progress::Expected;
use crate::restore::{LeaveOut, LoadAs, Loaded, OpenBackup, Partitions, Restore};
use crate::server::{Scratch, ScratchOptions, Server};
use crate::store::Store;

/// A restored backup on a running server. Dropped, or when this process dies, the server is stopped and removed.
pub struct RestoredCopy {
    restore: Restore,
    loaded: Loaded,
    scratch: Scratch,
}

impl RestoredCopy {
    /// Opens a backup and restores it on a scratch server.
    ///
    /// # Errors
    /// [`OpsError`]; [`OpsError::blames_the_backup`] says whether it tells something about the backup.
    pub async fn restore(store: &dyn Store, id: &BackupId, options: &DrillOptions) -> Result<Self, OpsError> {
        Self::restore_tables(store, id, options, &[]).await
    }

    /// As [`RestoredCopy::restore`], but with the rows, indexes and constraints of some tables alone, where patterns say so:
    /// there it is nothing to compare, because all other tables are empty.
    ///
    /// # Errors
    /// As [`RestoredCopy::restore`]; [`OpsError::Refused`] for a pattern that takes no table.
    pub async fn restore_tables(
        store: &dyn Store,
        id: &BackupId,
        options: &DrillOptions,
        patterns: &[TablePattern],
    ) -> Result<Self, OpsError> {
        options.progress.begin("open", Expected::UNKNOWN);
        let mut backup = OpenBackup::open(store, id, options.identities.clone(), &options.trust)?;
        backup.try_other_keys()?;
        let backup = Arc::new(backup);
        let partitions = Partitions::of(&backup.facts.inventory);
        let chosen = chosen(&backup, &partitions, patterns)?;
        let only = chosen.map(|tables| tables.iter().map(|table| table.oid).collect());
        let scratch = scratch(&backup, options).await?;
        let server = scratch.server();
        let restore = Restore {
            database: backup.facts.database.name.clone(),
            backup,
            // a cluster always has template1, and no backup replaces it
            target: server.target("template1"),
            programs: server.programs.clone(),
            run_as: options.user.clone(),
            directory: scratch.directory().to_owned(),
            load_as: LoadAs::Owner,
            leave_out: LeaveOut { subscriptions: true, ..LeaveOut::default() },
            only,
            jobs: options.jobs,
            progress: Arc::clone(&options.progress),
        };
        let loaded = restore.run().await?;
        Ok(Self { restore, loaded, scratch })
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        self.scratch.server()
    }

    /// Returns which keys have opened all that was read of the backup so far.
    pub fn proved_keys(&self) -> ProvedKeys {
        self.restore.backup.proved_keys()
    }

    /// Returns the backup it is of.
    pub(crate) fn backup(&self) -> &OpenBackup {
        &self.restore.backup
    }

    /// Returns the tables that have their rows, where not all do.
    pub(crate) fn only(&self) -> Option<Vec<&Table>> {
        let only = self.restore.only.as_ref()?;
        let tables = self.backup().facts.tables.iter().map(|facts| &facts.table);
        Some(tables.filter(|table| only.contains(&table.oid)).collect())
    }

    /// Returns the private directory that goes with the server.
    pub(crate) fn directory(&self) -> &Path {
        self.scratch.directory()
    }

    /// Returns the superuser's connection to the restored database.
    pub fn target(&self) -> Target {
        self.server().target(&self.restore.database)
    }

    /// Collects the planner's statistics, as a restore in earnest must, and returns the copy's size in bytes.
    ///
    /// # Errors
    /// [`OpsError::Db`]: an index's expression may fail.
    pub(crate) async fn analyze(&self) -> Result<u64, OpsError> {
        let item = self.restore.progress.start("analyze", Expected::UNKNOWN);
        let session = Session::open(&self.target()).await?;
        session.batch_execute("analyze").await.map_err(session.doing("analyze the copy"))?;
        session.close().await;
        item.finish();
        self.bytes().await
    }

    /// Returns the size of the copy in bytes, as it is now.
    ///
    /// # Errors
    /// [`OpsError::Db`].
    pub(crate) async fn bytes(&self) -> Result<u64, OpsError> {
        let session = Session::open(&self.target()).await?;
        let bytes = DatabaseFacts::load(&session).await?.bytes;
        session.close().await;
        Ok(bytes)
    }

    /// Compares the copy, as it is now, with the facts of its backup.
    ///
    /// # Errors
    /// [`OpsError`] when it could not be compared. Differences are no error.
    pub async fn compare(&self) -> Result<Comparison, OpsError> {
        let Restore { backup, jobs, progress, .. } = &self.restore;
        let copy = self.target();
        let mut comparison = Comparison::default();
        progress.begin("verify", Expected::bytes(backup.facts.tables.iter().map(|t| t.rows.bytes).sum()));
        let catalog = compare::catalog(&copy, backup).await?;
        compare::tables(&copy, backup, *jobs, progress, &mut comparison).await?;
        compare::sequences(&copy, backup, &self.loaded.sequences, &mut comparison).await?;
        compare::large_objects(&copy, backup, &mut comparison).await?;
        schema::compare(&self.restore, &copy, catalog, &mut comparison).await?;
        comparison.not_compared.extend(left_out(backup));
        Ok(comparison)
    }
}

/// Returns the tables with rows that patterns take, partitions with what they are of; nothing where there is no pattern.
pub(crate) fn chosen<'b>(
    backup: &'b OpenBackup,
    partitions: &Partitions,
    patterns: &[TablePattern],
) -> Result<Option<Vec<&'b Table>>, OpsError> {
    let tables = || backup.facts.tables.iter().map(|facts| &facts.table);
    for pattern in patterns {
        let names = tables().map(|table| &table.name).chain(partitions.parents().map(|(name, _)| name));
        if !names.into_iter().any(|name| pattern.matches(name)) {
            return Err(OpsError::Refused(format!(
                "no table of the backup is taken by {}",
                pattern.as_str()
            )));
        }
    }
    let taken = |table: &&Table| partitions.taken(patterns, &table.name);
    Ok((!patterns.is_empty()).then(|| tables().filter(taken).collect()))
}

/// Starts the scratch server: of the source's major version, with its bootstrap superuser's name.
async fn scratch(backup: &OpenBackup, options: &DrillOptions) -> Result<Scratch, OpsError> {
    let facts = &backup.facts.database;
    let programs = Programs::with_server(&options.search, Some(facts.major()))?;
    let dumped_by = PgVersion::parse(&backup.manifest.pg_dump_version);
    if dumped_by.is_some_and(|dumped_by| dumped_by.major > programs.version().major) {
        return Err(OpsError::ProgramMissing(format!(
            "the archives were written by pg_dump {}, which pg_restore {} cannot read",
            backup.manifest.pg_dump_version,
            programs.version()
        )));
    }
    let mut settings = vec![("allow_in_place_tablespaces".to_owned(), "on".to_owned())];
    if facts.major() >= 17 {
        // restored event triggers are somebody's code and must not run under the sessions that compare
        settings.push(("event_triggers".into(), "off".into()));
    }
    let scratch = ScratchOptions {
        programs,
        parent: options.parent.clone(),
        port: options.port,
        user: options.user.clone(),
        superuser: facts.bootstrap_role.clone(),
        settings,
    };
    let patience = Instant::now() + options.wait;
    loop {
        let options_of_this_try = scratch.clone();
        let started = tokio::task::spawn_blocking(move || Scratch::start(&options_of_this_try)).await;
        match started
            .unwrap_or_else(|_| Err(OpsError::Refused("the scratch server's thread was stopped".into())))
        {
            Err(OpsError::PortBusy { port }) if Instant::now() < patience => {
                options.progress.message(&format!("port {port} is in use, waiting"));
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            result => return result,
        }
    }
}

/// Returns what a logical backup does not hold, or a copy does not show.
fn left_out(backup: &OpenBackup) -> Vec<String> {
    let inventory = &backup.facts.inventory;
    let mut texts: Vec<String> = inventory
        .not_readable()
        .map(|(item, attribute)| {
            format!("{} {}: {attribute} was not readable to the backup's login", item.kind, item.name)
        })
        .collect();
    texts.extend(backup.facts.selection.iter().flat_map(Selected::not_compared));
    for (kind, text) in [
        (inventory::Kind::Subscription, "subscriptions: a copy must not subscribe to anything"),
        (inventory::Kind::ForeignTable, "rows of foreign tables: they are kept elsewhere"),
    ] {
        if inventory.items.iter().any(|item| item.kind == kind) {
            texts.push(text.to_owned());
        }
    }
    texts
}
