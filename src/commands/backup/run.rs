//! `backup run`.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use unisys_db::snapshot::SnapshotOptions;
use unisys_db::{Target, selection};
use unisys_ops::backup::{BackupOptions, BackupReport, DumpOptions, Limits, Locks, Standby, Tag};
use unisys_ops::doctor;
use unisys_ops::evidence::{SigningKey, Trust};
use unisys_ops::keys::{self, Recipient};
use unisys_ops::platform;
use unisys_ops::progress::Progress;
use unisys_ops::retention::Rules;
use unisys_ops::store::Store;

use super::copies::{Copies, Followed};
use super::selected::SelectedArgs;
use super::serve::{Shared, serve};
use super::{copies, retention, run_all};
use crate::commands::signature;
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::service;
use crate::settings::{Layout, Ranges, Size};
use crate::ui::Ui;
use crate::view::{self, prune::DatabaseReport};

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
    /// Bytes a second to read from the server, such as 20MB [default: backup.max-rate]
    #[arg(long, value_name = "SIZE")]
    max_rate: Option<Size>,
    /// Let a passphrase open it, too; without backup.passphrase-command or -file you type it, twice
    #[arg(long)]
    passphrase: bool,
    /// Begin although the store seems to have too little room [default: backup.space-check]
    #[arg(long)]
    no_space_check: bool,
    /// Take over a store that holds backups of this database from another server
    #[arg(long)]
    adopt: bool,
    /// Word to find it by, for retention.keep-tags
    #[arg(long, value_name = "TAG")]
    tag: Vec<Tag>,
    /// Remove no older backups afterwards, whatever retention.prune says
    #[arg(long)]
    no_prune: bool,
    /// Also do what a night needs: a drill, when the newest proof is older than drill.every
    #[arg(long)]
    pub(super) nightly: bool,
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
            false => {
                stand_back(ctx, ui);
                run_all::run(&args, at_once, ctx, ui).await
            }
        };
    }
    let database = ctx.selection().map_err(or_all(ctx))?;
    if args.lint_only {
        return lint(&args, &database, ctx, ui).await;
    }
    stand_back(ctx, ui);
    let (result, news) = serve(&args, ctx, &database, &Shared::new(NonZeroUsize::MIN), ui).await;
    if let Ok(made) = &result {
        view::backup::one(ui, made)?;
        if !args.nightly {
            ui.hint(format!("Prove it: unisys-dba drill {}", made.finished.report.manifest.id));
        }
    }
    let exit = result.as_ref().map_or_else(|failure| failure.exit, |made| made.exit);
    let exit = service::tell_of(&news, exit, ctx, ui).await;
    result.map(|_| exit)
}

/// Names the other way out, where several databases are configured and none is named.
fn or_all(ctx: &Context) -> impl Fn(Failure) -> Failure {
    let several = !ctx.names_database() && ctx.settings.databases.len() > 1;
    move |failure| if several { failure.hint("Or back up every one with --all.") } else { failure }
}

/// A complete backup with what followed it.
pub(crate) struct Finished {
    pub(crate) report: BackupReport,
    pub(crate) copies: Vec<Followed>,
    /// Nothing where no pruning was wanted.
    pub(crate) pruned: Option<DatabaseReport>,
}

/// Says what went wrong after a backup was complete; returns the same, a sentence each.
pub(super) fn tell(finished: &Finished, ui: &Ui) -> Vec<String> {
    let mut all = copies::tell(ui, &finished.copies);
    let of_copies = finished.copies.iter().filter_map(|copy| copy.pruned.as_ref());
    let pruned: Vec<&DatabaseReport> = finished.pruned.iter().chain(of_copies).collect();
    retention::warn_of_holds(ui, pruned.iter().copied());
    let problems: Vec<String> = pruned.iter().flat_map(|pruned| pruned.problems()).collect();
    problems.iter().for_each(|problem| ui.warning(problem));
    if !problems.is_empty() {
        ui.hint("The backup is complete. Remove the cause, and run `unisys-dba backup prune`.");
    }
    all.extend(problems);
    all
}

/// A backup that may begin.
pub(super) struct Prepared {
    pub(super) passphrase: Option<SecretString>,
    options: Box<dyn FnOnce(Arc<dyn Progress>) -> BackupOptions>,
    after: After,
}

impl Prepared {
    /// Returns the options, once somebody is told how far it is, and what follows.
    pub(super) fn begin(self, progress: Arc<dyn Progress>) -> (BackupOptions, After) {
        (BackupOptions { passphrase: self.passphrase, ..(self.options)(progress) }, self.after)
    }
}

/// What follows a backup.
pub(super) struct After {
    pub(super) store: Arc<dyn Store>,
    /// What stays, and whose proofs count for that; nothing where no pruning is wanted.
    rules: Option<(Rules, Trust)>,
    copies: Copies,
}

impl After {
    /// Prunes the backup's own store, under the locks of the run. Copies come after that, and without these locks: one that is
    /// slow delays neither the pruning nor the next run.
    ///
    /// # Errors
    /// The pruning panicked; what else goes wrong is in what is returned.
    pub(super) async fn prune(self, (report, locks): (BackupReport, Locks)) -> Result<Uncopied, Failure> {
        let Self { store, rules, copies } = self;
        // other databases are worked on while a store takes its time
        let pruning = tokio::task::spawn_blocking(move || {
            let prune = |(rules, trust): &(Rules, Trust)| {
                retention::after_backup(&*store, &locks.store, rules, trust, &report.manifest)
            };
            let pruned = rules.as_ref().map(prune);
            (Uncopied { report, pruned, store, copies }, locks)
        });
        let (uncopied, locks) = pruning.await?;
        locks.release().await;
        Ok(uncopied)
    }
}

/// A backup whose store is pruned, and whose copies are not made yet.
pub(super) struct Uncopied {
    report: BackupReport,
    pruned: Option<DatabaseReport>,
    store: Arc<dyn Store>,
    copies: Copies,
}

impl Uncopied {
    /// Makes the copies, and prunes them.
    ///
    /// # Errors
    /// As [`After::prune`].
    pub(super) async fn copy(self, ui: &Ui) -> Result<Finished, Failure> {
        let copies = self.copies.update(ui, &self.store, &self.report).await?;
        Ok(Finished { report: self.report, copies, pruned: self.pruned })
    }
}

/// Returns what a backup of a database is made with, but for the passphrase, which all of a run have in common.
///
/// # Errors
/// What is wrong with the configuration: nothing was started.
pub(super) fn prepare(
    args: &Args,
    database: &Selection<'_>,
    ctx: &Context,
    ui: &Ui,
) -> Result<Prepared, Failure> {
    let selected = args.selected.of(ctx, database)?;
    let recipients = match args.passphrase {
        true => ctx.recipients_if_any(database)?,
        false => ctx.recipients(database)?,
    };
    let prunes = retention::is_automatic(ctx) && !args.no_prune;
    let trust = ctx.trust()?;
    let rules = prunes.then(|| Ok::<_, Failure>((retention::rules_of(ctx, database)?, trust.clone())));
    let rules = rules.transpose()?;
    let of_copies = prunes.then(|| Ok::<_, Failure>((retention::rules_of_copies(ctx, database)?, trust)));
    let copies = Copies {
        stores: ctx.copies(database)?,
        rules: of_copies.transpose()?,
        jobs: ctx.settings.backup.jobs.get(),
        check_space: ctx.settings.backup.space_check && !args.no_space_check,
        adopt: args.adopt,
    };
    let target = ctx.target(database, ui)?;
    let standby = ctx.standby(database, ui)?;
    let after = After { store: ctx.store(database)?, rules, copies };
    let signing = signature::own_key(ctx, ui)?;
    let options = options(args, selected, ctx, Source { target, standby, recipients, signing });
    Ok(Prepared { passphrase: None, options: Box::new(options), after })
}

/// Returns the passphrase of new backups, where they have one.
///
/// # Errors
/// As [`Context::new_passphrase`].
pub(super) async fn passphrase(args: &Args, ctx: &Context, ui: &Ui) -> Result<Option<SecretString>, Failure> {
    let passphrase = ctx.new_passphrase(args.passphrase).await?;
    warn_of_short(passphrase.as_ref(), ui);
    Ok(passphrase)
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

/// Warns of a passphrase that whoever gets a backup may guess.
pub(crate) fn warn_of_short(passphrase: Option<&SecretString>, ui: &Ui) {
    if passphrase.is_some_and(keys::is_short) {
        ui.warning("The passphrase is short: it can be guessed by whoever gets a backup. Five random words are enough.");
    }
}

/// Lets others have processor and disks first, as configured. A system that cannot is no reason not to back up.
pub(super) fn stand_back(ctx: &Context, ui: &Ui) {
    let settings = &ctx.settings.backup;
    let nice = (settings.nice > 0).then(|| platform::set_nice(settings.nice));
    let io = settings.ionice.map(platform::set_io_priority);
    for error in [nice, io].into_iter().flatten().filter_map(Result::err) {
        ui.warning(error.to_string());
    }
}

/// Returns the options of a backup of the whole database as the settings have them, without a passphrase.
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
    let (search, tags, adopt) = (ctx.search(), args.tag.clone(), args.adopt);
    let check_space = settings.space_check && !args.no_space_check;
    let (layout, ranges) = (args.layout.unwrap_or(settings.layout), args.ranges.unwrap_or(settings.ranges));
    let (jobs, level) = (args.jobs.unwrap_or(settings.jobs).get(), settings.compression_level);
    let snapshot =
        SnapshotOptions { lock_timeout: settings.lock_timeout.0, attempts: settings.lock_attempts.get() };
    let limits = Limits {
        bytes_per_second: args.max_rate.or(settings.max_rate).map(|size| size.0),
        runtime: settings.max_runtime.map(|span| span.0),
        snapshot_age: settings.max_snapshot_age.map(|span| span.0),
        replication_lag: settings.max_replication_lag,
        network_timeout: settings.network_timeout.0.max(Duration::from_secs(1)),
        connect_wait: settings.connect_wait.0,
    };
    move |progress| BackupOptions {
        target,
        standby,
        selection,
        dump_options,
        search,
        recipients,
        signing,
        passphrase: None,
        layout: layout.into(),
        ranges: ranges.into(),
        jobs,
        level,
        snapshot,
        limits,
        tags,
        check_space,
        adopt,
        made_by: crate::cli::VERSION.into(),
        progress,
    }
}
