//! `backup rekey`.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::Utc;
use unisys_ops::backup::{self, BackupId, CopyOptions, RekeyOptions, RekeyReport, has_these_keys};
use unisys_ops::keys::Recipient;
use unisys_ops::restore::OpenBackup;
use unisys_ops::store::Store;

use super::run::warn_of_short;
use crate::commands::pick::{self, Picked};
use crate::commands::signature;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view;
use crate::view::copies::reason;
use crate::view::rekey::{Planned, Replaced, Todo};

/// Give stored backups other keys, without decrypting the data
///
/// Each file gets a new header; what it holds is copied as it is. The backup gets a new name, with the same moment, and is
/// read back before the one with the old keys is removed. It has to be drilled again: a proof is of the stored bytes. Whoever
/// has an old key and a copy of the old files can still read those.
///
/// In the stores of backup.copies the new one takes the place of the old one as well. What is out of reach then is told, with
/// exit 5; run for the new name, with the same keys, it goes on with the copies. --all also finds what copies alone hold.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Names of backups, or the starts of them
    #[arg(value_name = "BACKUP", required_unless_present = "all", conflicts_with = "all")]
    backups: Vec<String>,
    /// Every backup that has other keys; of one database with --database
    #[arg(long)]
    all: bool,
    /// Who can read them from now on [default: the configured recipients, and passphrase]
    #[arg(long, value_name = "age1…")]
    to: Vec<String>,
    /// Let a passphrase open them, too
    #[arg(long)]
    passphrase: bool,
    /// Remove the old backups even when no key at hand opens the new ones
    #[arg(long)]
    trust_new_keys: bool,
    /// Also those in a bucket: all their bytes come here and go back
    #[arg(long)]
    through_here: bool,
    /// File with identities that open them now [default: drill.identities]
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Files copied at once [default: drill.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Show what would be done, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let selection = ctx.selection()?;
    let recipients = recipients(args, ctx)?;
    let with_passphrase = args.passphrase || (args.to.is_empty() && ctx.passphrase()?.is_some());
    if recipients.is_empty() && !with_passphrase {
        return Err(Failure::usage("there is no recipient to encrypt to").hint("Name one with --to age1…."));
    }
    let holders = Holders::of(ctx, ui)?;
    let plan = plan(args, ctx, ui, &holders, &recipients, with_passphrase)?;
    if args.dry_run {
        view::rekey::plan(ui, &plan)?;
        return Ok(Exit::Done);
    }
    refuse_buckets(args, &plan)?;
    let todo: Vec<&Planned> = plan.backups.iter().filter(|planned| planned.todo != Todo::Nothing).collect();
    if todo.is_empty() {
        view::rekey::done(ui, &[], &[], &plan.unreadable)?;
        return Ok(match () {
            () if !plan.unreadable.is_empty() => Exit::Failed,
            () if holders.some_out_of_reach => Exit::Later,
            () => Exit::Done,
        });
    }
    view::rekey::announce(ui, &plan);
    let identities = ctx.identities(&selection, &args.identity)?;
    if !ui.confirm("Give them these keys?", args.yes).await? {
        return Ok(Exit::Done);
    }
    let passphrase = match with_passphrase {
        true => ctx.new_passphrase(true).await?,
        false => None,
    };
    warn_of_short(passphrase.as_ref(), ui);
    let options = RekeyOptions {
        identities,
        recipients,
        passphrase,
        trust: ctx.trust()?,
        signing: signature::own_key(ctx, ui)?,
        trust_new_keys: args.trust_new_keys,
        jobs: args.jobs.unwrap_or(ctx.settings.drill.jobs).get(),
        now: Utc::now(),
        made_by: crate::cli::VERSION.into(),
        progress: Arc::from(ui.progress()),
    };
    let copying = CopyOptions {
        jobs: options.jobs,
        check_space: ctx.settings.backup.space_check,
        adopt: false,
        progress: Arc::clone(&options.progress),
    };
    let (mut done, mut copied, mut failed) = (Vec::new(), Vec::new(), plan.unreadable.clone());
    for planned in &todo {
        let picked = &planned.picked;
        if planned.todo == Todo::Copies {
            copied.extend(holders.replace(picked, planned, &picked.id, &copying, ui).await?);
            continue;
        }
        match backup::rekey(&*picked.store, &picked.id, &options).await {
            Ok(report) => {
                if report.kept.is_none() {
                    copied.extend(holders.replace(picked, planned, &report.to, &copying, ui).await?);
                }
                done.push(report);
            }
            Err(error) if plan.backups.len() == 1 => {
                return Err(Failure::from(error).hint(format!(
                    "{} is as it was. Name the identity that opens it with --identity FILE.",
                    picked.id
                )));
            }
            // one that cannot be opened does not keep the others from it
            Err(error) => {
                let failure = Failure::from(error);
                ui.warning(format!("{} keeps its keys: {}", picked.id, failure.error));
                failed.push(picked.id.clone());
            }
        }
    }
    view::rekey::done(ui, &done, &copied, &failed)?;
    after(ui, &done);
    let behind = copied.iter().find(|copy| copy.problem.is_some());
    if let Some(behind) = behind {
        ui.hint(format!("Run it for {} and the same keys: it goes on with the copies.", behind.to));
    }
    let kept = done.iter().any(|report| report.kept.is_some());
    Ok(match () {
        () if !failed.is_empty() => Exit::Failed,
        () if kept || behind.is_some() || holders.some_out_of_reach => Exit::Later,
        () => Exit::Done,
    })
}

/// The copies, and what each holds.
struct Holders {
    copies: Vec<(Arc<dyn Store>, BTreeSet<BackupId>)>,
    some_out_of_reach: bool,
}

impl Holders {
    /// Asks the copies. One that is out of reach is told of, and keeps what it has.
    fn of(ctx: &Context, ui: &Ui) -> Result<Self, Failure> {
        let mut holders = Self { copies: Vec::new(), some_out_of_reach: false };
        for place in ctx.all_copy_places()? {
            let found = ctx.open_store(place).and_then(|store| Ok((store.ids()?, store)));
            match found {
                Ok((ids, store)) => holders.copies.push((store, ids.into_iter().collect())),
                Err(failure) => {
                    ui.warning(format!(
                        "the copies in {place} cannot be asked, and keep their keys: {}",
                        failure.error
                    ));
                    holders.some_out_of_reach = true;
                }
            }
        }
        Ok(holders)
    }

    fn are_at(&self, location: &str) -> bool {
        self.copies.iter().any(|(store, _)| store.location() == location)
    }

    /// Returns the copies of what is in another store that hold a backup.
    fn with(&self, id: &BackupId, elsewhere: &dyn Store) -> impl Iterator<Item = &Arc<dyn Store>> {
        let location = elsewhere.location();
        let held =
            self.copies.iter().filter(move |(store, ids)| ids.contains(id) && store.location() != location);
        held.map(|(store, _)| store)
    }

    /// Puts a backup with new keys in the place of the one it was made from, in each copy that has that.
    async fn replace(
        &self,
        picked: &Picked,
        planned: &Planned,
        to: &BackupId,
        options: &CopyOptions,
        ui: &Ui,
    ) -> Result<Vec<Replaced>, Failure> {
        let Some(from) = &planned.from else { return Ok(Vec::new()) };
        let (manifest, _) = OpenBackup::manifest(&*picked.store, to)?;
        let mut all = Vec::new();
        for copy in self.with(from, &*picked.store) {
            let done = backup::replace_in_copy(&*picked.store, &**copy, from, &manifest, options).await;
            let location = copy.location();
            if let Err(error) = &done {
                ui.warning(format!(
                    "the copy of {from} in {location} is still there, with its old keys: {}",
                    reason(error)
                ));
            }
            let problem = done.err().as_ref().map(reason);
            all.push(Replaced { from: from.clone(), to: to.clone(), location, problem });
        }
        Ok(all)
    }
}

/// Says what the new keys do not change, and what is left to do.
fn after(ui: &Ui, done: &[RekeyReport]) {
    for report in done {
        if let Some(reason) = &report.kept {
            ui.warning(format!("{} is still there, with its old keys: {reason}", report.from));
        }
    }
    if done.iter().any(|report| report.kept.is_some() && report.keys.proved.is_empty()) {
        ui.hint("Run it again with --identity FILE that opens the new ones, or with --trust-new-keys.");
    }
    if let Some(report) = done.first() {
        ui.warning(
            "Whoever has an old key and a copy of the old files can still read those: remove other copies, too.",
        );
        ui.hint(format!("Prove it: unisys-dba drill {}", report.to));
    }
}

fn recipients(args: &Args, ctx: &Context) -> Result<Vec<Recipient>, Failure> {
    if args.to.is_empty() {
        return ctx.recipients_if_any(&ctx.selection()?);
    }
    let parse = |text: &String| Recipient::parse_with(text, ctx.prompts()).exit(Exit::Usage);
    args.to.iter().map(parse).collect()
}

fn plan(
    args: &Args,
    ctx: &Context,
    ui: &Ui,
    holders: &Holders,
    recipients: &[Recipient],
    passphrase: bool,
) -> Result<view::rekey::Plan, Failure> {
    let mut picked = match args.all {
        true => pick::all(ctx, ui)?,
        false => args.backups.iter().map(|text| pick::pick(ctx, ui, text)).collect::<Result<_, _>>()?,
    };
    let to = recipients.iter().map(Recipient::id).collect();
    let mut plan = view::rekey::Plan { backups: Vec::new(), unreadable: Vec::new(), to, passphrase };
    if args.all {
        picked.extend(only_in_copies(ctx, ui, holders, &picked)?);
        // what several copies hold gets one new name in all of them
        let mut seen = BTreeSet::new();
        picked.retain(|picked| !holders.are_at(&picked.store.location()) || seen.insert(picked.id.clone()));
    }
    if picked.is_empty() {
        return Err(Failure::new("there is no backup yet").hint("Run `unisys-dba backup run`."));
    }
    picked.sort_by(|a, b| (a.id.moment(), &a.id).cmp(&(b.id.moment(), &b.id)));
    for picked in picked {
        let manifest = match OpenBackup::manifest(&*picked.store, &picked.id) {
            Ok((manifest, _)) => manifest,
            Err(error) if args.all => {
                ui.warning(format!("{} keeps its keys: {error}", picked.id));
                plan.unreadable.push(picked.id);
                continue;
            }
            Err(error) => return Err(Failure::from(error)),
        };
        let has_keys = has_these_keys(&manifest, recipients, passphrase);
        let from = match has_keys {
            // an earlier run may not have reached every copy
            true => manifest.rekeyed.as_ref().map(|rekeyed| rekeyed.from.clone()),
            false => Some(picked.id.clone()),
        };
        let copies = from.iter().flat_map(|from| holders.with(from, &*picked.store));
        let copies: Vec<String> = copies.map(|copy| copy.location()).collect();
        let todo = match has_keys {
            true if copies.is_empty() => Todo::Nothing,
            true => Todo::Copies,
            false => Todo::Rekey,
        };
        let bytes = manifest.stored_bytes();
        plan.backups.push(Planned { bytes, recipients: manifest.recipients, todo, copies, from, picked });
    }
    Ok(plan)
}

/// Returns the backups that copies hold and no first store does; but for those that one of the `picked` takes
/// the place of.
fn only_in_copies(
    ctx: &Context,
    ui: &Ui,
    holders: &Holders,
    picked: &[Picked],
) -> Result<Vec<Picked>, Failure> {
    let slug = pick::named(ctx, ui)?.map(|name| BackupId::slug(&name));
    let mut known: BTreeSet<BackupId> = picked.iter().map(|picked| picked.id.clone()).collect();
    for picked in picked {
        // one that cannot be read is told of in its place
        if let Ok((manifest, _)) = OpenBackup::manifest(&*picked.store, &picked.id) {
            known.extend(manifest.rekeyed.map(|rekeyed| rekeyed.from));
        }
    }
    let mut found = Vec::new();
    for (store, ids) in &holders.copies {
        let unknown = ids.iter().filter(|id| !known.contains(*id));
        let wanted = unknown.filter(|id| slug.as_ref().is_none_or(|slug| id.database_slug() == slug));
        found.extend(wanted.map(|id| Picked { store: Arc::clone(store), id: id.clone() }));
    }
    Ok(found)
}

/// A bucket has no way to put a new start before an old file: its bytes would have to come here and go back.
fn refuse_buckets(args: &Args, plan: &view::rekey::Plan) -> Result<(), Failure> {
    let far =
        |planned: &&Planned| planned.todo == Todo::Rekey && planned.picked.store.location().contains("://");
    match plan.backups.iter().find(far) {
        Some(planned) if !args.through_here => Err(Failure::new(format!(
            "{} is in {}, and all its bytes would have to come here and go back",
            planned.picked.id,
            planned.picked.store.location()
        ))
        .hint("Add --through-here, if that is what you want; --dry-run shows how many bytes.")),
        _ => Ok(()),
    }
}
