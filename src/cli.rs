//! The command line: what can be typed, and which command it starts.
//!
//! A new command is a file in `commands/`, a variant of [`Command`] and a line in [`Command::run`].

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::commands::pick::with_newest_proven;
use crate::commands::{
    backup, completions, config, data, doctor, drill, init, key, man, migrate, monitor, open, quickstart,
    restore, roles, schedule, server, verify,
};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupt::{self, Interrupted, unless_interrupted};
use crate::ui::{Format, Nagios, Ui, Voice};

/// The program's name and version, for what it writes down.
pub(crate) const VERSION: &str = concat!(env!("CARGO_BIN_NAME"), " ", env!("CARGO_PKG_VERSION"));

/// How long what was interrupted may take to stop.
const GRACE: Duration = Duration::from_secs(5);

/// Backups of PostgreSQL that have been restored, privileges that have been proved, migrations that have been rehearsed
///
/// The answer goes to stdout, all else to stderr.
///
/// Exit codes: 0 done, nothing wrong found; 1 could not do it; 2 wrong command line; 3 wrong configuration;
/// 4 it ran and the answer is bad; 5 the backup is complete, a later step failed.
#[derive(Parser)]
#[command(version, max_term_width = 80, arg_required_else_help = true, subcommand_required = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

/// The flags of every command.
#[derive(clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct Globals {
    /// Form of the answer [default: table]
    #[arg(long, global = true, value_enum, hide_possible_values = true, value_name = "table|json|csv")]
    pub(crate) format: Option<Format>,
    /// Database of the configuration to work on
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) database: Option<String>,
    /// Configuration to read, instead of looking for one
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Say nothing but the answer, warnings and errors
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Say more about what is done and how
    #[arg(long, short, global = true)]
    pub(crate) verbose: bool,
    /// Also append what is said to a file, with the time
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    Quickstart(quickstart::Args),
    Init(init::Args),
    Doctor(doctor::Args),
    Server(server::Args),
    Migrate(migrate::Args),
    Roles(roles::Args),
    Data(data::Args),
    Backup(backup::Args),
    Drill(drill::Args),
    Restore(restore::Args),
    Open(open::Args),
    Verify(verify::Args),
    Monitor(monitor::Args),
    Schedule(schedule::Args),
    Key(key::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    /// Checks that this command has an answer in this form.
    fn check_format(&self, format: Format) -> Result<(), Failure> {
        match self {
            Self::Backup(args) if args.is_check() && format != Format::Prometheus => Ok(()),
            Self::Monitor(args) if args.is_check() => Ok(()),
            _ => match format {
                Format::Nagios => Err(Failure::usage("only a check has an answer for Nagios").hint(
                    "Run `unisys-dba monitor --format nagios`, `unisys-dba backup list --check --format nagios`, \
                     or take another form.",
                )),
                Format::Prometheus => Err(Failure::usage("only `monitor` has figures for Prometheus")
                    .hint("Run `unisys-dba monitor --format prometheus`, or take another form.")),
                _ => Ok(()),
            },
        }
    }

    async fn run(self, globals: &Globals, ui: &mut Ui) -> Result<Exit, Failure> {
        let context = || {
            let mut context = Context::load(globals)?;
            context.may_ask(ui.prompts(), ui.is_interactive());
            match &context.config_file {
                Some(path) => ui.detail(format!("Configuration: {}", path.display())),
                None => ui.detail("Configuration: none, the defaults are in force"),
            }
            Ok::<_, Failure>(context)
        };
        match self {
            Self::Quickstart(args) => quickstart::run(args, &context()?, ui).await,
            Self::Migrate(args) => migrate::run(args, &context()?, ui).await,
            Self::Roles(args) => roles::run(args, &context()?, ui).await,
            Self::Data(args) => data::run(args, &context()?, ui).await,
            Self::Init(args) => init::run(args, globals, ui).await,
            Self::Doctor(_) => doctor::run(&context()?, ui).await,
            Self::Server(args) => server::run(args, &context()?, ui).await,
            Self::Backup(args) => {
                let ctx = context()?;
                backup::run(args, &ctx, ui).await.map_err(|failure| with_newest_proven(failure, &ctx))
            }
            Self::Drill(args) => {
                let ctx = context()?;
                drill::run(args, &ctx, ui).await.map_err(|failure| with_newest_proven(failure, &ctx))
            }
            Self::Schedule(args) => schedule::run(args, globals, &context()?, ui).await,
            Self::Key(args) => key::run(args, &context()?, ui).await,
            Self::Restore(args) => {
                let ctx = context()?;
                restore::run(args, &ctx, ui).await.map_err(|failure| with_newest_proven(failure, &ctx))
            }
            Self::Open(args) => {
                let ctx = context()?;
                open::run(args, &ctx, ui).await.map_err(|failure| with_newest_proven(failure, &ctx))
            }
            Self::Verify(args) => verify::run(args, &context()?, ui).await,
            Self::Monitor(args) => monitor::run(args, &context()?, ui).await,
            Self::Config(args) => config::run(args, &context()?, ui).await,
            Self::Completions(args) => completions::run(&args, ui),
            Self::Man(args) => man::run(&args, ui),
        }
    }
}

/// Returns the whole tree of commands, for what is generated from it.
pub(crate) fn tree() -> clap::Command {
    Cli::command()
}

/// Runs what the arguments say (the first is the program's name), to the end.
pub(crate) fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    // a wrong command line's code would be a verdict to Nagios
    let for_nagios = args.iter().any(|word| word == "nagios" || word == "--format=nagios");
    let parsed = tree().try_get_matches_from(args);
    let parsed = parsed.and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, command_line(&matches))));
    let (cli, command_line) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let wrong = error.use_stderr();
            // Nobody reads the help: nothing is lost.
            let _ = error.print();
            return match wrong {
                true if for_nagios => (Nagios::Unknown as u8).into(),
                true => Exit::Usage.into(),
                false => Exit::Done.into(),
            };
        }
    };
    let format = cli.globals.format.map_or_else(format_by_variable, Ok);
    let voice = if matches!(format, Ok(Format::Nagios)) { Voice::Quiet } else { cli.globals.voice() };
    let mut ui = Ui::new(*format.as_ref().unwrap_or(&Format::Table), voice);
    // a job's log is its account's to make, not ours who install it
    if let Some(path) = cli.globals.log.as_ref().filter(|_| !matches!(cli.command, Command::Schedule(_))) {
        ui.log_to(path);
    }
    let ready = format.and_then(|format| cli.command.check_format(format));
    let exit = match ready.and_then(|()| execute(cli, &mut ui)) {
        Ok(exit) => exit,
        Err(failure) => {
            ui.failure(&failure, &command_line);
            failure.exit
        }
    };
    ui.code(exit)
}

fn execute(cli: Cli, ui: &mut Ui) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(unless_interrupted(cli.command.run(&cli.globals, ui)));
    runtime.shutdown_timeout(GRACE);
    match outcome? {
        Ok(result) => result,
        Err(Interrupted) if interrupt::is_expected() => {
            ui.status("Closed.");
            Ok(Exit::Done)
        }
        Err(Interrupted) => {
            ui.interrupted();
            Ok(Exit::Failed)
        }
    }
}

impl Globals {
    fn voice(&self) -> Voice {
        match (self.quiet, self.verbose) {
            (true, _) => Voice::Quiet,
            (_, true) => Voice::Verbose,
            _ => Voice::Normal,
        }
    }
}

fn format_by_variable() -> Result<Format, Failure> {
    match std::env::var("UNISYS_DBA_FORMAT") {
        Ok(name) if !name.is_empty() => Format::from_str(&name, false).map_err(|_| {
            Failure::config("UNISYS_DBA_FORMAT is none of table, json, csv, nagios")
                .hint("Change or unset it.")
        }),
        _ => Ok(Format::default()),
    }
}

/// Returns the command as it was typed, without its arguments: `unisys-dba config show`.
fn command_line(matches: &ArgMatches) -> String {
    let mut words = String::from(env!("CARGO_BIN_NAME"));
    let mut next = matches.subcommand();
    while let Some((name, matches)) = next {
        words.push(' ');
        words.push_str(name);
        next = matches.subcommand();
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_of_commands_is_sound() {
        tree().debug_assert();
    }

    /// Checks a command and all below it.
    fn helps_fit(command: &mut clap::Command) {
        let help = command.render_long_help().to_string() + &command.render_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{}: {line}", command.get_name());
        }
        assert!(command.get_about().is_some(), "{} says what it does", command.get_name());
        command.get_subcommands_mut().for_each(helps_fit);
    }

    #[test]
    fn every_help_fits_eighty_columns() {
        let mut tree = tree();
        tree.build();
        helps_fit(&mut tree);
    }
}
