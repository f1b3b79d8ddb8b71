//! `init`: the first minutes with a database of one's own.

mod files;
mod plan;
mod recovery;

use std::path::PathBuf;

use secrecy::ExposeSecret;
use unisys_db::preflight::{BACKUP_LOGIN, Preflight, backup_login_sql};
use unisys_db::{Session, Target};
use unisys_ops::evidence::SigningKey;
use unisys_ops::keys::{KeyPair, Recipient};

use crate::cli::Globals;
use crate::commands::key::comment;
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;
use crate::view::init::Report;
use plan::Plan;

/// Configure backups of a database of your own: keys, store, and the SQL for a login
///
/// Connects first; nothing is written before that worked. An existing configuration is added to, never changed. The
/// recovery key is shown once and kept nowhere.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Where the database is, as libpq takes it, without the password
    #[arg(long, value_name = "URL")]
    url: String,
    /// Where its backups go: a directory, or s3://bucket/prefix
    #[arg(long, value_name = "STORE")]
    store: String,
    /// The file its password is in [default: ~/.pgpass]
    #[arg(long, value_name = "FILE")]
    passfile: Option<PathBuf>,
    /// The public half of a recovery key you already have, instead of a new one
    #[arg(long, value_name = "age1…")]
    recovery_recipient: Option<String>,
    /// Go without a recovery key: when the drill key is lost, so are the backups
    #[arg(long, conflicts_with = "recovery_recipient")]
    no_recovery_key: bool,
}

pub(crate) async fn run(args: Args, globals: &Globals, ui: &mut Ui) -> Result<Exit, Failure> {
    let (ctx, file) = Context::for_init(globals)?;
    let plan = Plan::of(&args, &ctx, file)?;
    let choice = recovery::Choice::of(&args, ui)?;
    let target = target(&plan, &ctx, ui)?;
    let facts = look(&target).await?;
    ui.status(format!("Connected to {target}, PostgreSQL {}.", facts.database.server_version));
    let recovery = recovery::take(choice, &plan.name, ui).await?;
    let drill = KeyPair::generate();
    let signing = plan.signing_file.as_ref();
    let signing = signing.map(|_| SigningKey::generate(&comment(&ctx))).transpose()?;
    plan.write(&drill, signing.as_ref(), recovery.as_ref(), ctx.now)?;
    let report = report(&plan, &facts, &Recipient::parse(&drill.recipient())?, recovery.as_ref(), &ctx);
    view::init::show(ui, &report)?;
    let config =
        globals.config.as_ref().map(|path| format!(" --config {}", path.display())).unwrap_or_default();
    ui.hint(format!("Try every link: unisys-dba doctor --database {}{config}", plan.name));
    Ok(Exit::Done)
}

/// Resolves the connection as every later command will.
fn target(plan: &Plan, ctx: &Context, ui: &Ui) -> Result<Target, Failure> {
    let database = plan.database();
    let selection = Selection::Configured { name: &plan.name, database: &database };
    let target = ctx.target(&selection, ui)?;
    if ctx.environment.contains_key("PGPASSWORD") {
        ui.warning("PGPASSWORD is set; a scheduled run will not have it. Put the password into a passfile:");
        ui.warning(plan::passfile_line(&target));
    }
    Ok(target)
}

async fn look(target: &Target) -> Result<Preflight, Failure> {
    let session = Session::open(target).await?;
    session.set_pinned().await?;
    let facts = Preflight::load(&session).await?;
    session.close().await;
    Ok(facts)
}

fn report(
    plan: &Plan,
    facts: &Preflight,
    drill: &Recipient,
    recovery: Option<&Recipient>,
    ctx: &Context,
) -> Report {
    Report {
        config: plan.file.clone(),
        database: plan.name.clone(),
        url: plan.database().url.expose_secret().to_owned(),
        store: plan.store.to_string(),
        drill_key: plan.key_file.clone(),
        drill_recipient: drill.text().to_owned(),
        signing_key: plan.signing_file.clone().or_else(|| ctx.settings.evidence.signing_key.clone()),
        recovery_recipient: recovery.map(|recipient| recipient.text().to_owned()),
        login: facts.login.name.clone(),
        login_is_superuser: facts.login.superuser,
        login_sql: backup_login_sql(facts, BACKUP_LOGIN, ctx.settings.backup.jobs.get()),
    }
}
