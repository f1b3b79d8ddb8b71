//! `schedule`: the system's own means to run a backup every night.

mod install;
mod job;
mod remove;

use unisys_ops::schedule::place::{self, Kind};
use unisys_ops::schedule::site::Site;
use unisys_ops::schedule::systemd::Scope;

use crate::cli::Globals;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Let systemd, cron or Windows run a backup every night
///
/// What is installed runs `backup run --nightly` with everything named: account, directory, configuration, passfile, log.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Install(install::Args),
    Show(ShowArgs),
    Remove(remove::Args),
}

/// Show the jobs that are installed
#[derive(clap::Args)]
struct ShowArgs {
    #[command(flatten)]
    system: SystemArgs,
}

/// By what jobs are run.
#[derive(clap::Args)]
struct SystemArgs {
    /// By what it is run [default: what this system has]
    #[arg(long, value_enum)]
    kind: Option<KindName>,
    /// With systemd: as units of the user, not of the machine
    #[arg(long)]
    user: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum KindName {
    /// A service and a timer of systemd
    Systemd,
    /// A line of cron
    Cron,
    /// A task of Windows' Task Scheduler
    Windows,
}

impl From<KindName> for Kind {
    fn from(name: KindName) -> Self {
        match name {
            KindName::Systemd => Self::Systemd,
            KindName::Cron => Self::Cron,
            KindName::Windows => Self::Windows,
        }
    }
}

pub(crate) async fn run(args: Args, globals: &Globals, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Command::Install(args) => install::run(&args, globals, ctx, ui).await,
        Command::Show(args) => show(&args, ctx, ui),
        Command::Remove(args) => remove::run(&args, ctx, ui).await,
    }
}

fn show(args: &ShowArgs, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let site = args.system.site(ctx)?;
    let jobs = site.jobs()?;
    view::schedule::jobs(ui, &jobs)?;
    if jobs.is_empty() {
        ui.hint("Install one: unisys-dba schedule install");
    }
    Ok(Exit::Done)
}

impl SystemArgs {
    /// Returns the kind that was named, or that this system has.
    fn kind(&self, ctx: &Context) -> Result<Kind, Failure> {
        let there = |name: &str| {
            let path = ctx.environment.get("PATH").map(String::as_str).unwrap_or_default();
            std::env::split_paths(path).any(|directory| directory.join(name).is_file())
        };
        let kind = self.kind.map(Kind::from).or_else(|| place::detect(there));
        kind.ok_or_else(|| {
            Failure::new("neither systemd nor cron is found here").hint(
                "Name what runs jobs here with --kind, and add --dry-run to see what it would be given.",
            )
        })
    }

    /// Returns the place its jobs are in: the machine's for root, else the person's.
    fn site(&self, ctx: &Context) -> Result<Site, Failure> {
        let root = unisys_ops::platform::is_root();
        Ok(match self.kind(ctx)? {
            Kind::Systemd if root && !self.user => {
                Site::Units { directory: "/etc/systemd/system".into(), scope: Scope::System }
            }
            Kind::Systemd => {
                let directory =
                    dirs::config_dir().ok_or_else(|| Failure::new("this user has no home directory"))?;
                Site::Units { directory: directory.join("systemd").join("user"), scope: Scope::User }
            }
            _ if self.user => {
                return Err(Failure::usage("only systemd has units of a user").hint("Leave out --user."));
            }
            Kind::Cron if root => Site::CronDirectory("/etc/cron.d".into()),
            Kind::Cron => Site::Crontab,
            Kind::Windows => Site::Tasks,
        })
    }
}
