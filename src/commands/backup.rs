//! `backup`: making, listing, checking and decrypting backups.

mod check;
mod decrypt;
mod list;
mod run;
mod run_all;
mod selected;
mod show;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) use run::default_options;
pub(crate) use selected::SelectedArgs;

/// Make backups and look after them
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Run(run::Args),
    List(list::Args),
    Show(show::Args),
    Check(check::Args),
    Decrypt(decrypt::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Command::Run(args) => run::run(args, ctx, ui).await,
        Command::List(args) => list::run(&args, ctx, ui),
        Command::Show(args) => show::run(&args, ctx, ui),
        Command::Check(args) => check::run(&args, ctx, ui).await,
        Command::Decrypt(args) => decrypt::run(&args, ctx, ui).await,
    }
}
