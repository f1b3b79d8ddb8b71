//! The job that a command line and a configuration make.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use unisys_ops::platform;
use unisys_ops::schedule::site::Site;
use unisys_ops::schedule::systemd::Scope;
use unisys_ops::schedule::{Job, PREFIX, Zone};

use super::install::Args;
use crate::context::{Context, Selection};
use crate::failure::Failure;
use crate::settings::{Database, Source};
use crate::ui::Ui;

/// Where the system keeps its time zones.
const ZONES: &str = "/usr/share/zoneinfo";

/// Returns the job; what a scheduled run will not have is warned of.
pub(super) fn job(
    args: &Args,
    log: Option<&Path>,
    site: &Site,
    ctx: &Context,
    ui: &Ui,
) -> Result<Job, Failure> {
    let config = ctx.config_file.clone().ok_or_else(|| {
        Failure::config("there is no configuration, and a scheduled run knows nothing else")
            .hint("Run `unisys-dba init --database NAME --url URL --store DIR` first.")
    })?;
    let (whose, databases) = whose(args, ctx)?;
    check_zone(&args.zone)?;
    let account = account(args, site, ctx)?;
    // no database can be called nothing
    let job_name = whose.map_or_else(|| PREFIX.to_owned(), |name| format!("{PREFIX}-{name}"));
    let mut arguments = vec!["--config".to_owned(), text(&config)];
    arguments.extend(whose.iter().flat_map(|name| ["--database", name]).map(String::from));
    if let Some(log) = self::log(log, args, site, &job_name, ctx)? {
        arguments.extend(["--log".to_owned(), text(&log)]);
    }
    arguments.extend(["backup", "run"].map(String::from));
    arguments.extend(args.all.then(|| "--all".to_owned()));
    arguments.push("--nightly".into());
    warn(ctx, &config, account.as_deref(), ui);
    warn_of_twice(&job_name, args, site, ui);
    Ok(Job {
        description: format!("Backup of {} by unisys-dba", whose.unwrap_or("every database")),
        program: std::env::current_exe()?,
        arguments,
        directory: config.parent().unwrap_or(Path::new("/")).to_owned(),
        variables: passfile(args, &databases, ctx, ui),
        account,
        at: args.at,
        zone: args.zone.clone(),
        delay: args.random_delay.0,
        name: job_name,
    })
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// Returns the database it backs up, nothing for all of them; and their tables in the configuration.
fn whose<'a>(args: &Args, ctx: &'a Context) -> Result<(Option<&'a str>, Vec<&'a Database>), Failure> {
    if args.all {
        ctx.every()?.for_each(drop);
        return Ok((None, ctx.settings.databases.values().collect()));
    }
    let selection = match ctx.names_database() || ctx.settings.databases.len() < 2 {
        true => ctx.selection(),
        false => ctx.selection().map_err(|failure| failure.hint("Or take every one with --all.")),
    };
    match selection? {
        Selection::Configured { name, .. } => {
            let (name, database) = ctx.settings.databases.get_key_value(name).ok_or_else(none)?;
            Ok((Some(name), vec![database]))
        }
        Selection::Environment | Selection::Private => Err(none()),
    }
}

/// Warns of a database that would be backed up by two jobs.
fn warn_of_twice(name: &str, args: &Args, site: &Site, ui: &Ui) {
    // what is installed elsewhere, or cannot be listed, stops no installation
    let there = site.jobs().unwrap_or_default();
    for job in there.iter().filter(|job| job.name != name && (args.all || job.name == PREFIX)) {
        ui.warning(format!("{} is installed, too: what both back up is backed up twice", job.name));
    }
}

fn none() -> Failure {
    Failure::config(
        "no database is configured, and a scheduled run has neither PGHOST nor the private server",
    )
    .hint("Run `unisys-dba init --database NAME --url URL --store DIR` first.")
}

fn check_zone(zone: &Zone) -> Result<(), Failure> {
    match zone {
        Zone::Named(name) if Path::new(ZONES).is_dir() && !Path::new(ZONES).join(name).is_file() => {
            Err(Failure::usage(format!("this system knows no time zone {name}"))
                .hint(format!("Take a name of a file in {ZONES}, UTC or local.")))
        }
        _ => Ok(()),
    }
}

/// Returns who runs it, named also where it is us: nobody is to guess later.
fn account(args: &Args, site: &Site, ctx: &Context) -> Result<Option<String>, Failure> {
    let own = matches!(site, Site::Units { scope: Scope::User, .. } | Site::Crontab);
    match (&args.account, own) {
        (Some(_), true) => Err(Failure::usage("only root can have it run by another account")
            .hint("Run this as root, or leave out --account.")),
        (None, true) => Ok(None),
        (Some(account), false) => Ok(Some(account.clone())),
        (None, false) => Ok(platform::current_user(&ctx.environment)),
    }
}

/// Returns the file its words go to: systemd has a journal of its own, the others lose them.
fn log(
    log: Option<&Path>,
    args: &Args,
    site: &Site,
    job: &str,
    ctx: &Context,
) -> Result<Option<PathBuf>, Failure> {
    match log {
        Some(path) => Ok(Some(std::env::current_dir()?.join(path))),
        None if matches!(site, Site::Units { .. }) => Ok(None),
        None if args.account.is_some() => {
            Err(Failure::usage("the log of another account's job must be named")
                .hint("Add --log FILE with a file which that account may write."))
        }
        None => Ok(Some(ctx.data_directory()?.join(format!("{job}.log")))),
    }
}

/// Returns the variable that names the passfile, where the configuration does not for every database.
fn passfile(args: &Args, databases: &[&Database], ctx: &Context, ui: &Ui) -> BTreeMap<String, String> {
    let named = ctx.environment.get("PGPASSFILE").filter(|path| !path.is_empty()).cloned();
    let usual = dirs::home_dir().map(|home| home.join(".pgpass")).filter(|path| path.is_file());
    let found = named.or_else(|| usual.filter(|_| args.account.is_none()).map(|path| text(&path)));
    if databases.iter().all(|database| database.passfile.is_some()) {
        return BTreeMap::new();
    }
    if found.is_none() && args.account.is_some() {
        ui.warning("no passfile is named: the account's own ~/.pgpass is read, if it has one");
    }
    found.map(|path| ("PGPASSFILE".to_owned(), path)).into_iter().collect()
}

/// Warns of what works here and will not work at night.
fn warn(ctx: &Context, config: &Path, account: Option<&str>, ui: &Ui) {
    for (name, value) in &ctx.environment {
        let secret = matches!(name.as_str(), "PGPASSWORD" | "PGSSLPASSWORD");
        if secret && !value.is_empty() {
            ui.warning(format!("{name} is set here; the scheduled run will not have it. Use a passfile"));
        }
    }
    for entry in &ctx.entries {
        if let Source::Variable { name } = &entry.source {
            ui.warning(format!(
                "{name} is set here; the scheduled run will not have it. Put {} into {}",
                entry.key,
                config.display()
            ));
        }
    }
    let Some(user) = account.and_then(|account| platform::find_user(account).ok()) else { return };
    let program = std::env::current_exe().unwrap_or_default();
    for path in [config, program.as_path()] {
        if user.uid != 0
            && let Err(error) = platform::check_passable(path.parent().unwrap_or(path), &user)
        {
            ui.warning(format!("{} cannot get to {}: {error}", user.name, path.display()));
        }
    }
}
