//! The copies of a backup, brought up to date after it is complete.

use std::sync::Arc;

use unisys_ops::OpsError;
use unisys_ops::backup::{self, BackupId, BackupReport, Copied, CopyOptions};
use unisys_ops::store::Store;

use crate::context::Context;
use crate::explain;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view::copies::{Behind, reason};

/// Copies the newest backups of a database to all its copies; one that fails keeps none of the others from it.
pub(crate) async fn update(
    ctx: &Context,
    ui: &Ui,
    store: &Arc<dyn Store>,
    copies: &[Arc<dyn Store>],
    report: &BackupReport,
    adopt: bool,
) -> Vec<Copied> {
    let mut all = Vec::new();
    if !copies.is_empty() {
        ui.status(format!("Backup {} is complete; now its copies.", report.manifest.id));
    }
    for copy in copies {
        let jobs = ctx.settings.backup.jobs.get();
        let options = CopyOptions { jobs, adopt, progress: Arc::from(ui.progress()) };
        let database = &report.manifest.database;
        all.push(backup::bring_up_to_date(&**store, &**copy, database, &options).await);
    }
    all
}

/// Says which copies are behind and why.
pub(crate) fn tell(ui: &Ui, copies: &[Copied]) {
    for copy in copies {
        let Some(failure) = &copy.failure else { continue };
        ui.warning(format!("not copied to {}: {}", copy.location, reason(failure)));
        if let Some(hint) = explain::of_ops(failure) {
            ui.hint(hint);
        }
    }
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
