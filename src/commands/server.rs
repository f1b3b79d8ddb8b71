//! `server`: the private PostgreSQL that every command uses when no database is configured.

use unisys_db::{Session, quote_ident};
use unisys_ops::program::Programs;
use unisys_ops::server::PrivateServer;

use crate::context::{Context, PRIVATE_DATABASE};
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view;

/// A private PostgreSQL, used when no database is configured
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Make it where there is none yet, and start it
    Start,
    /// Stop it; its data stays
    Stop,
    /// Show whether it runs, and where it is; exit 4 when it does not run
    Status,
    /// Open psql on it
    Psql {
        /// Arguments for psql
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    match args.command {
        Command::Start => {
            start(ctx).await?;
            ui.hint("Run `unisys-dba migrate up` for the university's schema, or `unisys-dba server psql` to look.");
            view::server::status(ui, &ctx.private_server()?.status())?;
        }
        Command::Stop => {
            let stopped = ctx.private_server()?.stop(|major| Programs::with_server(&ctx.search(), major))?;
            ui.status(if stopped {
                "The private server is stopped."
            } else {
                "The private server did not run."
            });
        }
        Command::Status => {
            let status = ctx.private_server()?.status();
            view::server::status(ui, &status)?;
            return Ok(if status.pid.is_some() { Exit::Done } else { Exit::Bad });
        }
        Command::Psql { arguments } => return psql(ctx, &arguments),
    }
    Ok(Exit::Done)
}

/// Starts the private server and makes the commands' database where it is missing.
async fn start(ctx: &Context) -> Result<(), Failure> {
    let started = start_server(&ctx.private_server()?, ctx, ctx.settings.server.port).await;
    started.hint("Set server.port to a free port, or server.version to an installed version.")
}

/// Starts a server of ours and makes the commands' database where it is missing.
pub(crate) async fn start_server(server: &PrivateServer, ctx: &Context, port: u16) -> Result<(), Failure> {
    let (search, version, starting) = (ctx.search(), ctx.settings.server.version, server.clone());
    let programs = move |major: Option<u32>| Programs::with_server(&search, major.or(version));
    tokio::task::spawn_blocking(move || starting.start(programs, port)).await??;
    let session = Session::open(&server.target("postgres")?).await?;
    let sql = "select exists (select from pg_catalog.pg_database where datname = $1)";
    if !session.query_one(sql, &[&PRIVATE_DATABASE]).await?.get::<_, bool>(0) {
        session.batch_execute(&format!("create database {}", quote_ident(PRIVATE_DATABASE))).await?;
    }
    Ok(())
}

fn psql(ctx: &Context, arguments: &[String]) -> Result<Exit, Failure> {
    let server = ctx.private_server()?;
    let target = server.target(PRIVATE_DATABASE).hint("Run `unisys-dba server start` first.")?;
    let programs = Programs::with_server(&ctx.search(), server.status().major)?;
    // a person's own psql: with their environment, their ~/.psqlrc and their pager
    let mut psql = std::process::Command::new(programs.path("psql"));
    let status = psql.envs(target.child_env()).args(arguments).status().hint("Install the psql client.")?;
    Ok(if status.success() { Exit::Done } else { Exit::Failed })
}
