//! `migrate`: the schema of a database, version by version.

mod explain;
mod rehearse;
mod repair;
mod rollback;

use std::path::{Path, PathBuf};

use unisys_db::migrate::{self, Event, MigrateError, MigrationSet, UpOptions};
use unisys_db::{Session, Target};
use unisys_ops::platform;

pub(crate) use explain::explain;

use super::backup;
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Database;
use crate::ui::Ui;
use crate::view;

/// Bring a database's schema up to date
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The directory of the migrations [default: the database's, migrate.dir, or the university's own]
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show what `up` would do: what is dangerous, whom it stops, who may what; exit 4 when it would be refused
    ///
    /// Nothing is changed, and the server enforces that; a login that may only read is enough, on a standby too.
    Plan,
    Up(UpArgs),
    /// Show which migrations are applied; exit 4 when one is pending or does not fit
    Status,
    Verify(VerifyArgs),
    Baseline(BaselineArgs),
    Repair(repair::Args),
    Rehearse(rehearse::Args),
    Rollback(rollback::Args),
}

/// Take a backup, then apply what is pending, each migration in a transaction of its own
///
/// The backup is pinned until a newer one is proven; `migrate rollback` goes back to it. A database without tables needs none.
/// On an empty database the owner roles and schema ops are made first. Several runs at once are safe: one works, the others
/// wait. A table's lock is waited for only briefly, and tried again: whoever uses the table does not queue behind a migration.
#[derive(clap::Args)]
struct UpArgs {
    /// Show the plan, and apply nothing
    #[arg(long)]
    dry_run: bool,
    /// Take no backup before, and write into the log why not
    #[arg(long, value_name = "REASON", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    no_backup: Option<String>,
    /// Apply without asking
    #[arg(long)]
    yes: bool,
}

/// Compare the history with the files; exit 4 when they differ
///
/// Finds files that were changed after they were applied, are missing, or came late, and rows of the history nobody wrote.
#[derive(clap::Args)]
struct VerifyArgs {
    /// Also run the verify scripts of what is applied, as this login, where nothing can be changed
    #[arg(long)]
    scripts: bool,
}

/// Declare an existing database to be at a version
///
/// The migrations up to it are written into the history and not run. A database that has a history is refused.
#[derive(clap::Args)]
struct BaselineArgs {
    /// The last version the database has already, such as 7
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    version: i32,
    /// Show what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Write without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let set = migrations(args.dir.as_deref(), ctx)?;
    let target = ctx.target(&ctx.selection()?, ui)?;
    match args.command {
        Command::Plan => {
            let plan = planned(&target, &set).await?;
            view::plan::plan(ui, &plan)?;
            Ok(if plan.broken().is_empty() { Exit::Done } else { Exit::Bad })
        }
        Command::Status => {
            let session = Session::open(&target).await?;
            let status = migrate::status(&session, &set).await?;
            session.close().await;
            view::migrate::status(ui, &status)?;
            Ok(if status.is_sound() && status.pending() == 0 { Exit::Done } else { Exit::Bad })
        }
        Command::Verify(args) => {
            let session = Session::open(&target).await?;
            let report = migrate::verify(&session, &set, args.scripts).await?;
            session.close().await;
            view::migrate::verify(ui, &report)?;
            Ok(if report.is_sound() { Exit::Done } else { Exit::Bad })
        }
        Command::Up(args) => up(&args, &target, &set, ctx, ui).await,
        Command::Rehearse(args) => rehearse::run(&args, &target, &set, ctx, ui).await,
        Command::Rollback(args) => rollback::run(&args, &target, &set, ctx, ui).await,
        Command::Repair(args) => repair::run(&args, &target, &set, ctx, ui).await,
        Command::Baseline(args) => baseline(&args, &target, &set, ctx, ui).await,
    }
}

/// Returns the migrations that are meant: of the directory given, the database's, the one for all, or the university's own.
fn migrations(dir: Option<&Path>, ctx: &Context) -> Result<MigrationSet, Failure> {
    let configured = || match ctx.selection()? {
        Selection::Configured { database: Database { migrations: Some(dir), .. }, .. } => {
            Ok(Some(dir.as_path()))
        }
        _ => Ok(ctx.settings.migrate.dir.as_deref()),
    };
    let set = match dir.map_or_else(configured, |dir| Ok::<_, Failure>(Some(dir)))? {
        Some(directory) => MigrationSet::from_dir(directory),
        None => MigrationSet::builtin(),
    };
    set.map_err(explain)
}

/// Returns how migrations are applied here.
pub(crate) fn options(ctx: &Context) -> UpOptions {
    let settings = &ctx.settings.migrate;
    UpOptions {
        wait: settings.wait.0,
        lock_timeout: settings.lock_timeout.0,
        lock_attempts: settings.lock_attempts.get(),
        host: platform::host_name(),
        ..UpOptions::default()
    }
}

async fn planned(target: &Target, set: &MigrationSet) -> Result<migrate::PlanReport, Failure> {
    let session = Session::open(target).await?;
    let plan = migrate::plan(&session, set).await.map_err(explain)?;
    session.close().await;
    Ok(plan)
}

async fn up(
    args: &UpArgs,
    target: &Target,
    set: &MigrationSet,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let plan = planned(target, set).await?;
    if args.dry_run || plan.pending.is_empty() {
        view::plan::plan(ui, &plan)?;
        return Ok(Exit::Done);
    }
    for migration in &plan.pending {
        ui.status(format!("pending: {}", migration.file));
    }
    let broken = plan.broken();
    if !broken.is_empty() {
        // the runner would refuse as well, but only after the backup
        return Err(explain(MigrateError::Rules(broken)));
    }
    let count = plan.pending.len();
    let (backs_up, why_not) = match &args.no_backup {
        Some(reason) => (false, Some(reason.clone())),
        None if !has_tables(target).await? => (false, Some("the database had no tables".into())),
        None => (true, None),
    };
    let question = match backs_up {
        true => format!("Take a backup and apply {count} migrations to {target}?"),
        false => format!("Apply {count} migrations to {target} without a backup?"),
    };
    if !ui.confirm(&question, args.yes).await? {
        return Ok(Exit::Done);
    }
    let mut options = UpOptions { no_backup: why_not, ..options(ctx) };
    if backs_up {
        let reason = format!("before migration {}", plan.pending[0].file);
        let id = backup::before_a_change(ctx, &ctx.selection()?, &reason, ui).await.map_err(|failure| {
            failure.hint("Nothing was migrated. To go without a backup, say --no-backup REASON.")
        })?;
        options.backup_id = Some(id.to_string());
    }
    let tell = |event: &Event<'_>| view::migrate::step(ui, event);
    let report = migrate::up(target, set, &options, &tell).await.map_err(|error| {
        let failure = explain(error);
        match &options.backup_id {
            Some(id) => failure.hint(format!("The backup of before is {id}.")),
            None => failure,
        }
    })?;
    view::migrate::applied(ui, &report, options.backup_id.as_deref())?;
    if options.backup_id.is_some() {
        ui.hint("Go back with `unisys-dba migrate rollback`, if this was wrong.");
    }
    Ok(Exit::Done)
}

async fn has_tables(target: &Target) -> Result<bool, Failure> {
    let session = Session::open(target).await?;
    let has_tables = migrate::has_tables(&session).await?;
    session.close().await;
    Ok(has_tables)
}

async fn baseline(
    args: &BaselineArgs,
    target: &Target,
    set: &MigrationSet,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    for file in set.iter().filter(|file| file.version() <= args.version) {
        ui.status(format!("counts as applied: {}", file.file()));
    }
    if args.dry_run {
        return Ok(Exit::Done);
    }
    let question = format!("Write this into the history of {target}, and run none of it?");
    if !ui.confirm(&question, args.yes).await? {
        return Ok(Exit::Done);
    }
    let report = migrate::baseline(target, set, args.version, &options(ctx)).await.map_err(explain)?;
    view::migrate::baseline(ui, &report)?;
    Ok(Exit::Done)
}
