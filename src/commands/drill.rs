//! `drill`: a backup restored on a scratch server and proved equal.

mod evidence;
mod report;

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::Utc;
use unisys_ops::drill::{self, DrillOptions, DrillRecord, Outcome};
use unisys_ops::keys::Identities;
use unisys_ops::memory::{Run, Took};
use unisys_ops::platform::{self, SystemUser};

use crate::commands::pick::{self, LATEST, Picked};
use crate::commands::signature;
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::explain;
use crate::failure::{Explain, Failure};
use crate::service::{self, Done, Drilled, News, Subject};
use crate::settings::Operation;
use crate::ui::Ui;
use crate::view::{self, all::Of};

/// How many differences a message names.
const TOLD: usize = 5;

/// Restore a backup on port 5333, prove that it is equal, record the proof
///
/// A scratch server is started, compared and removed again, also when this program is killed. Exit 4 when the backup
/// cannot be decrypted, restored or found equal; 1 when the drill could not be done.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    drill: DrillArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Show the drills that were made, the newest first
    List {
        /// Also those of backups that were removed
        #[arg(long)]
        all: bool,
    },
    /// Show what the newest drill of a backup found
    Show {
        /// The backup: its name, the start of it, or "latest"; or the name of a drill's record
        #[arg(value_name = "BACKUP")]
        which: Option<String>,
        #[command(flatten)]
        evidence: evidence::Args,
    },
    Report(report::Args),
}

#[derive(clap::Args, Default, PartialEq)]
struct DrillArgs {
    /// The backup: its name, the start of it, or "latest" [default: latest]
    backup: Option<String>,
    /// The newest backup of every database of the configuration, one after the
    /// other; one that fails stops no other
    #[arg(long, conflicts_with = "backup")]
    all: bool,
    /// File with identities to decrypt with [default: drill.identities]
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Parallel sessions [default: drill.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    // not by clap: it would take --quiet and its like for arguments of the drill too
    if args.command.is_some() && args.drill != DrillArgs::default() {
        return Err(Failure::usage("list, show and report come alone, without what a drill takes")
            .hint("Run `unisys-dba drill list` or `unisys-dba drill show BACKUP`."));
    }
    match args.command {
        None => drill(&args.drill, ctx, ui).await,
        Some(Command::List { all }) => list(all, ctx, ui),
        Some(Command::Show { which, evidence }) if evidence.is_asked_for() => {
            evidence::run(which.as_deref(), &evidence, ctx, ui).await
        }
        Some(Command::Show { which, .. }) => show(which.as_deref(), ctx, ui),
        Some(Command::Report(args)) => report::run(&args, ctx, ui),
    }
}

async fn drill(args: &DrillArgs, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    if args.all {
        return drill_all(args, ctx, ui).await;
    }
    let picked = pick::pick(ctx, ui, args.backup.as_deref().unwrap_or(LATEST))?;
    let subject = Subject::of_backup(ctx, &picked);
    let (result, news) = serve(args, ctx, &subject, ui, |_: &Ui| Ok((picked, ctx.selection()?))).await;
    if let Ok((record, _)) = &result {
        view::drill::record(ui, record)?;
        if record.outcome == Outcome::Proven {
            ui.hint("This backup counts. Run `unisys-dba drill` again after the next one.");
        }
    }
    let exit = result.as_ref().map_or_else(|failure| failure.exit, |(_, exit)| *exit);
    let exit = service::tell_of(&news, exit, ctx, ui).await;
    match result? {
        (record, _) if record.outcome == Outcome::Failed => Err(failure(&record)),
        _ => Ok(exit),
    }
}

/// Drills the backup that `choose` returns, with the database whose keys open it, with all that accompanies it. Nothing is
/// answered yet.
async fn serve<'a>(
    args: &DrillArgs,
    ctx: &'a Context,
    subject: &Subject<'_>,
    ui: &mut Ui,
    choose: impl FnOnce(&Ui) -> Result<(Picked, Selection<'a>), Failure>,
) -> (Result<(DrillRecord, Exit), Failure>, News) {
    let mut made = None;
    let served = service::served(Operation::Drill, subject, ui, async |ui: &mut Ui| {
        let (picked, database) = choose(ui)?;
        let mut options = default_options(ctx, ui, ctx.identities(&database, &args.identity)?)?;
        options.jobs = args.jobs.map_or(options.jobs, NonZeroUsize::get);
        let (record, done) = prove(subject, &picked, &options, ui).await?;
        made = Some(record);
        Ok(done)
    })
    .await;
    let result = served.result.and_then(|done| Ok((made.ok_or_else(none_made)?, done.exit)));
    (result, served.news)
}

fn none_made() -> Failure {
    Failure::new("no drill was made")
}

/// Returns what a drill that found differences ends with.
fn failure(record: &DrillRecord) -> Failure {
    let what = match record.differences.len() {
        1 => "1 difference".to_owned(),
        several => format!("{several} differences"),
    };
    Failure::new(format!("the drill of {} failed: {what}", record.backup))
        .exit(Exit::Bad)
        .hint("Do not rely on this backup: make another one with `unisys-dba backup run` and drill that.")
}

/// Drills a backup between the hooks. Nothing is answered yet.
pub(crate) async fn prove(
    subject: &Subject<'_>,
    picked: &Picked,
    options: &DrillOptions,
    ui: &mut Ui,
) -> Result<(DrillRecord, Done), Failure> {
    let mut made = None;
    let done = service::hooked(Operation::Drill, subject, ui, async |_: &mut Ui| {
        let begun = Instant::now();
        let record = drill::run(&*picked.store, &picked.id, options).await.map_err(explain::with_doctor)?;
        let exit = if record.outcome == Outcome::Proven { Exit::Done } else { Exit::Bad };
        let run = Run {
            ended: Utc::now(),
            seconds: begun.elapsed().as_secs_f64(),
            exit: exit as u8,
            success: exit == Exit::Done,
        };
        let done = Done {
            exit,
            document: serde_json::to_value(&record)?,
            problems: differences(&record),
            whole: true,
            drilled: Some(Drilled { run, took: Some(Took::from(&record)) }),
            waited: Duration::ZERO,
        };
        made = Some(record);
        Ok(done)
    })
    .await?;
    Ok((made.ok_or_else(none_made)?, done))
}

/// Returns what a drill found, short enough for a message.
fn differences(record: &DrillRecord) -> Vec<String> {
    let all = record.differences.len();
    let mut told: Vec<String> = record.differences.iter().take(TOLD).cloned().collect();
    if all > TOLD {
        told.push(format!("… and {} more differences", all - TOLD));
    }
    told
}

/// Drills the newest backup of each database: one after the other, because the port is one.
async fn drill_all(args: &DrillArgs, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let (mut done, mut news) = (Vec::new(), Vec::new());
    for (name, database) in ctx.every()? {
        let (subject, mut own) = (Subject::of(ctx, &database), ui.named(name));
        let newest = |ui: &Ui| Ok((pick::newest(ctx, ui, &database)?, database));
        let (result, of_it) = serve(args, ctx, &subject, &mut own, newest).await;
        match &result {
            Ok((record, _)) => own.status(view::drill::word(record.outcome)),
            Err(failure) => own.warning(failure.error.to_string()),
        }
        done.push(Of { database: name.to_owned(), result });
        news.push(of_it);
    }
    let exits =
        done.iter().map(|of| of.result.as_ref().map_or_else(|failure| failure.exit, |(_, exit)| *exit));
    let exit = Exit::of_all(exits);
    let records =
        done.into_iter().map(|of| Of { database: of.database, result: of.result.map(|(record, _)| record) });
    view::drill::all(ui, &records.collect::<Vec<_>>())?;
    ui.hint(match exit {
        Exit::Done | Exit::Later => {
            "These backups count. Run `unisys-dba drill --all` again after the next ones."
        }
        _ => "Do not rely on a backup that failed: make another one with --database NAME, and drill that.",
    });
    Ok(service::tell_of_all(&news, exit, ctx, ui).await)
}

/// Returns the records of all drills there are and were, the newest first.
fn records_ever(ctx: &Context, ui: &Ui) -> Result<Vec<DrillRecord>, Failure> {
    let mut records = records(ctx, ui)?;
    let there: BTreeSet<_> = records.iter().map(|record| (record.backup.clone(), record.started)).collect();
    let gone = pick::history(ctx, ui)?.into_iter().filter_map(|kept| kept.record());
    records.extend(gone.filter(|record| !there.contains(&(record.backup.clone(), record.started))));
    records.sort_by_key(|record| std::cmp::Reverse(record.started));
    Ok(records)
}

/// Returns the records of all drills of backups that are there, the newest first.
fn records(ctx: &Context, ui: &Ui) -> Result<Vec<DrillRecord>, Failure> {
    let mut records = Vec::new();
    for picked in pick::all(ctx, ui)? {
        records.extend(drill::list(&*picked.store, &picked.id)?);
    }
    records.sort_by_key(|record| std::cmp::Reverse(record.started));
    Ok(records)
}

fn list(all: bool, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let records = if all { records_ever(ctx, ui)? } else { records(ctx, ui)? };
    view::drill::list(ui, &records)?;
    ui.hint(match records.first() {
        Some(record) if all => format!("See what one found: unisys-dba drill show {}", record.name()),
        Some(record) => format!("See what one found: unisys-dba drill show {}", record.backup),
        None if !all && !pick::history(ctx, ui)?.is_empty() => {
            "See those of backups that were removed: unisys-dba drill list --all".into()
        }
        None => "Make the first one: unisys-dba drill".into(),
    });
    Ok(Exit::Done)
}

/// Shows the newest drill of all, the newest of one backup, or the one whose record has this name.
fn show(which: Option<&str>, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let record = match which {
        None => records(ctx, ui)?.into_iter().next(),
        Some(name) if name.starts_with("drill-") => {
            records_ever(ctx, ui)?.into_iter().find(|record| record.name() == name.trim_end_matches(".json"))
        }
        Some(text) => {
            let picked = pick::pick(ctx, ui, text)?;
            drill::list(&*picked.store, &picked.id)?.into_iter().max_by_key(|record| record.started)
        }
    };
    let none =
        || Failure::new("no such drill was made").hint("Run `unisys-dba drill`, or `unisys-dba drill list`.");
    view::drill::record(ui, &record.ok_or_else(none)?)?;
    Ok(Exit::Done)
}

/// Returns the options of a drill as the settings have them.
pub(crate) fn default_options(
    ctx: &Context,
    ui: &Ui,
    identities: Identities,
) -> Result<DrillOptions, Failure> {
    let settings = &ctx.settings.drill;
    Ok(DrillOptions {
        identities,
        trust: ctx.trust()?,
        signing: signature::own_key(ctx, ui)?,
        search: ctx.search(),
        parent: ctx.scratch_directory(),
        port: settings.port,
        wait: settings.wait.0,
        user: scratch_user(ctx, ui)?,
        jobs: settings.jobs.get(),
        now: Utc::now(),
        made_by: crate::cli::VERSION.into(),
        progress: Arc::from(ui.progress()),
    })
}

/// The system users tried for a scratch server as root, when none is configured: a user of its own, else the one that owns
/// nothing. Never the one that owns a server with real data: restored code may run as it.
const SCRATCH_USERS: [&str; 2] = ["unisys-drill", "nobody"];

pub(crate) fn scratch_user(ctx: &Context, ui: &Ui) -> Result<Option<SystemUser>, Failure> {
    if !platform::is_root() {
        return Ok(None);
    }
    if let Some(name) = &ctx.settings.drill.system_user {
        return Ok(Some(
            platform::find_user(name)
                .hint("Set drill.system-user to a system user that owns no other server.")?,
        ));
    }
    let found = SCRATCH_USERS.iter().find_map(|name| platform::find_user(name).ok());
    let none =
        || Failure::new("no system user for the scratch server").hint("Run `useradd --system unisys-drill`.");
    let user = found.ok_or_else(none)?;
    ui.detail(format!("The scratch server runs as {}", user.name));
    Ok(Some(user))
}
