//! `migrate rollback`: back to an earlier version, by down scripts or by the backup that was taken before.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use unisys_db::migrate::{self, Event, MigrationSet, RollbackPlan, Way};
use unisys_db::{Session, Target};
use unisys_ops::changes::Changes;
use unisys_ops::restore::{IntoServer, OpenBackup};

use super::{explain, options};
use crate::commands::{pick, restore};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Go back to an earlier version: by down scripts, else by the backup that `migrate up` took before
///
/// A down script runs as its migration did, and leaves what was written since as far as it can. The backup is restored into a
/// new database, compared, and takes the name; the one before is kept under another, with everything in it. What was written
/// since the backup is listed before you agree.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The version to go back to, 0 for none [default: the one before the newest]
    #[arg(long, value_name = "VERSION", value_parser = clap::value_parser!(i32).range(0..))]
    to: Option<i32>,
    /// By the backup, even where there are down scripts
    #[arg(long)]
    restore: bool,
    /// End the sessions that use the database
    #[arg(long)]
    disconnect: bool,
    /// File with identities to decrypt the backup with [default: drill.identities]
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Parallel sessions [default: restore.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Show the plan with what would be lost, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(
    args: &Args,
    target: &Target,
    set: &MigrationSet,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let session = Session::open(target).await?;
    let plan = migrate::plan_rollback(&session, set, args.to, args.restore).await.map_err(explain)?;
    session.close().await;
    match &plan.way {
        Way::Down => down(args, target, set, &plan, ctx, ui).await,
        Way::Restore { backup } => by_backup(args, target, &plan, backup, ctx, ui).await,
        Way::None { reason } => Err(Failure::new(format!("there is no way back to version {}: {reason}", plan.to))
            .hint("Write a down script (migrations/README.md), a migration that goes on from here, or restore a backup.")),
    }
}

async fn down(
    args: &Args,
    target: &Target,
    set: &MigrationSet,
    plan: &RollbackPlan,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let planned = view::rollback::Planned { outcome: "planned", plan, restore: None, lost: None };
    if args.dry_run {
        planned.show(ui)?;
        return Ok(Exit::Done);
    }
    planned.announce(ui);
    let question = format!("Take {} migrations of {target} back?", plan.undo.len());
    if !ui.confirm(&question, args.yes).await? {
        return Ok(Exit::Done);
    }
    let tell = |event: &Event<'_>| view::migrate::step(ui, event);
    migrate::down(target, set, plan, &options(ctx), &tell).await.map_err(explain)?;
    view::rollback::done(ui, plan, None)?;
    Ok(Exit::Done)
}

async fn by_backup(
    args: &Args,
    target: &Target,
    plan: &RollbackPlan,
    id: &str,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let selection = ctx.selection()?;
    let picked = pick::pick(ctx, ui, id)?;
    let identities = ctx.identities(&selection, &args.identity)?;
    let backup = OpenBackup::open(&*picked.store, &picked.id, identities, &ctx.trust()?);
    let backup = Arc::new(backup.map_err(restore::explain)?);
    let into = IntoServer {
        replace: true,
        disconnect: args.disconnect,
        verify: true,
        ..restore::whole(Arc::clone(&backup), target.clone(), args.jobs, ctx, ui)
    };
    let lost = Changes::since(&backup, target, into.jobs, &into.progress).await?;
    let restore_plan = into.plan().await.map_err(restore::explain)?;
    let outcome = if restore_plan.obstacles.is_empty() { "planned" } else { "refused" };
    let planned = view::rollback::Planned { outcome, plan, restore: Some(&restore_plan), lost: Some(&lost) };
    if args.dry_run {
        planned.show(ui)?;
        return Ok(if restore_plan.obstacles.is_empty() { Exit::Done } else { Exit::Failed });
    }
    planned.announce(ui);
    restore::refuse(&restore_plan.database, &restore_plan.obstacles)?;
    let question = format!("Restore {id} in the place of {}?", target.database);
    if !ui.confirm(&question, args.yes).await? {
        return Ok(Exit::Done);
    }
    let restored = into.run(&restore_plan).await.map_err(restore::explain)?;
    if !restored.differences.is_empty() {
        return Err(Failure::new(format!(
            "the restored copy differs from its backup: {}; {} is as it was",
            restored.differences[0], target.database
        ))
        .exit(Exit::Bad)
        .hint(format!("Look at the copy, which is kept as {}, and drop it.", restored.database)));
    }
    view::rollback::done(ui, plan, Some(&restored))?;
    if let Some(old) = &restored.kept_as {
        ui.hint(format!("When you have what you need of it: drop database {};", unisys_db::quote_ident(old)));
    }
    Ok(Exit::Done)
}
