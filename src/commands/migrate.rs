//! `migrate`: the university's schema, version by version.

mod rehearse;

use unisys_db::Session;
use unisys_db::migrate::{self, Event, MigrateError, MigrationSet, State, UpOptions};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;

/// Bring the database's schema up to date
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Up(UpArgs),
    /// Show which migrations are applied; exit 4 when one is pending or does not fit
    Status,
    Rehearse(rehearse::Args),
}

/// Apply what is pending, each migration in a transaction of its own
///
/// On an empty database the owner roles and schema ops are made first. Several runs at once are safe: one works, the others
/// wait.
#[derive(clap::Args)]
struct UpArgs {
    /// Show what would be applied, and apply nothing
    #[arg(long)]
    dry_run: bool,
    /// Apply without asking
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let set = MigrationSet::builtin()?;
    if let Command::Rehearse(args) = &args.command {
        return rehearse::run(args, &set, ctx, ui).await;
    }
    let target = ctx.target(&ctx.selection()?, ui)?;
    let session = Session::open(&target).await?;
    let status = migrate::status(&session, &set).await?;
    session.close().await;
    let Command::Up(args) = args.command else {
        view::migrate::status(ui, &status)?;
        let current = status.is_sound() && status.count(State::Pending) == 0;
        return Ok(if current { Exit::Done } else { Exit::Bad });
    };
    if args.dry_run || (status.is_sound() && status.count(State::Pending) == 0) {
        view::migrate::status(ui, &status)?;
        return Ok(Exit::Done);
    }
    let pending = status.count(State::Pending);
    for entry in status.migrations.iter().filter(|entry| entry.state == State::Pending) {
        ui.status(format!("pending: {}", entry.file.as_deref().unwrap_or(&entry.name)));
    }
    if !ui.confirm(&format!("Apply {pending} migrations to {target}?"), args.yes).await? {
        return Ok(Exit::Done);
    }
    let tell = |event: &Event<'_>| view::migrate::step(ui, event);
    let report = migrate::up(&target, &set, &UpOptions::default(), &tell).await.map_err(explain)?;
    view::migrate::applied(ui, &report)?;
    Ok(Exit::Done)
}

/// Returns the failure with what to do about it.
pub(crate) fn explain(error: MigrateError) -> Failure {
    let hint: String = match &error {
        MigrateError::NotPermitted { sql, .. } => {
            format!("Let a superuser run this first:\n{};", sql.join(";\n"))
        }
        MigrateError::Locked { .. } => "Wait for the other session, or end it, and run this again.".into(),
        MigrateError::Pooler(_) => "Name the server's own port in the url, or a pool in session mode.".into(),
        MigrateError::Rules(_) => {
            "Nothing was applied. The directory's README.md says what a migration may do and why.".into()
        }
        MigrateError::Edited { file } => {
            format!("Bring {file} back as it was applied, and put the change into a new file.")
        }
        MigrateError::OutOfOrder { file, .. } => {
            format!("Give {file} the next free version: another branch was merged first.")
        }
        MigrateError::Unknown { .. } => {
            "Use the version of unisys-dba that applied it, or a newer one.".into()
        }
        MigrateError::Apply { holders, .. } if !holders.is_empty() => {
            format!("Its locks were held by\n{}\nIt was rolled back. Run this again.", holders.join("\n"))
        }
        MigrateError::Apply { .. } | MigrateError::Unverified { .. } => {
            "The failed migration was rolled back. Remove the cause and run this again.".into()
        }
        MigrateError::HalfDone { invalid, .. } if !invalid.is_empty() => {
            "Run this again: it drops the invalid index of the file and builds it anew. An index whose name ends in \
             _ccnew is dropped with `drop index concurrently`."
                .into()
        }
        MigrateError::HalfDone { .. } => {
            "What it had done stays. Look at what is there, remove the cause and run this again.".into()
        }
        MigrateError::Left { .. } => {
            "Look at what is there and take it back by hand before you mend the file.".into()
        }
        MigrateError::Lost { .. } => "Run this again.".into(),
        MigrateError::Unresolved { .. } => {
            "When the server answers, run `unisys-dba migrate status`, then this again.".into()
        }
        _ => "Run `unisys-dba migrate status`.".into(),
    };
    Failure::from(error).hint(hint)
}
