//! `data`: what is in the university's tables.

mod generate;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) use generate::generate;

/// Work on the university's data
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Generate(generate::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Command::Generate(args) => generate::run(args, ctx, ui).await,
    }
}
