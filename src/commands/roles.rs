//! `roles`: who may do what, declared, applied, proved.

mod explain;
mod matrix;
mod passwd;
mod who_can;

use unisys_db::roles::{self, Live};
use unisys_db::{Session, Target};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Say who may do what in a database
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Explain(explain::Args),
    WhoCan(who_can::Args),
    Matrix(matrix::Args),
    Passwd(passwd::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let target = ctx.target(&ctx.selection()?, ui)?;
    match args.command {
        Command::Explain(args) => explain::run(&args, &target, ui).await,
        Command::WhoCan(args) => who_can::run(&args, &target, ui).await,
        Command::Matrix(args) => matrix::run(&args, &target, ui).await,
        Command::Passwd(args) => passwd::run(args, None, &target, ctx, ui).await,
    }
}

/// Reads what a server says of roles and privileges, where nothing can be changed.
async fn inspect(target: &Target) -> Result<Live, Failure> {
    let session = Session::open(target).await?;
    roles::begin_read_only(&session).await?;
    let live = roles::inspect(&session).await?;
    session.close().await;
    Ok(live)
}
