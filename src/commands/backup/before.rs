//! The backup before a change that may have to be taken back.

use std::num::NonZeroUsize;

use unisys_ops::backup::BackupId;
use unisys_ops::retention::Pin;

use super::run::{Args, stand_back};
use super::serve::{Shared, serve};
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::service;
use crate::ui::Ui;

/// Backs a database up as `backup run` does, and pins the backup until a newer one is proven.
///
/// # Errors
/// No backup was made, or it holds a part of the database only: there is nothing whole to go back to.
pub(crate) async fn before_a_change(
    ctx: &Context,
    database: &Selection<'_>,
    reason: &str,
    ui: &mut Ui,
) -> Result<BackupId, Failure> {
    stand_back(ctx, ui);
    let (made, news) = serve(&Args::default(), ctx, database, &Shared::new(NonZeroUsize::MIN), ui).await;
    let exit = made.as_ref().map_or_else(|failure| failure.exit, |made| made.exit);
    let exit = service::tell_of(&news, exit, ctx, ui).await;
    let manifest = made?.finished.report.manifest;
    if exit == Exit::Later {
        ui.warning("The backup is complete, a step after it failed.");
    }
    if let Some(part) = manifest.part() {
        return Err(Failure::new(format!(
            "the backup {} holds a part of the database only: {part}",
            manifest.id
        ))
        .hint("Take the selection out of the configuration for this."));
    }
    let pin = Pin::new(ctx.now, Some(reason.to_owned())).until_proven();
    pin.write(&*ctx.store(database)?, &manifest.id)?;
    ui.status(format!("backup {} is pinned until a newer one is proven", manifest.id));
    Ok(manifest.id)
}
