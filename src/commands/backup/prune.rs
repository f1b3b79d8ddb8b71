//! `backup prune`.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use unisys_ops::OpsError;
use unisys_ops::backup::BackupId;
use unisys_ops::retention::{self, Asked, GroupPlan, HoldKind, Unreadable};
use unisys_ops::store::Store;

use super::retention::{rules, warn_of_holds};
use crate::commands::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::ui::human::bytes;
use crate::view;
use crate::view::prune::{DatabaseReport, StoreReport};

/// Remove the backups that no rule of [retention] keeps
///
/// Shows each backup and why it stays. Nothing is removed while the newest backup is damaged or failed its drill, while
/// none was proven for too long, or after rows became suspiciously few: that is told, and the exit code is 4.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Remove although this speaks against it; "shrunk" also accepts the counts for good
    #[arg(long, value_enum, value_name = "WHAT", value_delimiter = ',')]
    even_though: Vec<Against>,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Remove without asking
    #[arg(long)]
    yes: bool,
}

/// What may speak against removing.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Against {
    /// The newest backup is damaged, incomplete or failed its drill
    Damaged,
    /// No backup was proven for too long
    Unproven,
    /// Rows became fewer
    Shrunk,
}

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let scope = Scope::of(&args, ctx, ui)?;
    let shown = scope.plan(ctx)?;
    let removals = || shown.iter().flat_map(StoreReport::plans).flat_map(GroupPlan::removals);
    let overruled = shown.iter().flat_map(StoreReport::plans).any(|plan| !plan.overruled.is_empty());
    if args.dry_run || (removals().count() == 0 && !overruled) {
        view::prune::planned(ui, &shown)?;
        return Ok(conclude(ui, &shown));
    }
    if !args.yes {
        view::prune::announce(ui, &shown);
    }
    let size = removals().map(|line| line.stored_bytes).sum();
    let question = match removals().count() {
        0 => "Accept that?".to_owned(),
        1 => format!("Remove this backup ({})?", bytes(size)),
        count => format!("Remove these {count} backups ({})?", bytes(size)),
    };
    if !ui.confirm(&question, args.yes).await? {
        return Ok(Exit::Done);
    }
    let agreed: BTreeSet<BackupId> = removals().map(|line| line.id.clone()).collect();
    let done = scope.remove(ctx, &agreed)?;
    view::prune::done(ui, &done, !args.yes)?;
    Ok(conclude(ui, &done))
}

/// Which stores and databases, and how they are judged.
struct Scope {
    stores: Vec<Arc<dyn Store>>,
    slug: Option<String>,
    even_though: Vec<HoldKind>,
}

impl Scope {
    fn of(args: &Args, ctx: &Context, ui: &Ui) -> Result<Self, Failure> {
        let kind = |against: &Against| match against {
            Against::Damaged => HoldKind::Damaged,
            Against::Unproven => HoldKind::Unproven,
            Against::Shrunk => HoldKind::Shrunk,
        };
        Ok(Self {
            stores: ctx.stores()?,
            slug: pick::named(ctx, ui)?.map(|name| BackupId::slug(&name)),
            even_though: args.even_though.iter().map(kind).collect(),
        })
    }

    /// Judges everything, and changes nothing.
    fn plan(&self, ctx: &Context) -> Result<Vec<StoreReport>, Failure> {
        let judged = self.stores.iter().map(|store| {
            let store = &**store;
            let mut report = StoreReport::new(store);
            for slug in self.slugs(store)? {
                let (plans, unreadable) = self.judge(ctx, store, &slug, ctx.now)?;
                report.databases.extend(plans.into_iter().map(DatabaseReport::planned));
                report.unreadable.extend(unreadable);
            }
            Ok(report)
        });
        judged.collect()
    }

    fn slugs(&self, store: &dyn Store) -> Result<Vec<String>, OpsError> {
        let mut slugs = retention::slugs(store)?;
        slugs.retain(|slug| self.slug.as_ref().is_none_or(|wanted| wanted == slug));
        Ok(slugs.into_iter().collect())
    }

    fn judge(
        &self,
        ctx: &Context,
        store: &dyn Store,
        slug: &str,
        now: DateTime<Utc>,
    ) -> Result<(Vec<GroupPlan>, Vec<Unreadable>), Failure> {
        let mut found = retention::read(store, slug, &ctx.trust()?)?;
        let asked = Asked { now, just_made: None, even_though: self.even_though.clone() };
        let mut plans = Vec::new();
        for group in &mut found.groups {
            group.look_at_newest(store, now);
            let rules = rules(ctx, store, &group.database)?;
            plans.push(retention::judge(group, &found.unreadable, &rules, &asked));
        }
        Ok((plans, found.unreadable))
    }

    /// Judges everything again under the locks, and removes what goes and was agreed on. A database that cannot be worked on
    /// does not stop the others.
    fn remove(&self, ctx: &Context, agreed: &BTreeSet<BackupId>) -> Result<Vec<StoreReport>, Failure> {
        let removed = self.stores.iter().map(|store| {
            let store = &**store;
            let mut report = StoreReport::new(store);
            for slug in self.slugs(store)? {
                let (plans, unreadable) = self.judge(ctx, store, &slug, ctx.now)?;
                report.unreadable.extend(unreadable);
                for plan in plans {
                    report.databases.push(self.remove_of(ctx, store, plan, agreed)?);
                }
            }
            Ok(report)
        });
        removed.collect()
    }

    fn remove_of(
        &self,
        ctx: &Context,
        store: &dyn Store,
        plan: GroupPlan,
        agreed: &BTreeSet<BackupId>,
    ) -> Result<DatabaseReport, Failure> {
        let lock = match store.lock(&plan.database) {
            Ok(lock) => lock,
            Err(error) => return Ok(DatabaseReport::new(plan, Err(error))),
        };
        // a backup may have come, or a pin, since the plan was made
        let (plans, _) = self.judge(ctx, store, &BackupId::slug(&plan.database), Utc::now())?;
        let same = |other: &GroupPlan| {
            (&other.database, &other.system_identifier, &other.part)
                == (&plan.database, &plan.system_identifier, &plan.part)
        };
        let plan = plans.into_iter().find(same).unwrap_or(plan);
        let removals = retention::remove(store, &lock, &plan, Some(agreed), Utc::now());
        Ok(DatabaseReport::new(plan, removals))
    }
}

/// Tells what went wrong or is held, and returns what it makes of the exit code.
fn conclude(ui: &Ui, stores: &[StoreReport]) -> Exit {
    let databases = || stores.iter().flat_map(|store| &store.databases);
    for bad in stores.iter().flat_map(|store| &store.unreadable) {
        ui.warning(format!("{} is neither counted nor removed: {}", bad.id, bad.problem));
    }
    databases().for_each(|database| warn_of_holds(ui, database));
    let problems: Vec<String> = databases().flat_map(DatabaseReport::problems).collect();
    problems.iter().for_each(|problem| ui.warning(problem));
    match () {
        () if !problems.is_empty() => Exit::Failed,
        () if databases().any(|database| database.plan.is_held()) => Exit::Bad,
        () => Exit::Done,
    }
}
