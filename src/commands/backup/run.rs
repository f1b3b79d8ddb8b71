//! `backup run`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use secrecy::SecretString;
use unisys_db::Target;
use unisys_db::snapshot::SnapshotOptions;
use unisys_ops::backup::{self, BackupOptions, Tag};
use unisys_ops::keys::{self, Recipient};

use super::{copies, retention};
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
    /// Word to find it by, for retention.keep-tags
    #[arg(long, value_name = "TAG")]
    tag: Vec<Tag>,
    /// Remove no older backups afterwards, whatever retention.prune says
    #[arg(long)]
    no_prune: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let selection = ctx.selection()?;
    let recipients = match args.passphrase {
        true => ctx.recipients_if_any(&selection)?,
        false => ctx.recipients(&selection)?,
    };
    let prunes = retention::is_automatic(ctx) && !args.no_prune;
    let rules = prunes.then(|| retention::rules_of(ctx, &selection)).transpose()?;
    let target = ctx.target(&selection, ui)?;
    let store = ctx.store(&selection)?;
    let copies = ctx.copies(&selection)?;
    let signing = signature::own_key(ctx, ui)?;
    let passphrase = ctx.new_passphrase(args.passphrase).await?;
    warn_of_short(passphrase.as_ref(), ui);
    let options = BackupOptions { signing, passphrase, ..options(&args, ctx, ui, target, recipients) };
    let made = backup::run_and_keep_lock(&*store, options).await;
    let (report, lock) = made.map_err(explain::with_doctor)?;
    let copies = copies::update(ctx, ui, &store, &copies, &report, args.adopt).await;
    let pruned = rules.map(|rules| retention::after_backup(&*store, &lock, &rules, &report.manifest));
    drop(lock);
    view::backup::made(ui, &report, &copies, pruned.as_ref())?;
    report.manifest.warnings.iter().for_each(|warning| ui.warning(warning));
    copies::tell(ui, &copies);
    ui.hint(format!("Prove it: unisys-dba drill {}", report.manifest.id));
    let mut exit = match copies.iter().all(|copy| copy.failure.is_none()) {
        true => Exit::Done,
        false => Exit::Later,
    };
    if let Some(pruned) = pruned {
        retention::warn_of_holds(ui, &pruned);
        let problems = pruned.problems();
        problems.iter().for_each(|problem| ui.warning(problem));
        if !problems.is_empty() {
            ui.hint("The backup is complete. Remove the cause, and run `unisys-dba backup prune`.");
            exit = Exit::Later;
        }
    }
    Ok(exit)
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
        signing: None,
        passphrase: None,
        layout: args.layout.unwrap_or(settings.layout).into(),
        ranges: args.ranges.unwrap_or(settings.ranges).into(),
        jobs: args.jobs.unwrap_or(settings.jobs).get(),
        level: settings.compression_level,
        snapshot: SnapshotOptions {
            lock_timeout: settings.lock_timeout.0,
            attempts: settings.lock_attempts.get(),
        },
        tags: args.tag.clone(),
        adopt: args.adopt,
        made_by: crate::cli::VERSION.into(),
        progress: Arc::from(ui.progress()),
    }
}
