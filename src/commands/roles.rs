//! `roles`: who may do what, declared, applied, proved.

mod apply;
mod explain;
mod matrix;
pub(crate) mod next_step;
mod passwd;
mod plan;
mod undo;
mod verify;
mod who_can;

use std::path::{Path, PathBuf};

use unisys_db::roles::{self, Live, Policy, PolicyErrors};
use unisys_db::{Session, Target};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;

/// Say who may do what in a database
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The policy, instead of the university's own
    #[arg(long, global = true, value_name = "FILE")]
    policy: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Plan(plan::Args),
    Apply(apply::Args),
    Undo(undo::Args),
    Explain(explain::Args),
    WhoCan(who_can::Args),
    Verify(verify::Args),
    Matrix(matrix::Args),
    Passwd(passwd::Args),
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let target = ctx.target(&ctx.selection()?, ui)?;
    // what was done is taken back whatever the policy says now
    let policy = || policy(args.policy.as_deref(), ctx);
    match args.command {
        Command::Plan(args) => plan::run(&args, &target, &policy()?, ui).await,
        Command::Apply(args) => apply::run(&args, &target, &policy()?, ctx, ui).await,
        Command::Undo(args) => undo::run(&args, &target, ctx, ui).await,
        Command::Explain(args) => explain::run(&args, &target, ui).await,
        Command::WhoCan(args) => who_can::run(&args, &target, ui).await,
        Command::Verify(args) => verify::run(&args, &target, &policy()?, ui).await,
        Command::Matrix(args) => matrix::run(&args, &target, &policy()?, ui).await,
        Command::Passwd(args) => passwd::run(args, &policy()?, &target, ctx, ui).await,
    }
}

/// Returns the policy that is meant: of the file given, the one configured, or the university's own.
fn policy(file: Option<&Path>, ctx: &Context) -> Result<Policy, Failure> {
    let Some(path) = file.or(ctx.settings.roles.policy.as_deref()) else {
        return Policy::builtin().map_err(wrong_policy);
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::config(format!("could not read the policy {}: {error}", path.display()))
            .hint("Name a policy with --policy or roles.policy, or leave it out to use the university's own.")
    })?;
    Policy::parse(&text, &path.display().to_string()).map_err(wrong_policy)
}

/// The first error is the failure, the others stand below it.
fn wrong_policy(PolicyErrors(errors): PolicyErrors) -> Failure {
    let (first, others) = match errors.split_first() {
        Some((first, others)) => (first.to_string(), others),
        None => (String::new(), &[][..]),
    };
    let others: String = others.iter().map(|error| format!("{error}\n")).collect();
    Failure::config(first).hint(format!("{others}Correct the policy; docs/ROLES.md describes it."))
}

/// Reads what a server says of roles and privileges, where nothing can be changed.
async fn inspect(target: &Target) -> Result<Live, Failure> {
    let session = Session::open(target).await?;
    roles::begin_read_only(&session).await?;
    let live = roles::inspect(&session).await?;
    session.close().await;
    Ok(live)
}
