//! `drill show --evidence`: what the record of a drill is worth, by public keys alone.

use std::path::PathBuf;
use std::sync::Arc;

use unisys_ops::backup::{self, CheckOptions};
use unisys_ops::evidence::{self, Evidence, Kept, PublicKey, Trust};

use crate::commands::pick::{self, Picked};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view;

#[derive(clap::Args)]
pub(super) struct Args {
    /// Verify the signatures of its record and of the manifest; exit 4 when they do not hold, or it failed
    ///
    /// It takes public keys and the files of the store: no database, no server, no identity.
    #[arg(long)]
    evidence: bool,
    /// File with the public keys to trust, one a line [default: evidence.trusted]
    #[arg(long, value_name = "FILE", requires = "evidence")]
    public_key: Option<PathBuf>,
    /// Compare the backup's files with the manifest, too
    #[arg(long, requires = "evidence")]
    files: bool,
}

impl Args {
    pub(super) fn is_asked_for(&self) -> bool {
        self.evidence
    }
}

pub(super) async fn run(
    which: Option<&str>,
    args: &Args,
    ctx: &Context,
    ui: &mut Ui,
) -> Result<Exit, Failure> {
    let trust = match &args.public_key {
        Some(path) => Trust::new(
            PublicKey::read_all(path).hint("Name the .pub file of the key that signs with --public-key.")?,
            false,
        ),
        None => ctx.trust()?,
    };
    if trust.is_empty() {
        return Err(Failure::usage("there is no public key to verify with")
            .hint("Name the file of one with --public-key FILE, or set evidence.trusted."));
    }
    let evidence = match find(which, ctx, ui)? {
        Found::There(picked, file) => {
            let mut evidence = evidence::examine(&*picked.store, &picked.id, &file, &trust)?;
            if args.files {
                compare_files(&picked, &trust, ctx, ui, &mut evidence).await?;
            }
            evidence
        }
        Found::Removed(kept) if args.files => {
            return Err(Failure::usage(format!("the files of {} were removed", kept.backup))
                .hint("Leave --files out: the record of the drill is still there."));
        }
        Found::Removed(kept) => kept.exhibit(&trust).evidence,
    };
    view::evidence::show(ui, &evidence, args.files)?;
    if evidence.proves() {
        return Ok(Exit::Done);
    }
    let (why, next) = match evidence.holds() {
        true => ("it holds, and says that the drill failed", "Make another backup and drill that."),
        false => ("it does not hold", "Get the files from another copy, or drill again: `unisys-dba drill`."),
    };
    let failure = Failure::new(format!("the evidence of {} proves nothing: {why}", evidence.backup));
    Err(failure.exit(Exit::Bad).hint(next))
}

/// A drill's record.
enum Found {
    /// It stands beside its backup, under this name.
    There(Picked, String),
    /// Its backup was removed.
    Removed(Box<Kept>),
}

/// Returns the record that is meant, sound or not: the newest of all, the newest of one backup, or the one of this name.
fn find(which: Option<&str>, ctx: &Context, ui: &Ui) -> Result<Found, Failure> {
    let none =
        || Failure::new("no such drill was made").hint("Run `unisys-dba drill`, or `unisys-dba drill list`.");
    if let Some(text) = which.filter(|text| !text.starts_with("drill-")) {
        let picked = pick::pick(ctx, ui, text)?;
        let file = evidence::newest(&*picked.store, &picked.id)?.ok_or_else(none)?;
        return Ok(Found::There(picked, file));
    }
    let wanted = which.map(|name| format!("{}.json", name.trim_end_matches(".json")));
    let mut newest: Option<(Picked, String)> = None;
    for picked in pick::all(ctx, ui)? {
        for file in evidence::records(&*picked.store, &picked.id)? {
            let newer = newest.as_ref().is_none_or(|(_, newest)| *newest < file);
            if wanted.as_ref().map_or(newer, |wanted| *wanted == file) {
                newest = Some((picked.clone(), file));
            }
        }
    }
    if let Some((picked, file)) = newest {
        return Ok(Found::There(picked, file));
    }
    let mut removed = pick::history(ctx, ui)?.into_iter();
    removed
        .find(|kept| wanted.as_ref() == Some(&kept.file))
        .map(|kept| Found::Removed(Box::new(kept)))
        .ok_or_else(none)
}

/// Adds what a check of the stored files finds to the problems of the evidence.
async fn compare_files(
    picked: &Picked,
    trust: &Trust,
    ctx: &Context,
    ui: &Ui,
    evidence: &mut Evidence,
) -> Result<(), Failure> {
    let options = CheckOptions {
        jobs: ctx.settings.drill.jobs.get(),
        read_data: None,
        trust: trust.clone(),
        progress: Arc::from(ui.progress()),
    };
    let report = backup::check(&*picked.store, &picked.id, &options).await?;
    for finding in report.findings {
        if !evidence.problems.contains(&finding) {
            evidence.problems.push(finding);
        }
    }
    Ok(())
}
