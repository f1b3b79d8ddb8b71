//! `roles undo`: a change of roles, taken back.

use unisys_db::roles::{self, ApplyEvent};
use unisys_db::{Session, Target};

use super::apply::options;
use super::next_step::explain;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Take a change of roles back, or list the changes there were
///
/// It is taken back only when everything is still as it left it, in one transaction, and committed only when everything is then
/// as it was before. The undo is a change of its own, and can be taken back as well. A retired role does not come back.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The change [default: list them]
    #[arg(value_name = "ID", value_parser = clap::value_parser!(i64).range(1..))]
    id: Option<i64>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Take it back without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: &Args, target: &Target, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let session = Session::open(target).await?;
    let Some(id) = args.id else {
        let records = roles::records(&session).await.map_err(explain)?;
        session.close().await;
        view::roles::undo::list(ui, &records)?;
        return Ok(Exit::Done);
    };
    let plan = roles::plan_undo(&session, id).await.map_err(explain)?;
    session.close().await;
    if args.dry_run {
        view::roles::undo::planned(ui, &plan)?;
        return Ok(Exit::Done);
    }
    view::roles::undo::announce(ui, &plan);
    let question = format!("Take change {id} of {target} back by {} statements?", plan.changes.len());
    if !ui.confirm(&question, args.yes).await? {
        return Ok(Exit::Done);
    }
    let tell = |event: &ApplyEvent<'_>| view::roles::apply::step(ui, event);
    let applied = roles::undo(target, &plan, &options(ctx), &tell).await.map_err(explain)?;
    view::roles::undo::done(ui, id, &applied)?;
    Ok(Exit::Done)
}
