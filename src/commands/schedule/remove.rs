//! `schedule remove`.

use unisys_ops::schedule::PREFIX;
use unisys_ops::schedule::site::{Found, Site};

use super::SystemArgs;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Remove the jobs that were installed: all of them, or with --database that of one
///
/// Nothing else is touched, no backup and no configuration.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    system: SystemArgs,
    /// Show what would be removed, and stop
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let site = args.system.site(ctx)?;
    let mut jobs = site.jobs()?;
    if let Some(database) = ctx.database().filter(|name| !name.is_empty()) {
        jobs.retain(|job| job.name == format!("{PREFIX}-{database}"));
    }
    view::schedule::jobs(ui, &jobs)?;
    if jobs.is_empty() || args.dry_run || !ui.confirm("Remove this?", args.yes).await? {
        return Ok(Exit::Done);
    }
    for job in &jobs {
        remove(&site, job, ui)?;
    }
    Ok(Exit::Done)
}

fn remove(site: &Site, job: &Found, ui: &Ui) -> Result<(), Failure> {
    // a unit that is not in force cannot be put out of it, and goes all the same
    if let Err(error) = Site::execute(&site.deactivation(&job.name)) {
        ui.warning(error.to_string());
    }
    site.remove(&job.name)?;
    if let Err(error) = Site::execute(&site.forgetting()) {
        ui.warning(error.to_string());
    }
    ui.status(format!("{} is removed.", job.name));
    Ok(())
}
