//! Retention as the configuration has it, and its part in `backup run`.

use chrono::{TimeDelta, Utc};
use unisys_ops::backup::{BackupId, Manifest};
use unisys_ops::evidence::Trust;
use unisys_ops::retention::{self, Asked, Hold, HoldKind, Policy, Rules};
use unisys_ops::store::{Store, StoreLock};

use crate::context::{Context, Selection};
use crate::failure::Failure;
use crate::settings::Prune;
use crate::ui::Ui;
use crate::view::prune::DatabaseReport;

/// Returns the rules for the backups of a database in a store: those of the table it has in the configuration, else those for
/// all. Where several tables may be meant, what any of them keeps is kept.
///
/// # Errors
/// The policy keeps nothing: exit 3.
pub(super) fn rules(ctx: &Context, store: &dyn Store, database: &str) -> Result<Rules, Failure> {
    let meant = |selection: &Selection<'_>| {
        ctx.store(selection).is_ok_and(|own| own.location() == store.location())
            && ctx.resolve(selection).is_ok_and(|target| target.database == database)
    };
    let named = match ctx.names_database() {
        true => vec![ctx.selection()?],
        false => {
            ctx.settings.databases.keys().filter_map(|name| ctx.configured(name)).filter(meant).collect()
        }
    };
    let policies = named.iter().map(|selection| policy(ctx, selection));
    of(ctx, policies.reduce(Policy::or).unwrap_or_else(|| ctx.settings.retention.policy()), database)
}

/// Returns the rules for the backups of a database that is configured.
///
/// # Errors
/// The policy keeps nothing: exit 3.
pub(super) fn rules_of(ctx: &Context, selection: &Selection<'_>) -> Result<Rules, Failure> {
    let name = match selection {
        Selection::Configured { name, .. } => name,
        _ => "all databases",
    };
    of(ctx, policy(ctx, selection), name)
}

fn policy(ctx: &Context, selection: &Selection<'_>) -> Policy {
    match selection {
        Selection::Configured { database, .. } => database.retention.clone(),
        _ => None,
    }
    .unwrap_or_else(|| ctx.settings.retention.policy())
}

fn of(ctx: &Context, policy: Policy, database: &str) -> Result<Rules, Failure> {
    let settings = &ctx.settings.retention;
    if policy.is_empty() {
        return Err(Failure::config(format!("the retention of {database} keeps nothing"))
            .hint("Set one of retention.keep-…, or retention.prune = \"never\"."));
    }
    let max_proof_age =
        settings.max_proof_age.map(|span| TimeDelta::from_std(span.0).unwrap_or(TimeDelta::MAX));
    Ok(Rules {
        policy,
        keep_proven: settings.keep_proven,
        max_proof_age,
        max_shrink: settings.max_shrink,
        shrink_except: settings.shrink_except.clone(),
        zone: settings.time_zone,
    })
}

/// Whether a run that made a backup goes on to prune.
pub(super) fn is_automatic(ctx: &Context) -> bool {
    ctx.settings.retention.prune == Prune::AfterBackup
}

/// Removes what no rule keeps, at the end of the run that made a backup, under its lock. What goes wrong is in the report.
pub(super) fn after_backup(
    store: &dyn Store,
    lock: &StoreLock,
    rules: &Rules,
    trust: &Trust,
    manifest: &Manifest,
) -> DatabaseReport {
    let asked = Asked {
        // the backup took its time
        now: Utc::now(),
        just_made: Some(manifest.id.clone()),
        even_though: Vec::new(),
    };
    let problem = |problem| DatabaseReport::failed(&manifest.database, &manifest.system_identifier, &problem);
    let mut found = match retention::read(store, &BackupId::slug(&manifest.database), trust) {
        Ok(found) => found,
        Err(error) => return problem(error),
    };
    found.groups.retain(|group| group.backups.iter().any(|backup| backup.id == manifest.id));
    let Some(group) = found.groups.first() else {
        return problem(unisys_ops::OpsError::Corrupt(format!(
            "{} is not in its store any more",
            manifest.id
        )));
    };
    let plan = retention::judge(group, &found.unreadable, rules, &asked);
    let removals = retention::remove(store, lock, &plan, None, asked.now);
    DatabaseReport::new(plan, removals)
}

/// Says why nothing was removed, and the ways out.
pub(super) fn warn_of_holds(ui: &Ui, report: &DatabaseReport) {
    if !report.plan.is_held() {
        return;
    }
    ui.warning(format!("pruning of {} is held, nothing was removed", report.plan.database));
    report.plan.holds.iter().for_each(|hold| ui.warning(hold.to_string()));
    for kind in [HoldKind::Shrunk, HoldKind::Unproven, HoldKind::Damaged] {
        if let Some(hold) = report.plan.holds.iter().find(|hold| hold.kind() == kind) {
            ui.hint(way_out(hold, report));
        }
    }
}

fn way_out(hold: &Hold, report: &DatabaseReport) -> String {
    let newest = report.plan.backups.first().map_or("latest", |line| line.id.as_str());
    match hold {
        Hold::Shrunk { .. } => {
            "Find out where the rows went. If it is right: unisys-dba backup prune --even-though shrunk"
                .into()
        }
        Hold::Unproven { .. } => format!("Prove the newest: unisys-dba drill {newest}"),
        Hold::Failed { id } => {
            format!("See what its drill found: unisys-dba drill show {id}; then make another backup.")
        }
        Hold::Unreadable { id, .. } | Hold::Incomplete { id, .. } => {
            format!("See what is wrong: unisys-dba backup check {id}; then make another backup.")
        }
    }
}
