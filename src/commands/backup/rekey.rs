//! `backup rekey`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::Utc;
use unisys_ops::backup::{self, RekeyOptions, RekeyReport, has_these_keys};
use unisys_ops::keys::Recipient;
use unisys_ops::restore::OpenBackup;

use super::run::warn_of_short;
use crate::commands::{pick, signature};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view;
use crate::view::rekey::{Planned, Todo};

/// Give stored backups other keys, without decrypting the data
///
/// Each file gets a new header; what it holds is copied as it is. The backup gets a new name, with the same moment, and is
/// read back before the one with the old keys is removed. It has to be drilled again: a proof is of the stored bytes. Whoever
/// has an old key and a copy of the old files can still read those.
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
    let plan = plan(args, ctx, ui, &recipients, with_passphrase)?;
    if args.dry_run {
        view::rekey::plan(ui, &plan)?;
        return Ok(Exit::Done);
    }
    refuse_buckets(args, &plan)?;
    let todo: Vec<&Planned> = plan.backups.iter().filter(|planned| planned.todo == Todo::Rekey).collect();
    if todo.is_empty() {
        view::rekey::done(ui, &[], &plan.unreadable)?;
        return Ok(if plan.unreadable.is_empty() { Exit::Done } else { Exit::Failed });
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
    let (mut done, mut failed) = (Vec::new(), plan.unreadable.clone());
    for Planned { picked, .. } in &todo {
        match backup::rekey(&*picked.store, &picked.id, &options).await {
            Ok(report) => done.push(report),
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
    view::rekey::done(ui, &done, &failed)?;
    after(ui, &done);
    Ok(match done.iter().any(|report| report.kept.is_some()) {
        _ if !failed.is_empty() => Exit::Failed,
        true => Exit::Later,
        false => Exit::Done,
    })
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
    recipients: &[Recipient],
    passphrase: bool,
) -> Result<view::rekey::Plan, Failure> {
    let mut picked = match args.all {
        true => pick::all(ctx, ui)?,
        false => args.backups.iter().map(|text| pick::pick(ctx, ui, text)).collect::<Result<_, _>>()?,
    };
    if picked.is_empty() {
        return Err(Failure::new("there is no backup yet").hint("Run `unisys-dba backup run`."));
    }
    picked.sort_by(|a, b| (a.id.moment(), &a.id).cmp(&(b.id.moment(), &b.id)));
    let to = recipients.iter().map(Recipient::id).collect();
    let mut plan = view::rekey::Plan { backups: Vec::new(), unreadable: Vec::new(), to, passphrase };
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
        let todo = match has_these_keys(&manifest, recipients, passphrase) {
            true => Todo::Nothing,
            false => Todo::Rekey,
        };
        let bytes = manifest.stored_bytes();
        plan.backups.push(Planned { bytes, recipients: manifest.recipients, todo, picked });
    }
    Ok(plan)
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
