//! `backup pin` and `backup unpin`.

use unisys_ops::retention::Pin;

use crate::commands::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Keep a backup, whatever the rules say, until it is unpinned
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its name, the start of it, the moment's from the day on, or "latest"
    #[arg(value_name = "BACKUP")]
    backup: String,
    /// Why, for those who find it pinned
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only until a newer backup of the same database is proven
    #[arg(long)]
    until_proven: bool,
}

/// Let the rules decide about a backup again
#[derive(clap::Args)]
pub(crate) struct UnpinArgs {
    /// Its name, the start of it, the moment's from the day on, or "latest"
    #[arg(value_name = "BACKUP")]
    backup: String,
}

pub(crate) fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let picked = pick::pick(ctx, ui, &args.backup)?;
    let pin = Pin::new(ctx.now, args.reason.filter(|reason| !reason.trim().is_empty()));
    let pin = if args.until_proven { pin.until_proven() } else { pin };
    pin.write(&*picked.store, &picked.id)?;
    view::prune::pinned(ui, &picked.id, Some(&pin))?;
    ui.hint(format!("Let the rules decide again: unisys-dba backup unpin {}", picked.id));
    Ok(Exit::Done)
}

pub(crate) fn unpin(args: &UnpinArgs, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let picked = pick::pick(ctx, ui, &args.backup)?;
    if !Pin::remove(&*picked.store, &picked.id)? {
        ui.status(format!("{} was not pinned", picked.id));
    }
    // pins are copied with the backup
    for copy in ctx.all_copies()? {
        let location = copy.as_ref().map(|copy| copy.location()).ok();
        let unpinned = copy.and_then(|copy| Ok(Pin::remove(&*copy, &picked.id)?));
        if let Err(failure) = unpinned {
            let place = location.map(|location| format!(" in {location}")).unwrap_or_default();
            ui.warning(format!("a copy{place} may still be pinned: {}", failure.error));
        }
    }
    view::prune::pinned(ui, &picked.id, None)?;
    ui.hint("See what the rules make of it: unisys-dba backup prune --dry-run");
    Ok(Exit::Done)
}
