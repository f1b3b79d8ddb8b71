//! `monitor`: how a server is, by checks that say so when they could not look.

use std::path::{Path, PathBuf};

use unisys_db::Session;
use unisys_db::monitor::{self, Check, Limits, Recording, Report, State, Thresholds};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{Format, Ui};
use crate::view;

/// Look at a server: all checks, or those named
///
/// Each check asks one question, read-only, with a time limit. What it could not see is said: unsupported (this server has
/// none of it), not-permitted (with the GRANT that helps), no-data. Exit 4 for warning, critical and not-permitted; a check that
/// was named must also have an answer. `--format nagios` and `--format prometheus` are for what watches the server.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    look: Look,
}

#[derive(clap::Subcommand)]
enum Command {
    /// List the checks: what each looks at, its marks, and the right it needs
    List,
    /// Write down what the checks are told, to be judged later with --from
    Record(Record),
}

#[derive(clap::Args)]
struct Look {
    /// The checks to run [default: all]
    #[arg(value_name = "CHECK")]
    checks: Vec<String>,
    /// Judge what `monitor record` wrote, instead of a server
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Record {
    /// The file to write, JSON; "-" is stdout
    file: PathBuf,
    /// The checks to run [default: all]
    #[arg(value_name = "CHECK")]
    checks: Vec<String>,
}

impl Args {
    /// Whether it judges, so that it has an answer for Nagios and Prometheus.
    pub(crate) fn is_check(&self) -> bool {
        self.command.is_none()
    }
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Some(Command::List) => {
            view::monitor::checks(ui, monitor::all())?;
            Ok(Exit::Done)
        }
        Some(Command::Record(args)) => record(&args, ctx, ui).await,
        None => look(&args.look, ctx, ui).await,
    }
}

async fn look(args: &Look, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let checks = chosen(&args.checks)?;
    let recording = match &args.from {
        Some(file) => of_file(file, &args.checks)?,
        None => asked(&checks, ctx, ui).await?,
    };
    let report = monitor::judge(&recording, &Thresholds::default());
    match ui.format() {
        Format::Nagios => view::monitor::nagios(ui, &report),
        Format::Prometheus => ui.text(&view::monitor::prometheus(&report))?,
        _ => view::monitor::report(ui, &report, !args.checks.is_empty())?,
    }
    Ok(exit(&report, !args.checks.is_empty()))
}

async fn record(args: &Record, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let recording = asked(&chosen(&args.checks)?, ctx, ui).await?;
    let text = serde_json::to_string_pretty(&recording)? + "\n";
    if args.file == Path::new("-") {
        ui.text(&text)?;
    } else {
        std::fs::write(&args.file, text)
            .map_err(|error| Failure::new(format!("could not write {}: {error}", args.file.display())))?;
        ui.status(format!("{} checks recorded in {}", recording.checks.len(), args.file.display()));
    }
    Ok(Exit::Done)
}

async fn asked(checks: &[&Check], ctx: &Context, ui: &Ui) -> Result<Recording, Failure> {
    let mut target = ctx.target(&ctx.selection()?, ui)?;
    // Its own sessions are left out of what it counts, and are known to others by this.
    target.application_name = "unisys-dba/monitor".into();
    let session = Session::open(&target).await?;
    let recording = monitor::collect(&session, checks, Limits::default()).await?;
    session.close().await;
    Ok(recording)
}

fn of_file(file: &Path, only: &[String]) -> Result<Recording, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(format!("could not read {}: {error}", file.display())))?;
    let mut recording: Recording = serde_json::from_str(&text).map_err(|error| {
        Failure::new(format!("{} is no recording: {error}", file.display()))
            .hint("`unisys-dba monitor record FILE` writes one.")
    })?;
    if !only.is_empty() {
        recording.checks.retain(|recorded| only.contains(&recorded.check));
    }
    Ok(recording)
}

/// Returns the checks of these names, or all.
fn chosen(names: &[String]) -> Result<Vec<&'static Check>, Failure> {
    if names.is_empty() {
        return Ok(monitor::all().to_vec());
    }
    names.iter().map(|name| monitor::find(name).ok_or_else(|| unknown(name))).collect()
}

fn unknown(name: &str) -> Failure {
    let known = monitor::all().iter().map(|check| check.id);
    let nearest = known.map(|id| (strsim::jaro_winkler(id, name), id)).max_by(|a, b| a.0.total_cmp(&b.0));
    let failure = Failure::usage(format!("there is no check {name:?}"));
    match nearest.filter(|(likeness, _)| *likeness > 0.7) {
        Some((_, id)) => failure.hint(format!("Did you mean {id}? `unisys-dba monitor list` shows all.")),
        None => failure.hint("`unisys-dba monitor list` shows the checks."),
    }
}

/// What a process ends with: what could not be seen is bad only if it was asked for, or is a right somebody can give.
fn exit(report: &Report, named: bool) -> Exit {
    let bad = |state| match state {
        State::Ok => false,
        State::Unsupported | State::NoData => named,
        State::NotPermitted | State::Warning | State::Critical => true,
    };
    if report.checks.iter().any(|check| bad(check.verdict.state)) { Exit::Bad } else { Exit::Done }
}
