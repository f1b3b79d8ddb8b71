//! `backup run`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use unisys_db::Target;
use unisys_db::snapshot::SnapshotOptions;
use unisys_ops::backup::{self, BackupOptions, Limits};
use unisys_ops::keys::Recipient;
use unisys_ops::platform;

use crate::commands::signature;
use crate::context::Context;
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::settings::{Layout, Ranges, Size};
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
    /// Bytes a second to read from the server, such as 20MB [default: backup.max-rate]
    #[arg(long, value_name = "SIZE")]
    max_rate: Option<Size>,
    /// Take over a store that holds backups of this database from another server
    #[arg(long)]
    adopt: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let selection = ctx.selection()?;
    let recipients = ctx.recipients(&selection)?;
    let target = ctx.target(&selection, ui)?;
    let store = ctx.store(&selection)?;
    let signing = signature::own_key(ctx, ui)?;
    stand_back(ctx, ui);
    let options = BackupOptions { signing, ..options(&args, ctx, ui, target, recipients) };
    // held to the end of the command: what follows the backup is under them too
    let locks = backup::lock(&*store, &options).await.map_err(explain::with_doctor)?;
    let report = backup::run_locked(&*store, options, &locks).await.map_err(explain::with_doctor)?;
    view::backup::made(ui, &report)?;
    report.manifest.warnings.iter().for_each(|warning| ui.warning(warning));
    locks.release().await;
    ui.hint(format!("Prove it: unisys-dba drill {}", report.manifest.id));
    Ok(Exit::Done)
}

/// Lets others have processor and disks first, as configured. A system that cannot is no reason not to back up.
fn stand_back(ctx: &Context, ui: &Ui) {
    let settings = &ctx.settings.backup;
    let nice = (settings.nice > 0).then(|| platform::set_nice(settings.nice));
    let io = settings.ionice.map(platform::set_io_priority);
    for error in [nice, io].into_iter().flatten().filter_map(Result::err) {
        ui.warning(error.to_string());
    }
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
        limits: Limits {
            bytes_per_second: args.max_rate.or(settings.max_rate).map(|size| size.0),
            runtime: settings.max_runtime.map(|span| span.0),
            snapshot_age: settings.max_snapshot_age.map(|span| span.0),
            replication_lag: settings.max_replication_lag,
            network_timeout: settings.network_timeout.0.max(Duration::from_secs(1)),
            connect_wait: settings.connect_wait.0,
        },
        adopt: args.adopt,
        made_by: crate::cli::VERSION.into(),
        progress: Arc::from(ui.progress()),
    }
}
