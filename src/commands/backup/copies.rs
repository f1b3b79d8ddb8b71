//! The copies of a backup, brought up to date after it is complete.

use std::sync::Arc;

use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupId, BackupReport, Copied, CopyOptions};
use unisys_ops::evidence::Trust;
use unisys_ops::retention::Rules;
use unisys_ops::store::Store;

use super::retention;
use crate::context::Context;
use crate::explain;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view::copies::{Behind, reason};
use crate::view::prune::DatabaseReport;

/// Where a backup is copied to, and how.
pub(super) struct Copies {
    pub(super) stores: Vec<Arc<dyn Store>>,
    /// What stays in them, and whose proofs count for that; nothing where no pruning is wanted.
    pub(super) rules: Option<(Rules, Trust)>,
    pub(super) jobs: usize,
    pub(super) check_space: bool,
    pub(super) adopt: bool,
}

/// What became of one copy.
pub(crate) struct Followed {
    pub(crate) copied: Copied,
    /// Nothing where no pruning was wanted, or the copy has not got the new backup.
    pub(crate) pruned: Option<DatabaseReport>,
}

impl Copies {
    /// Copies the newest backups of a database to each of its copies, and prunes that; one that fails keeps none of the others
    /// from it.
    ///
    /// # Errors
    /// The pruning panicked; what else goes wrong is in what is returned.
    pub(super) async fn update(
        &self,
        ui: &Ui,
        store: &Arc<dyn Store>,
        BackupReport { manifest, .. }: &BackupReport,
    ) -> Result<Vec<Followed>, Failure> {
        let mut all = Vec::new();
        if !self.stores.is_empty() {
            ui.status(format!("Backup {} is complete; now its copies.", manifest.id));
        }
        for copy in &self.stores {
            let options = CopyOptions {
                jobs: self.jobs,
                check_space: self.check_space,
                adopt: self.adopt,
                progress: Arc::from(ui.progress()),
            };
            let copied = backup::bring_up_to_date(&**store, &**copy, &manifest.database, &options).await;
            // a copy that just failed is not waited for once more
            let reached = !matches!(copied.failure, Some(OpsError::Bucket { .. }));
            let pruned = match self.rules.clone().filter(|_| reached) {
                None => None,
                Some((rules, trust)) => {
                    let (store, copy, manifest) = (Arc::clone(store), Arc::clone(copy), manifest.clone());
                    let prune = move || retention::after_copying(&store, &*copy, &rules, &trust, &manifest);
                    tokio::task::spawn_blocking(prune).await?
                }
            };
            all.push(Followed { copied, pruned });
        }
        Ok(all)
    }
}

/// Says which copies are behind and why; returns the same, a sentence each.
pub(crate) fn tell(ui: &Ui, copies: &[Followed]) -> Vec<String> {
    let mut problems = Vec::new();
    for Followed { copied: copy, .. } in copies {
        let Some(failure) = &copy.failure else { continue };
        let problem = format!("not copied to {}: {}", copy.location, reason(failure));
        ui.warning(&problem);
        problems.push(problem);
        if let Some(hint) = explain::of_ops(failure) {
            ui.hint(hint);
        }
    }
    problems
}

/// Returns how far all copies of the databases a command works on are behind. One that cannot be asked says so.
///
/// # Errors
/// As [`Context::selection`], when a database is named.
pub(crate) fn behind(ctx: &Context, ui: &Ui) -> Result<Vec<Behind>, Failure> {
    let mut all = Vec::new();
    for selection in ctx.selections()? {
        let copies = ctx.copies(&selection)?;
        if copies.is_empty() {
            continue;
        }
        let database = ctx.database_name(&selection, ui)?;
        let slug = BackupId::slug(&database);
        let of_it = |store: &dyn Store| -> Result<Vec<BackupId>, OpsError> {
            let mut ids = store.ids()?;
            ids.retain(|id| id.database_slug() == slug);
            Ok(ids)
        };
        let source = of_it(&*ctx.store(&selection)?)?;
        for copy in copies {
            let lag = of_it(&*copy).map(|there| backup::lag(&source, &there));
            all.push(Behind::of(&database, copy.location(), lag));
        }
    }
    Ok(all)
}
