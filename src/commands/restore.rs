//! `restore`: a backup into a server that is in use.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use unisys_db::Target;
use unisys_db::pattern::TablePattern;
use unisys_ops::OpsError;
use unisys_ops::restore::{ChosenTables, IntoServer, OpenBackup, Roles};

use super::{pick, signature};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Restore a backup into a database of the configured server, or of another
///
/// The database is made under a temporary name and gets its own when it is complete; what does not get that far is dropped.
/// Rows are loaded by your login: checks and triggers in the backup run with its rights. Exit 4 when --verify finds a
/// difference.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The backup: its name, the start of it, or "latest"
    backup: String,
    /// The database to make
    #[arg(long, value_name = "DATABASE")]
    to: String,
    /// Server to restore into, as libpq takes it [default: the configured database's]
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    /// Restore only these tables into a database that is there: schema.table, with * and ?
    ///
    /// A missing table is made: with the sequences it owns, at their values, its defaults, indexes, triggers, rules,
    /// policies, comments and grants, and the constraints among the chosen tables. One that is there must be empty, and
    /// gets its rows. What they stand on (types, functions, roles) must be there. All in one transaction, in which each is
    /// compared with the backup. A partitioned table brings its partitions; a partition that is chosen without it comes as
    /// a table of its own.
    #[arg(
        long,
        value_name = "PATTERN",
        value_delimiter = ',',
        value_parser = TablePattern::parse,
        conflicts_with_all = ["replace", "disconnect", "no_roles", "all_roles", "verify"]
    )]
    tables: Vec<TablePattern>,
    /// Let the tables come into this schema, instead of their own
    ///
    /// It is made where it is missing; the tables' owners may then use it.
    #[arg(long, value_name = "SCHEMA", requires = "tables")]
    into_schema: Option<String>,
    /// Take the place of a database that is not empty, whose name this repeats; it is kept under another
    #[arg(long, value_name = "DATABASE")]
    replace: Option<String>,
    /// End the sessions that use the database to replace
    #[arg(long)]
    disconnect: bool,
    /// Make no roles; list the missing ones as SQL
    #[arg(long, conflicts_with = "all_roles")]
    no_roles: bool,
    /// Make all missing roles of the source's server, not only those the database needs
    #[arg(long)]
    all_roles: bool,
    /// Leave out owners and privileges: all belongs to your login
    #[arg(long)]
    no_owner: bool,
    /// Compare every table with the backup before the database gets its name
    #[arg(long)]
    verify: bool,
    /// File with identities to decrypt with [default: drill.identities]
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Parallel sessions [default: restore.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    if args.replace.as_ref().is_some_and(|name| *name != args.to) {
        return Err(Failure::usage("--replace must repeat the name in --to")
            .hint(format!("Write --replace {}, if that database is to go.", args.to)));
    }
    if !args.tables.is_empty() {
        return tables(&args, ctx, ui).await;
    }
    let into = into_server(&args, ctx, ui)?;
    let plan = into.plan().await.map_err(explain)?;
    if args.dry_run {
        view::restore::plan(ui, &plan)?;
        return Ok(if plan.obstacles.is_empty() { Exit::Done } else { Exit::Failed });
    }
    view::restore::announce(ui, &plan);
    refuse(&plan.database, &plan.obstacles)?;
    if !ui.confirm(&format!("Restore into {}?", args.to), args.yes).await? {
        return Ok(Exit::Done);
    }
    let restored = into.run(&plan).await.map_err(explain)?;
    view::restore::done(ui, &restored)?;
    if !restored.differences.is_empty() {
        ui.hint(format!(
            "The copy is kept as {}; {} is as it was. Drop the one you do not want.",
            restored.database, args.to
        ));
        return Ok(Exit::Bad);
    }
    if let Some(old) = &restored.kept_as {
        ui.hint(format!("When you are sure: drop database {};", unisys_db::quote_ident(old)));
    }
    Ok(Exit::Done)
}

async fn tables(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let (backup, target) = opened(args, ctx, ui)?;
    let chosen = ChosenTables {
        backup,
        target: target.with_database(&args.to),
        patterns: args.tables.clone(),
        into_schema: args.into_schema.clone(),
        no_owner: args.no_owner,
        search: ctx.search(),
        parent: ctx.scratch_directory(),
        progress: Arc::from(ui.progress()),
    };
    let plan = chosen.plan().await.map_err(explain)?;
    if args.dry_run {
        view::restore::tables_plan(ui, &plan)?;
        return Ok(if plan.obstacles.is_empty() { Exit::Done } else { Exit::Failed });
    }
    view::restore::announce_tables(ui, &plan);
    refuse(&args.to, &plan.obstacles)?;
    if !ui.confirm(&format!("Restore these tables into {}?", args.to), args.yes).await? {
        return Ok(Exit::Done);
    }
    let torn = chosen.run(&plan).await.map_err(explain_tables)?;
    torn.iter().for_each(|text| ui.warning(text));
    view::restore::tables_done(ui, &plan, &torn)?;
    Ok(Exit::Done)
}

/// Returns the backup with its key, and how to connect to the server.
fn opened(args: &Args, ctx: &Context, ui: &Ui) -> Result<(Arc<OpenBackup>, Target), Failure> {
    let selection = ctx.selection()?;
    let picked = pick::pick(ctx, ui, &args.backup)?;
    let target: Target = match &args.server {
        Some(url) => ctx.target_of(url, ui)?,
        None => ctx.target(&selection, ui)?,
    };
    let identities = ctx.identities(&selection, &args.identity)?;
    let backup = OpenBackup::open(&*picked.store, &picked.id, identities, &ctx.trust()?).map_err(explain)?;
    signature::warn(ui, &picked.id, &backup.signature, ctx);
    Ok((Arc::new(backup), target))
}

fn into_server(args: &Args, ctx: &Context, ui: &Ui) -> Result<IntoServer, Failure> {
    let (backup, target) = opened(args, ctx, ui)?;
    Ok(IntoServer {
        database: args.to.clone(),
        replace: args.replace.is_some(),
        disconnect: args.disconnect,
        roles: match (args.no_roles, args.all_roles) {
            (true, _) => Roles::None,
            (_, true) => Roles::All,
            _ => Roles::Needed,
        },
        no_owner: args.no_owner,
        verify: args.verify,
        ..whole(backup, target, args.jobs, ctx, ui)
    })
}

/// Returns the restore of a backup into the target's database, which must not be there yet, with the roles it needs.
pub(super) fn whole(
    backup: Arc<OpenBackup>,
    target: Target,
    jobs: Option<NonZeroUsize>,
    ctx: &Context,
    ui: &Ui,
) -> IntoServer {
    IntoServer {
        backup,
        database: target.database.clone(),
        target,
        replace: false,
        disconnect: false,
        roles: Roles::Needed,
        no_owner: false,
        verify: false,
        search: ctx.search(),
        parent: ctx.scratch_directory(),
        jobs: jobs.unwrap_or(ctx.settings.restore.jobs).get(),
        now: ctx.now,
        progress: Arc::from(ui.progress()),
    }
}

pub(super) fn refuse(database: &str, obstacles: &[String]) -> Result<(), Failure> {
    let mut obstacles = obstacles.iter();
    let Some(first) = obstacles.next() else { return Ok(()) };
    let failure = Failure::new(format!("cannot restore into {database}: {first}"));
    let failure = obstacles.fold(failure, |failure, more| failure.hint(format!("Also: {more}")));
    Err(failure.hint("Nothing was changed. See `unisys-dba restore --help`."))
}

/// What the tables stand on is named by the server when it misses it: undefined object, function, schema, table.
fn explain_tables(error: OpsError) -> Failure {
    let state = match &error {
        OpsError::Db(error) => error.sqlstate().map(|state| state.code().to_owned()),
        _ => None,
    };
    match state.as_deref() {
        Some("42704" | "42883" | "3F000" | "42P01") => Failure::from(error)
            .hint("Make what is missing there first, or leave out owners and privileges with --no-owner.")
            .hint("Nothing was changed. `unisys-dba open` serves the backup, to look up what it was."),
        _ => explain(error),
    }
}

pub(super) fn explain(error: OpsError) -> Failure {
    let hint = match &error {
        OpsError::Open { .. } | OpsError::Corrupt(_) | OpsError::Signature { .. } => {
            "Restore another backup: see `unisys-dba backup list`."
        }
        OpsError::ProgramMissing(_) => {
            "Install PostgreSQL's client programs of the server's version or newer, or set programs.directory."
        }
        OpsError::Program { .. } => {
            "What was restored so far is dropped again; the server's log may say more."
        }
        _ => "Run `unisys-dba doctor`: it tries each step and says what to change.",
    };
    Failure::from(error).hint(hint)
}
