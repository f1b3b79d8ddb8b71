//! `data`: what is in the university's tables.

mod erd;
mod generate;
mod partitions;
mod quality;

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
    Quality(quality::Args),
    Partitions(partitions::Args),
    Erd(erd::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Command::Generate(args) => generate::run(args, ctx, ui).await,
        Command::Quality(args) => quality::run(args, ctx, ui).await,
        Command::Partitions(args) => partitions::run(args, ctx, ui).await,
        Command::Erd(args) => erd::run(args, ctx, ui).await,
    }
}
