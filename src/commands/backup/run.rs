//! `backup run`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use unisys_db::snapshot::SnapshotOptions;
use unisys_db::{Target, selection};
use unisys_ops::backup::{self, BackupOptions, DumpOptions, Standby};
use unisys_ops::doctor;
use unisys_ops::evidence::SigningKey;
use unisys_ops::keys::Recipient;
use unisys_ops::progress::Progress;
use unisys_ops::store::Store;

use super::run_all;
use super::selected::SelectedArgs;
use crate::commands::signature;
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::settings::{Layout, Ranges};
use crate::ui::Ui;
use crate::view;

/// Back up a database: one moment of it, encrypted, in parallel
///
/// Nothing is written to the database. The backup counts as proven once `unisys-dba drill` has restored it. What is left out
/// of it is in its manifest, and every drill and restore says so.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Every database of the configuration; one that fails stops no other
    #[arg(long)]
    all: bool,
    /// Databases worked on at once [default: backup.databases-at-once]
    #[arg(long, value_name = "N", requires = "all")]
    at_once: Option<NonZeroUsize>,
    /// Only say whether a backup would be complete; exit 4 when not
    #[arg(long)]
    lint_only: bool,
    /// Parallel sessions on the server [default: backup.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// How the rows are stored [default: backup.layout]
    #[arg(long, value_enum)]
    layout: Option<Layout>,
    /// Whether a table may be cut into ranges [default: backup.ranges]
    #[arg(long, value_enum)]
    ranges: Option<Ranges>,
    /// Take over a store that holds backups of this database from another server
    #[arg(long)]
    adopt: bool,
    #[command(flatten)]
    selected: SelectedArgs,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    if args.all {
        let at_once = args.at_once.unwrap_or(ctx.settings.backup.databases_at_once);
        return match args.lint_only {
            true => {
                Err(Failure::usage("--lint-only looks at one database")
                    .hint("Choose it with --database NAME."))
            }
            false => run_all::run(&args, at_once, ctx, ui).await,
        };
    }
    let database = ctx.selection()?;
    if args.lint_only {
        return lint(&args, &database, ctx, ui).await;
    }
    let (store, options) = prepare(&args, &database, ctx, ui)?;
    let report = backup::run(&*store, options(Arc::from(ui.progress()))).await;
    let report = report.map_err(explain::with_doctor)?;
    view::backup::made(ui, &report)?;
    report.manifest.warnings.iter().for_each(|warning| ui.warning(warning));
    ui.hint(format!("Prove it: unisys-dba drill {}", report.manifest.id));
    Ok(Exit::Done)
}

/// Returns the store of a database and what makes the options of its backup, once somebody is told how far it is.
///
/// # Errors
/// What is wrong with the configuration: nothing was started.
pub(super) fn prepare(
    args: &Args,
    database: &Selection<'_>,
    ctx: &Context,
    ui: &Ui,
) -> Result<(Arc<dyn Store>, impl FnOnce(Arc<dyn Progress>) -> BackupOptions + use<>), Failure> {
    let selected = args.selected.of(ctx, database)?;
    let recipients = ctx.recipients(database)?;
    let target = ctx.target(database, ui)?;
    let standby = ctx.standby(database, ui)?;
    let signing = signature::own_key(ctx, ui)?;
    let options = options(args, selected, ctx, Source { target, standby, recipients, signing });
    Ok((ctx.store(database)?, options))
}

/// Says whether a backup would be complete.
async fn lint(args: &Args, database: &Selection<'_>, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let (selection, _) = args.selected.of(ctx, database)?;
    let target = ctx.target(database, ui)?;
    let source = ctx.standby(database, ui)?.map_or(target, |standby| standby.target);
    let lint = doctor::lint(&source, &selection, &ctx.search()).await.map_err(explain::with_doctor)?;
    view::doctor::lint(ui, &lint)?;
    match lint.failure() {
        Some(_) => {
            ui.hint("Repair what FAILs, or leave it out; a backup will not be made without it.");
            Ok(Exit::Bad)
        }
        None => {
            ui.hint("Make the backup: unisys-dba backup run");
            Ok(Exit::Done)
        }
    }
}

/// Returns the options of a backup of the whole database as the settings have them.
pub(crate) fn default_options(
    ctx: &Context,
    ui: &Ui,
    target: Target,
    recipients: Vec<Recipient>,
) -> Result<BackupOptions, Failure> {
    let args = Args::default();
    let selected = args.selected.of(ctx, &Selection::Private)?;
    let source = Source { target, standby: None, recipients, signing: None };
    let options = options(&args, selected, ctx, source);
    Ok(options(Arc::from(ui.progress())))
}

/// What is read, who can open what is made of it, and who vouches for it.
struct Source {
    target: Target,
    standby: Option<Standby>,
    recipients: Vec<Recipient>,
    signing: Option<SigningKey>,
}

/// Returns the options of a backup as flags and settings have them.
fn options(
    args: &Args,
    (selection, dump_options): (selection::Selection, DumpOptions),
    ctx: &Context,
    Source { target, standby, recipients, signing }: Source,
) -> impl FnOnce(Arc<dyn Progress>) -> BackupOptions + use<> {
    let settings = &ctx.settings.backup;
    let (search, adopt) = (ctx.search(), args.adopt);
    let (layout, ranges) = (args.layout.unwrap_or(settings.layout), args.ranges.unwrap_or(settings.ranges));
    let (jobs, level) = (args.jobs.unwrap_or(settings.jobs).get(), settings.compression_level);
    let snapshot =
        SnapshotOptions { lock_timeout: settings.lock_timeout.0, attempts: settings.lock_attempts.get() };
    move |progress| BackupOptions {
        target,
        standby,
        selection,
        dump_options,
        search,
        recipients,
        signing,
        layout: layout.into(),
        ranges: ranges.into(),
        jobs,
        level,
        snapshot,
        adopt,
        made_by: crate::cli::VERSION.into(),
        progress,
    }
}
