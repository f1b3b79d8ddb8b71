//! `backup run`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use unisys_db::Target;
use unisys_db::snapshot::SnapshotOptions;
use unisys_ops::backup::{self, BackupOptions, BackupReport};
use unisys_ops::keys::Recipient;

use super::nightly;
use crate::commands::signature;
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::service::{self, Done, Subject};
use crate::settings::{Layout, Operation, Ranges};
use crate::ui::Ui;
use crate::view;

/// Back up a database: one moment of it, encrypted, in parallel
///
/// Nothing is written to the database. The backup counts as proven once `unisys-dba drill` has restored it.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
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
    /// Also do what a night needs: a drill, when the newest proof is older than drill.every
    #[arg(long)]
    nightly: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let selection = ctx.selection()?;
    let subject = Subject::of(ctx, &selection);
    service::told(Operation::Backup, &subject, ui, async |ui: &mut Ui| match args.nightly {
        true => nightly::run(&args, ctx, &selection, &subject, ui).await,
        false => {
            let (report, done) = back_up(&args, ctx, &selection, &subject, ui).await?;
            view::backup::made(ui, &report, &done.problems)?;
            ui.hint(format!("Prove it: unisys-dba drill {}", report.manifest.id));
            Ok(done)
        }
    })
    .await
}

/// Makes a backup between its hooks. Nothing is answered yet.
pub(super) async fn back_up(
    args: &Args,
    ctx: &Context,
    selection: &Selection<'_>,
    subject: &Subject<'_>,
    ui: &mut Ui,
) -> Result<(BackupReport, Done), Failure> {
    let mut made = None;
    let done = service::hooked(Operation::Backup, subject, ui, async |ui: &mut Ui| {
        let recipients = ctx.recipients(selection)?;
        let target = ctx.target(selection, ui)?;
        let store = ctx.store(selection)?;
        let signing = signature::own_key(ctx, ui)?;
        let options = BackupOptions { signing, ..options(args, ctx, ui, target, recipients) };
        let report = backup::run(&*store, options).await;
        let report = report.map_err(explain::with_doctor)?;
        report.manifest.warnings.iter().for_each(|warning| ui.warning(warning));
        let done = Done {
            exit: Exit::Done,
            document: serde_json::to_value(view::backup::Made::of(&report, &[]))?,
            problems: Vec::new(),
            drilled: None,
        };
        made = Some(report);
        Ok(done)
    })
    .await?;
    let report = made.ok_or_else(|| Failure::new("no backup was made"))?;
    Ok((report, done))
}

/// Returns the options of a backup as the settings have them.
pub(crate) fn default_options(
    ctx: &Context,
    ui: &Ui,
    target: Target,
    recipients: Vec<Recipient>,
) -> BackupOptions {
    options(&Args::default(), ctx, ui, target, recipients)
}

/// Returns the options of a backup as flags and settings have them.
fn options(args: &Args, ctx: &Context, ui: &Ui, target: Target, recipients: Vec<Recipient>) -> BackupOptions {
    let settings = &ctx.settings.backup;
    BackupOptions {
        target,
        search: ctx.search(),
        recipients,
        signing: None,
        layout: args.layout.unwrap_or(settings.layout).into(),
        ranges: args.ranges.unwrap_or(settings.ranges).into(),
        jobs: args.jobs.unwrap_or(settings.jobs).get(),
        level: settings.compression_level,
        snapshot: SnapshotOptions {
            lock_timeout: settings.lock_timeout.0,
            attempts: settings.lock_attempts.get(),
        },
        adopt: args.adopt,
        made_by: crate::cli::VERSION.into(),
        progress: Arc::from(ui.progress()),
    }
}
