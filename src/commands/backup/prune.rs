//! `backup prune`.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use unisys_ops::OpsError;
use unisys_ops::backup::BackupId;
use unisys_ops::retention::{self, Asked, GroupPlan, HoldKind, Unreadable};
use unisys_ops::store::{Place, Store};

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
/// none was proven for too long, or after rows became suspiciously few: that is told, and the exit code is 4. The records of
/// their drills stay in the store.
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
    let done = scope.remove(ctx, &shown)?;
    view::prune::done(ui, &done, !args.yes)?;
    Ok(conclude(ui, &done))
}

/// A store that is pruned.
struct Pruned {
    place: Place,
    store: Arc<dyn Store>,
    /// Whether it holds copies of what the others hold.
    copy: bool,
}

/// Which stores and databases, and how they are judged.
struct Scope {
    /// The copies come last.
    stores: Vec<Pruned>,
    /// Copies that cannot be used, and why.
    lost: Vec<(String, String)>,
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
        let (firsts, mut stores, mut lost) = (ctx.first_places()?, Vec::new(), Vec::new());
        for place in &firsts {
            let (place, store) = ((*place).clone(), ctx.open_store(place)?);
            stores.push(Pruned { place, store, copy: false });
        }
        for place in ctx.all_copy_places()?.into_iter().filter(|place| !firsts.contains(place)) {
            match ctx.open_store(place) {
                Ok(store) => stores.push(Pruned { place: place.clone(), store, copy: true }),
                Err(failure) => lost.push((place.to_string(), failure.error.to_string())),
            }
        }
        Ok(Self {
            stores,
            lost,
            slug: pick::named(ctx, ui)?.map(|name| BackupId::slug(&name)),
            even_though: args.even_though.iter().map(kind).collect(),
        })
    }

    /// Judges everything, and changes nothing.
    fn plan(&self, ctx: &Context) -> Result<Vec<StoreReport>, Failure> {
        let judged = self.stores.iter().map(|pruned| {
            self.report(pruned, |report| {
                for slug in self.slugs(&*pruned.store)? {
                    let (plans, unreadable) = self.judge(ctx, pruned, &slug, ctx.now)?;
                    plans.into_iter().for_each(|plan| report.add(DatabaseReport::planned(plan)));
                    report.unreadable.extend(unreadable);
                }
                Ok(())
            })
        });
        judged.chain(self.reports_of_lost()).collect()
    }

    /// Reports on one store. A copy that is out of reach keeps none of the others from anything.
    fn report(
        &self,
        pruned: &Pruned,
        work: impl FnOnce(&mut StoreReport) -> Result<(), Failure>,
    ) -> Result<StoreReport, Failure> {
        let mut report = StoreReport::new(pruned.store.location(), pruned.copy);
        match work(&mut report) {
            Err(failure) if pruned.copy && failure.exit == Exit::Failed => {
                report.problem = Some(failure.error.to_string());
            }
            done => done?,
        }
        Ok(report)
    }

    fn reports_of_lost(&self) -> impl Iterator<Item = Result<StoreReport, Failure>> {
        self.lost.iter().map(|(location, problem)| {
            let mut report = StoreReport::new(location.clone(), true);
            report.problem = Some(problem.clone());
            Ok(report)
        })
    }

    fn slugs(&self, store: &dyn Store) -> Result<Vec<String>, OpsError> {
        let mut slugs = retention::slugs(store)?;
        slugs.retain(|slug| self.slug.as_ref().is_none_or(|wanted| wanted == slug));
        Ok(slugs.into_iter().collect())
    }

    fn judge(
        &self,
        ctx: &Context,
        pruned: &Pruned,
        slug: &str,
        now: DateTime<Utc>,
    ) -> Result<(Vec<GroupPlan>, Vec<Unreadable>), Failure> {
        let firsts = self.stores.iter().filter(|first| pruned.copy && !first.copy);
        let firsts: Vec<Arc<dyn Store>> = firsts.map(|first| Arc::clone(&first.store)).collect();
        let mut found = retention::read_copy(&*pruned.store, slug, &ctx.trust()?, &firsts)?;
        let asked = Asked { now, just_made: None, even_though: self.even_though.clone() };
        let mut plans = Vec::new();
        for group in &mut found.groups {
            group.look_at_newest(&*pruned.store, now);
            let rules = rules(ctx, &pruned.place, &group.database)?;
            plans.push(retention::judge(group, &found.unreadable, &rules, &asked));
        }
        Ok((plans, found.unreadable))
    }

    /// Judges everything again under the locks, and removes what goes and was `shown` to go. A database that cannot be worked on
    /// does not stop the others.
    fn remove(&self, ctx: &Context, shown: &[StoreReport]) -> Result<Vec<StoreReport>, Failure> {
        let removed = self.stores.iter().zip(shown).map(|(pruned, shown)| {
            let agreed = shown.plans().flat_map(GroupPlan::removals).map(|line| line.id.clone()).collect();
            self.report(pruned, |report| {
                // what could not be asked was not shown
                report.problem.clone_from(&shown.problem);
                let slugs = match report.problem {
                    Some(_) => Vec::new(),
                    None => self.slugs(&*pruned.store)?,
                };
                for slug in slugs {
                    let (plans, unreadable) = self.judge(ctx, pruned, &slug, ctx.now)?;
                    report.unreadable.extend(unreadable);
                    for plan in plans {
                        report.add(self.remove_of(ctx, pruned, plan, &agreed)?);
                    }
                }
                Ok(())
            })
        });
        removed.chain(self.reports_of_lost()).collect()
    }

    fn remove_of(
        &self,
        ctx: &Context,
        pruned: &Pruned,
        plan: GroupPlan,
        agreed: &BTreeSet<BackupId>,
    ) -> Result<DatabaseReport, Failure> {
        let lock = match pruned.store.lock(&plan.database) {
            Ok(lock) => lock,
            Err(error) => return Ok(DatabaseReport::new(plan, Err(error))),
        };
        // a backup may have come, or a pin, since the plan was made
        let (plans, _) = self.judge(ctx, pruned, &BackupId::slug(&plan.database), Utc::now())?;
        let same = |other: &GroupPlan| {
            (&other.database, &other.system_identifier, &other.part)
                == (&plan.database, &plan.system_identifier, &plan.part)
        };
        let plan = plans.into_iter().find(same).unwrap_or(plan);
        let removals = retention::remove(&*pruned.store, &lock, &plan, Some(agreed), Utc::now());
        Ok(DatabaseReport::new(plan, removals))
    }
}

/// Tells what went wrong or is held, and returns what it makes of the exit code.
fn conclude(ui: &Ui, stores: &[StoreReport]) -> Exit {
    let databases = || stores.iter().flat_map(|store| &store.databases);
    for bad in stores.iter().flat_map(|store| &store.unreadable) {
        ui.warning(format!("{} is neither counted nor removed: {}", bad.id, bad.problem));
    }
    warn_of_holds(ui, databases());
    let (mut failed, mut later) = (false, false);
    for store in stores {
        for problem in store.problems() {
            ui.warning(problem);
            *(if store.copy { &mut later } else { &mut failed }) = true;
        }
    }
    match () {
        () if failed => Exit::Failed,
        () if databases().any(|database| database.plan.is_held()) => Exit::Bad,
        () if later => Exit::Later,
        () => Exit::Done,
    }
}
