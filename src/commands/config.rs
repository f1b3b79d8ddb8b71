//! `config`: what is configured, and by whom.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;
use crate::view::settings::Report;

/// Show the configuration
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Show(ShowArgs),
}

/// Show each value in force and where it comes from; passwords are hidden
#[derive(clap::Args)]
struct ShowArgs {
    /// Only this key, or the keys of this table: "backup.jobs", "drill"
    #[arg(value_name = "KEY")]
    key: Option<String>,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Command::Show(args) => show(args, ctx, ui),
    }
}

fn show(args: ShowArgs, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let report = Report::of(ctx.config_file.clone(), &ctx.entries, args.key.as_deref());
    if let (Some(key), true) = (args.key, report.settings.is_empty()) {
        return Err(Failure::usage(format!("there is no key {key}"))
            .hint("Run `unisys-dba config show` for all keys."));
    }
    view::settings::show(ui, &report)?;
    Ok(Exit::Done)
}
