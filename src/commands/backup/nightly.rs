//! What a night needs besides a backup: a drill, when the newest proof is too old. One that fails takes nothing from the backup.

use std::sync::Arc;
use std::time::Instant;

use chrono::Utc;
use unisys_ops::backup;
use unisys_ops::drill::DrillRecord;
use unisys_ops::freshness;
use unisys_ops::memory::Run;

use super::run::Finished;
use super::serve::Shared;
use crate::commands::drill;
use crate::commands::pick::Picked;
use crate::context::{Context, Selection};
use crate::failure::Failure;
use crate::service::{Done, Drilled, Subject};
use crate::ui::Ui;

/// Drills a new backup where that is due; what goes wrong is a later step that failed.
pub(super) async fn drill(
    ctx: &Context,
    selection: &Selection<'_>,
    subject: &Subject<'_>,
    finished: &Finished,
    shared: &Shared,
    done: &mut Done,
    ui: &mut Ui,
) -> Option<DrillRecord> {
    let manifest = &finished.report.manifest;
    let (id, part) = (manifest.id.clone(), manifest.part());
    let due = match ctx.store(selection) {
        Ok(store) => {
            let picked = Picked { store, id };
            due(ctx, selection, &picked, part.as_deref(), ui).await.map(|due| due.then_some(picked))
        }
        Err(failure) => Err(failure),
    };
    match due {
        Ok(Some(picked)) => prove(&picked, ctx, selection, subject, shared, done, ui).await,
        Ok(None) => None,
        Err(failure) => {
            later(done, ui, format!("whether a drill is due could not be found out: {}", failure.error));
            None
        }
    }
}

/// Whether the newest proof of this database, or of this part of it, is too old. Without a key, drills are another machine's work.
async fn due(
    ctx: &Context,
    selection: &Selection<'_>,
    picked: &Picked,
    part: Option<&str>,
    ui: &Ui,
) -> Result<bool, Failure> {
    let Some(every) = ctx.settings.drill.every else { return Ok(false) };
    let (store, trust, now) = (Arc::clone(&picked.store), ctx.trust()?, ctx.now);
    let mut backups = tokio::task::spawn_blocking(move || backup::list(&*store, &trust, now)).await??;
    backups.retain(|backup| backup.id.database_slug() == picked.id.database_slug());
    if !freshness::drill_is_due(&backups, part, every.0, ctx.now) {
        return Ok(false);
    }
    if !ctx.has_identities(selection) {
        ui.warning("a drill is due, and this machine has no identity: set drill.identities, or drill.every = \"\" where another one drills");
        return Ok(false);
    }
    Ok(true)
}

/// Drills the new backup, once the drills of other databases are done.
async fn prove(
    picked: &Picked,
    ctx: &Context,
    selection: &Selection<'_>,
    subject: &Subject<'_>,
    shared: &Shared,
    done: &mut Done,
    ui: &mut Ui,
) -> Option<DrillRecord> {
    let waiting = Instant::now();
    let _port = shared.port.lock().await;
    done.waited += waiting.elapsed();
    ui.status(format!("No proof is young enough: {} is drilled", picked.id));
    let begun = Instant::now();
    let options = ctx.identities(selection, &[]).and_then(|keys| drill::default_options(ctx, ui, keys));
    let drilled = match options {
        Ok(options) => drill::prove(subject, picked, &options, ui).await,
        Err(failure) => Err(failure),
    };
    match drilled {
        Ok((record, drilled)) => {
            done.drilled = drilled.drilled;
            match record.differences.first() {
                Some(difference) => {
                    later(done, ui, format!("the drill of {} failed: {difference}", picked.id));
                }
                // what failed beside it was told when it did
                None => drilled.problems.into_iter().for_each(|problem| done.later(problem)),
            }
            Some(record)
        }
        Err(failure) => {
            let causes = failure.causes().into_iter();
            let text = causes.fold(failure.error.to_string(), |text, cause| format!("{text}: {cause}"));
            later(done, ui, format!("the drill could not be done: {text}"));
            let run = Run {
                ended: Utc::now(),
                seconds: begun.elapsed().as_secs_f64(),
                exit: failure.exit as u8,
                success: false,
            };
            done.drilled = Some(Drilled { run, took: None });
            None
        }
    }
}

/// Tells of a later step that failed, and keeps it.
fn later(done: &mut Done, ui: &Ui, problem: String) {
    ui.warning(&problem);
    done.later(problem);
}
