//! Retention as the configuration has it, and its part in `backup run`.

use std::collections::BTreeSet;
use std::slice;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use unisys_ops::backup::{BackupId, Manifest};
use unisys_ops::evidence::Trust;
use unisys_ops::retention::{self, Asked, Hold, HoldKind, Policy, Rules};
use unisys_ops::store::{Place, Store, StoreLock};

use crate::context::{Context, Selection};
use crate::failure::Failure;
use crate::settings::Prune;
use crate::ui::Ui;
use crate::view::prune::DatabaseReport;

/// Returns the rules for the backups of a database in the store at a place: those of the table it has in the configuration, else
/// those for all. Where several may be meant, or one store is a copy of another as well, what any of them keeps is kept.
///
/// # Errors
/// The policy keeps nothing: exit 3.
pub(super) fn rules(ctx: &Context, place: &Place, database: &str) -> Result<Rules, Failure> {
    let named = match ctx.names_database() {
        true => vec![ctx.selection()?],
        false => {
            let all = ctx.settings.databases.keys().filter_map(|name| ctx.configured(name));
            all.filter(|one| ctx.resolve(one).is_ok_and(|target| target.database == database)).collect()
        }
    };
    let mut policies = Vec::new();
    for selection in &named {
        policies.extend((ctx.place(selection) == place).then(|| policy(ctx, selection)));
        policies.extend(ctx.copy_places(selection).contains(place).then(|| copy_policy(ctx, selection)));
    }
    let for_all = || match ctx.first_places().is_ok_and(|firsts| firsts.contains(&place)) {
        true => ctx.settings.retention.policy(),
        false => copy_policy(ctx, &Selection::Environment),
    };
    of(ctx, policies.into_iter().reduce(Policy::or).unwrap_or_else(for_all), database)
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

/// Returns the rules for the copies of the backups of a database that is configured.
///
/// # Errors
/// The policy keeps nothing: exit 3.
pub(super) fn rules_of_copies(ctx: &Context, selection: &Selection<'_>) -> Result<Rules, Failure> {
    let name = match selection {
        Selection::Configured { name, .. } => format!("the copies of {name}"),
        _ => "all copies".into(),
    };
    of(ctx, copy_policy(ctx, selection), &name)
}

fn copy_policy(ctx: &Context, selection: &Selection<'_>) -> Policy {
    let own = match selection {
        Selection::Configured { database, .. } => database.copies_retention.clone(),
        _ => None,
    };
    own.or_else(|| ctx.settings.retention.copies.clone()).unwrap_or_else(|| policy(ctx, selection))
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
    prune(store, &[], lock, rules, trust, manifest)
}

/// The same in a copy of the store, by proofs and pins of both. Nothing is removed from a copy that lacks the backup.
pub(super) fn after_copying(
    first: &Arc<dyn Store>,
    copy: &dyn Store,
    rules: &Rules,
    trust: &Trust,
    manifest: &Manifest,
) -> Option<DatabaseReport> {
    let report = match (copy.contains(&manifest.id), copy.lock(&manifest.database)) {
        (Ok(false), _) => return None,
        (Ok(true), Ok(lock)) => prune(copy, slice::from_ref(first), &lock, rules, trust, manifest),
        (Err(error), _) | (_, Err(error)) => {
            DatabaseReport::failed(&manifest.database, &manifest.system_identifier, &error)
        }
    };
    Some(report.of_copy(copy.location()))
}

fn prune(
    store: &dyn Store,
    firsts: &[Arc<dyn Store>],
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
    let mut found = match retention::read_copy(store, &BackupId::slug(&manifest.database), trust, firsts) {
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

/// Says why nothing was removed, and the ways out; once what holds a store and its copies alike.
pub(super) fn warn_of_holds<'a>(ui: &Ui, reports: impl IntoIterator<Item = &'a DatabaseReport>) {
    let mut said = BTreeSet::new();
    for report in reports.into_iter().filter(|report| report.plan.is_held()) {
        ui.warning(format!("pruning of {} is held, nothing was removed", report.whose()));
        for text in report.plan.holds.iter().map(Hold::to_string) {
            if said.insert(text.clone()) {
                ui.warning(text);
            }
        }
        for kind in [HoldKind::Shrunk, HoldKind::Unproven, HoldKind::Damaged] {
            let hold = report.plan.holds.iter().find(|hold| hold.kind() == kind);
            if let Some(hint) =
                hold.map(|hold| way_out(hold, report)).filter(|hint| said.insert(hint.clone()))
            {
                ui.hint(hint);
            }
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
