//! `migrate rehearse`: what is pending, applied to a restored backup.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use unisys_db::Target;
use unisys_db::migrate::MigrationSet;
use unisys_ops::rehearsal::{self, Outcome, RehearsalError};

use crate::commands::drill::default_options;
use crate::commands::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Apply what is pending to the newest proven backup, restored on port 5333, and report what that does
///
/// As the login that will apply it, with the rights the backup has for it. Time, locks with their modes and how long each was
/// held, rows and sizes before and after. The server is removed again, also
/// when this program is killed; the database itself is not touched. Exit 4 when a migration fails.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The backup: its name, the start of it, or "latest" [default: the newest proven one]
    backup: Option<String>,
    /// File with identities to decrypt with [default: drill.identities]
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Parallel sessions [default: drill.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

pub(crate) async fn run(
    args: &Args,
    target: &Target,
    set: &MigrationSet,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let database = ctx.selection()?;
    // a file that would be refused need not wait for a restore; without the database itself, the copy tells
    if let Ok(plan) = super::planned(target, set).await
        && !plan.broken().is_empty()
    {
        view::plan::plan(ui, &plan)?;
        return Ok(Exit::Bad);
    }
    let picked = match &args.backup {
        Some(text) => pick::pick(ctx, ui, text)?,
        None => pick::newest_proven(ctx, ui, &database)?,
    };
    let mut options = default_options(ctx, ui, ctx.identities(&database, &args.identity)?)?;
    options.jobs = args.jobs.map_or(options.jobs, NonZeroUsize::get);
    let report =
        rehearsal::run(&*picked.store, &picked.id, &options, set, &super::options(ctx), &target.user).await;
    let report = report.map_err(|error| match error {
        RehearsalError::Ops(error) => explain::with_doctor(error),
        RehearsalError::Migrate(error) => super::explain(error),
        RehearsalError::Verify(error) => Failure::from(error),
    })?;
    view::rehearsal::report(ui, &report)?;
    if !report.grants.is_empty() {
        ui.hint(format!("Let a superuser run this first:\n{};", report.grants.join(";\n")));
    }
    ui.hint(match report.outcome {
        Outcome::Rehearsed => "Apply it to the database itself: unisys-dba migrate up",
        Outcome::NothingPending => "A newer backup, or one of an older database, may lack some: name it.",
        Outcome::Failed => "Remove the cause, and rehearse again. The database itself is untouched.",
    });
    Ok(if report.outcome == Outcome::Failed { Exit::Bad } else { Exit::Done })
}
