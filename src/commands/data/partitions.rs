//! `data partitions`.

use std::time::Duration;

use chrono::NaiveDate;
use unisys_db::Session;
use unisys_db::audit::{self, AuditError, Step};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// How long a step waits for the locks it needs; whoever writes to the audit log waits behind it.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// See to the months of the audit log: make the next ones, drain the default one, detach old ones
///
/// Every month is a table of its own. Run it monthly at least: what is written in a month without one goes to the default
/// partition, and is moved by the next run. A detached month is kept, as a table, to be exported or dropped.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many months to have ready after this one
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=120))]
    ahead: u32,
    /// Detach months that were over before this day: YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    detach_before: Option<NaiveDate>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// Do it without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let target = ctx.target(&ctx.selection()?, ui)?;
    let session = Session::open(&target).await?;
    let state = audit::state(&session).await.map_err(explain)?;
    let steps = audit::plan(&state, args.ahead, args.detach_before);
    view::data::months(ui, &state, &steps)?;
    if args.dry_run || steps.is_empty() {
        return Ok(Exit::Done);
    }
    let leaving = steps.iter().filter(|step| matches!(step, Step::Detach { .. })).count();
    let question = match leaving {
        0 => format!("Make {} partitions in {target}?", steps.len()),
        leaving => format!("Make {} partitions in {target} and detach {leaving}?", steps.len() - leaving),
    };
    if !ui.confirm(&question, args.yes).await? {
        return Ok(Exit::Done);
    }
    for step in &steps {
        audit::apply(&session, step, LOCK_TIMEOUT).await.map_err(explain)?;
        ui.status(view::data::step_done(step));
    }
    Ok(Exit::Done)
}

fn explain(error: AuditError) -> Failure {
    let hint = match &error {
        AuditError::NoAuditLog => "Run `unisys-dba migrate up` first.",
        AuditError::Db(_) => "What was done before it stays; run this again when nothing long is writing.",
    };
    Failure::from(error).hint(hint)
}
