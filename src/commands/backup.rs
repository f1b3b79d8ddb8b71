//! `backup`: making, listing, checking, decrypting, rekeying and removing backups.

mod before;
mod check;
mod copies;
mod decrypt;
mod freshness;
mod list;
mod nightly;
mod pin;
mod prune;
mod rekey;
mod retention;
mod run;
mod run_all;
mod selected;
mod serve;
mod show;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

pub(crate) use before::before_a_change;
pub(crate) use copies::Followed;
pub(crate) use run::{Finished, default_options};
pub(crate) use selected::{SelectedArgs, part};
pub(crate) use serve::Made;

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
    Rekey(rekey::Args),
    Prune(prune::Args),
    Pin(pin::Args),
    Unpin(pin::UnpinArgs),
}

impl Args {
    /// Whether this is a check, whose answer Nagios understands.
    pub(crate) fn is_check(&self) -> bool {
        matches!(&self.command, Command::List(args) if args.is_check())
    }
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Command::Run(args) => run::run(args, ctx, ui).await,
        Command::List(args) => list::run(&args, ctx, ui),
        Command::Show(args) => show::run(&args, ctx, ui),
        Command::Check(args) => check::run(&args, ctx, ui).await,
        Command::Decrypt(args) => decrypt::run(&args, ctx, ui).await,
        Command::Rekey(args) => rekey::run(&args, ctx, ui).await,
        Command::Prune(args) => prune::run(args, ctx, ui).await,
        Command::Pin(args) => pin::run(args, ctx, ui),
        Command::Unpin(args) => pin::unpin(&args, ctx, ui),
    }
}
