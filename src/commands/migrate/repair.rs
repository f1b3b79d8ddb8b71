//! `migrate repair`: the history is made to agree with the files, with a reason.

use unisys_db::migrate::{self, MigrationSet, Repair};
use unisys_db::{Session, Target};

use super::{explain, options};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Make the history agree with the files, where you say that the files are right; nothing of a migration is run
///
/// The rows are changed in one transaction, all or none, and the log (ops.migration_log) says who did it, when, why, and what
/// was there before.
#[derive(clap::Args)]
#[group(skip)]
#[command(override_usage = "unisys-dba migrate repair --reason <TEXT> [OPTIONS]")]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true)))]
pub(crate) struct Args {
    /// Accept a file that was changed after it was applied, as it is now
    ///
    /// For a change that does nothing, such as a comment. What else was changed in it never reaches this database: bring the
    /// file back, and put the change into a new one.
    #[arg(long, value_name = "VERSION", value_delimiter = ',', value_parser = version, group = "what")]
    accept_checksum: Vec<i32>,
    /// Forget that a migration was applied whose file is gone for good
    ///
    /// What it did to the database stays. A file of that version that comes back is applied again, or refused as out of order.
    #[arg(long, value_name = "VERSION", value_delimiter = ',', value_parser = version, group = "what")]
    forget: Vec<i32>,
    /// Why, for the log
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    reason: String,
    /// Show what would be changed, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

/// `V0007`, `V7` or `7`.
fn version(text: &str) -> Result<i32, String> {
    let digits = text.strip_prefix(['V', 'v']).unwrap_or(text);
    match digits.parse() {
        Ok(version) if version > 0 => Ok(version),
        _ => Err("a version is a number from 1 on, such as V7".into()),
    }
}

pub(crate) async fn run(
    args: &Args,
    target: &Target,
    set: &MigrationSet,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let accepted = args.accept_checksum.iter().copied().map(Repair::AcceptChecksum);
    let asked: Vec<Repair> = accepted.chain(args.forget.iter().copied().map(Repair::Forget)).collect();
    let session = Session::open(target).await?;
    let plan = migrate::plan_repair(&session, set, &asked).await.map_err(explain)?;
    session.close().await;
    let mut shown = view::repair::Repaired { outcome: "planned", reason: &args.reason, plan: &plan };
    if args.dry_run {
        shown.show(ui)?;
        return Ok(Exit::Done);
    }
    shown.announce(ui);
    if !ui.confirm(&format!("Write this into the history of {target}?"), args.yes).await? {
        return Ok(Exit::Done);
    }
    migrate::repair(target, set, &asked, &plan, &args.reason, &options(ctx)).await.map_err(explain)?;
    shown.outcome = "repaired";
    shown.show(ui)?;
    Ok(Exit::Done)
}
