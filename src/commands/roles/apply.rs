//! `roles apply`: what a policy asks for, done and proved.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use unisys_db::roles::{
    self, ApplyEvent, ApplyOptions, Live, Policy, RetireEvent, RetirementPlan, RolesError, SavedPlan,
};
use unisys_db::{DbError, Session, Target};
use unisys_ops::platform;

use super::next_step::explain;
use super::passwd;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view;
use crate::view::roles::apply::Report;

/// SQLSTATE `invalid_catalog_name`
const NO_SUCH_DATABASE: &str = "3D000";

/// Make a database's roles and privileges as the policy says
///
/// One transaction: what is given comes before what is taken away, and it is committed only when nothing is left to do and every
/// assertion of the policy holds. What was done is recorded in ops.role_changes; `roles undo` takes it back. Several runs at once
/// are safe, on one database and on several of one server. Where nothing differs, nothing is written.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// A plan of `roles plan --out`: this, from the state it was made from, or nothing
    #[arg(value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// Make the database first, where it is missing: owner, encoding, locale and connection limit are the policy's
    #[arg(long)]
    create_database: bool,
    /// Set the passwords the policy has sources for also of roles that log in already
    #[arg(long)]
    set_passwords: bool,
    /// Keep no record in ops.role_changes; it cannot be taken back then
    #[arg(long)]
    no_record: bool,
    /// Retire roles without asking. That cannot be undone
    #[arg(long)]
    retire: bool,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Change without asking. Roles are retired only with --retire
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(
    args: &Args,
    target: &Target,
    policy: &Policy,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let saved = args.plan.as_deref().map(read_plan).transpose()?;
    let mut report = Report::default();
    if args.create_database && !exists(target).await? {
        let statement = roles::create_database_sql(&target.database, &policy.database);
        if args.dry_run {
            report.create_database = Some(statement);
            view::roles::apply::show(ui, &report)?;
            return Ok(Exit::Done);
        }
        ui.status(format!("{statement};"));
        if !ui.confirm("Make the database?", args.yes).await? {
            return Ok(Exit::Done);
        }
        roles::create_database(target, &policy.database).await.map_err(explain)?;
        report.create_database = Some(statement);
    }
    let live = super::inspect(target).await?;
    let difference = roles::difference(policy, &live);
    let plan = SavedPlan::new(policy, &live, difference.changes.clone());
    report.planned(&difference);
    if args.dry_run {
        report.retirements = retirements(target, policy).await?;
        view::roles::apply::show(ui, &report)?;
        return Ok(if difference.impossible.is_empty() { Exit::Done } else { Exit::Failed });
    }
    if !difference.impossible.is_empty() {
        return Err(explain(RolesError::Impossible(difference.impossible)));
    }
    let count = report.changes.len();
    if count > 0 {
        view::roles::apply::announce(ui, &report);
        let question = format!("Change the roles and privileges of {target} by {count} statements?");
        if !ui.confirm(&question, args.yes).await? {
            return Ok(Exit::Done);
        }
    }
    // what a person agreed to is done, and nothing else
    let agreed = saved.or((!args.yes).then_some(plan));
    let passwords = passwords(args, policy, &live, ctx, ui).await?;
    let (record, set_passwords) = (!args.no_record, args.set_passwords);
    let options = ApplyOptions { record, passwords, set_passwords, ..options(ctx) };
    let tell = |event: &ApplyEvent<'_>| view::roles::apply::step(ui, event);
    report.done(roles::apply(target, policy, agreed.as_ref(), &options, &tell).await.map_err(explain)?);
    report.retirements = retirements(target, policy).await?;
    if let Err(failure) = retire(args, target, &mut report, &options, ui).await {
        view::roles::apply::show(ui, &report)?;
        return Err(failure);
    }
    view::roles::apply::show(ui, &report)?;
    if let Some(id) = report.id {
        ui.hint(format!("Take it back with `unisys-dba roles undo {id}`, if this was wrong."));
    }
    Ok(Exit::Done)
}

/// Returns how roles are changed here.
pub(super) fn options(ctx: &Context) -> ApplyOptions {
    let settings = &ctx.settings.migrate;
    ApplyOptions {
        wait: settings.wait.0,
        lock_timeout: settings.lock_timeout.0,
        tool: crate::cli::VERSION.into(),
        host: platform::host_name(),
        ..ApplyOptions::default()
    }
}

fn read_plan(path: &Path) -> Result<SavedPlan, Failure> {
    let text = fs::read_to_string(path)
        .map_err(|error| Failure::usage(format!("could not read the plan {}: {error}", path.display())))?;
    let plan: SavedPlan = serde_json::from_str(&text)
        .map_err(|error| Failure::usage(format!("{} is no plan: {error}", path.display())))
        .hint("Make one with `unisys-dba roles plan --out FILE`.")?;
    if plan.schema_version != 1 {
        let version = plan.schema_version;
        return Err(Failure::usage(format!("{} is a plan of version {version}, not 1", path.display()))
            .hint("Make one with this version of unisys-dba."));
    }
    Ok(plan)
}

/// Fetches the passwords that are to be set. A new role without one logs in with none, which harms nobody.
async fn passwords(
    args: &Args,
    policy: &Policy,
    live: &Live,
    ctx: &Context,
    ui: &Ui,
) -> Result<BTreeMap<String, SecretString>, Failure> {
    let mut passwords = BTreeMap::new();
    for (role, rule) in &policy.roles {
        let is_there = live.role(role).is_some();
        let Some(source) = rule.password.as_ref().filter(|_| args.set_passwords || !is_there) else {
            continue;
        };
        match passwd::of(source, ctx).await {
            Ok(password) => {
                passwords.insert(role.clone(), password);
            }
            Err(failure) if args.set_passwords => return Err(failure),
            Err(failure) => {
                ui.warning(format!("{role} gets no password: {}", failure.error));
            }
        }
    }
    Ok(passwords)
}

async fn exists(target: &Target) -> Result<bool, DbError> {
    match Session::open(target).await {
        Ok(session) => {
            session.close().await;
            Ok(true)
        }
        Err(error) if error.sqlstate().is_some_and(|state| state.code() == NO_SUCH_DATABASE) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn retirements(target: &Target, policy: &Policy) -> Result<Vec<RetirementPlan>, Failure> {
    roles::plan_retirements(target, policy).await.map_err(explain)
}

/// Retires one role after the other, each when it is agreed to.
async fn retire(
    args: &Args,
    target: &Target,
    report: &mut Report,
    options: &ApplyOptions,
    ui: &mut Ui,
) -> Result<(), Failure> {
    for plan in report.retirements.clone() {
        if !plan.obstacles.is_empty() && !args.retire {
            // told with the report
            continue;
        }
        if !args.retire && !ui.is_interactive() {
            ui.hint(format!(
                "{} is not retired yet: that needs --retire, because it cannot be undone.",
                plan.role
            ));
            continue;
        }
        view::roles::apply::announce_retirement(ui, &plan);
        let question = format!("Retire {} for good? That cannot be undone.", plan.role);
        if !ui.confirm(&question, args.retire).await? {
            continue;
        }
        let tell = |event: &RetireEvent<'_>| view::roles::apply::retiring(ui, &plan.role, event);
        roles::retire(target, &plan, options, &tell).await.map_err(explain)?;
        report.retirements.retain(|other| other.role != plan.role);
        report.retired.push(plan.role);
    }
    Ok(())
}
