//! `schedule install`.

use unisys_ops::OpsError;
use unisys_ops::schedule::place::{self, Planned};
use unisys_ops::schedule::site::Site;
use unisys_ops::schedule::systemd::Scope;
use unisys_ops::schedule::{TimeOfDay, Zone};

use super::{SystemArgs, job};
use crate::cli::Globals;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::settings::Span;
use crate::ui::Ui;
use crate::view;
use crate::view::schedule::Plan;

/// Install a job that runs `backup run --nightly` every day
///
/// A job of the same database is replaced; a file that is not ours is never touched. A run that was missed is made up for
/// (not by cron), one that is still going on is not begun again.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) system: SystemArgs,
    /// One job for every database of the configuration: `backup run --all`
    #[arg(long)]
    pub(super) all: bool,
    /// When it begins
    #[arg(long, value_name = "HH:MM", default_value = "02:00")]
    pub(super) at: TimeOfDay,
    /// Where that is: local, UTC, or a name such as Europe/Berlin
    #[arg(long, value_name = "ZONE", default_value = "local")]
    pub(super) zone: Zone,
    /// How much later it may begin, at random
    #[arg(long, value_name = "SPAN", default_value = "30m")]
    pub(super) random_delay: Span,
    /// Who runs it [default: you]
    #[arg(long, value_name = "NAME")]
    pub(super) account: Option<String>,
    /// Show what would be written, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: &Args, globals: &Globals, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let site = args.system.site(ctx)?;
    let job = job::job(args, globals.log.as_deref(), &site, ctx, ui)?;
    // cron draws no delay itself, and a line that changes with each install would be no plan
    let minutes = (job.delay.as_secs() / 60).clamp(1, 24 * 60);
    let drawn = (u64::from(seed(&job.name)) % minutes) as u32;
    let today = ctx.now.with_timezone(&chrono::Local).date_naive();
    let planned = site.plan(&job, drawn, today).map_err(explain)?;
    verify(&site, &planned, ui)?;
    let foreign = matches!(site, Site::Tasks) && !unisys_ops::platform::has_task_scheduler();
    let changes = match foreign {
        true => Vec::new(),
        false => planned
            .iter()
            .map(|file| site.change(&job.name, file))
            .collect::<Result<_, _>>()
            .map_err(explain)?,
    };
    let commands = site.activation(&job.name);
    view::schedule::plan(
        ui,
        &Plan { job: &job.name, files: &planned, changes: &changes, commands: &commands },
        args.dry_run,
    )?;
    if args.dry_run {
        return Ok(Exit::Done);
    }
    if foreign {
        return Err(Failure::new("there is no Task Scheduler on this system").hint(
            "Write the XML elsewhere with --dry-run, and run `schtasks /create /tn NAME /xml FILE` there.",
        ));
    }
    if !ui.confirm("Install it?", args.yes).await? {
        return Ok(Exit::Done);
    }
    site.put(&job.name, &planned).map_err(explain)?;
    match Site::execute(&commands)? {
        true => ui.status(format!("{} is installed.", job.name)),
        false => {
            ui.warning("systemd does not run here: the units are written, and not in force");
            commands.iter().for_each(|words| ui.hint(format!("Then run: {}", words.join(" "))));
        }
    }
    if let Site::Units { scope: Scope::User, .. } = site {
        ui.hint("Let it run also while you are not logged in: loginctl enable-linger");
    }
    ui.hint("See it: unisys-dba schedule show");
    Ok(Exit::Done)
}

/// A number that is the same for the same job on the same machine.
fn seed(name: &str) -> u32 {
    let text = format!("{name}@{}", unisys_ops::platform::host_name());
    text.bytes().fold(7, |seed: u32, byte| seed.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Lets the system's own tool look at it first.
fn verify(site: &Site, planned: &[Planned], ui: &Ui) -> Result<(), Failure> {
    let Site::Units { scope, .. } = site else { return Ok(()) };
    let verified = place::verify_units(planned, *scope == Scope::User)
        .hint("These units were not written. Report what systemd-analyze says, with your command line.")?;
    match verified {
        Some(()) => ui.detail("systemd-analyze finds nothing wrong"),
        None => ui
            .detail("systemd-analyze is not installed or does not work here: nobody has looked at the units"),
    }
    Ok(())
}

fn explain(error: OpsError) -> Failure {
    let hint = match &error {
        OpsError::Refused(text) if text.contains("was not written by") => {
            "Look at it, and move it away if it is not needed."
        }
        OpsError::Refused(text) if text.contains("PGPASSFILE") => {
            "Set databases.NAME.passfile in the configuration."
        }
        OpsError::Refused(_) => "Leave out --zone, or let systemd run it with --kind systemd.",
        _ => "Run it as root, or as the user it is for.",
    };
    Failure::from(error).hint(hint)
}
