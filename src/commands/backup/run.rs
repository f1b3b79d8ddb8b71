//! `backup run`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use secrecy::SecretString;
use unisys_db::Target;
use unisys_db::snapshot::SnapshotOptions;
use unisys_ops::backup::{self, BackupOptions};
use unisys_ops::keys::{self, Recipient};

use crate::commands::signature;
use crate::context::Context;
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::settings::{Layout, Ranges};
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
    /// Let a passphrase open it, too; without backup.passphrase-command or -file you type it, twice
    #[arg(long)]
    passphrase: bool,
    /// Take over a store that holds backups of this database from another server
    #[arg(long)]
    adopt: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let selection = ctx.selection()?;
    let recipients = match args.passphrase {
        true => ctx.recipients_if_any(&selection)?,
        false => ctx.recipients(&selection)?,
    };
    let target = ctx.target(&selection, ui)?;
    let store = ctx.store(&selection)?;
    let passphrase = ctx.new_passphrase(args.passphrase).await?;
    warn_of_short(passphrase.as_ref(), ui);
    let signing = signature::own_key(ctx, ui)?;
    let options = BackupOptions { passphrase, signing, ..options(&args, ctx, ui, target, recipients) };
    let report = backup::run(&*store, options).await;
    let report = report.map_err(explain::with_doctor)?;
    view::backup::made(ui, &report)?;
    report.manifest.warnings.iter().for_each(|warning| ui.warning(warning));
    ui.hint(format!("Prove it: unisys-dba drill {}", report.manifest.id));
    Ok(Exit::Done)
}

/// Warns of a passphrase that whoever gets a backup may guess.
pub(crate) fn warn_of_short(passphrase: Option<&SecretString>, ui: &Ui) {
    if passphrase.is_some_and(keys::is_short) {
        ui.warning("The passphrase is short: it can be guessed by whoever gets a backup. Five random words are enough.");
    }
}

/// Returns the options of a backup as the settings have them, without a passphrase.
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
        passphrase: None,
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
