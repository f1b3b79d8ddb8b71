//! `backup show`.

use unisys_ops::drill;
use unisys_ops::restore::OpenBackup;

use crate::commands::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::{Explain, Failure};
use crate::ui::Ui;
use crate::view;

/// Show what a backup holds: tables, files, versions, keys, warnings, drills
///
/// No key is needed: all of this is in the manifest.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Its name, the start of it, or the moment's from the day on
    #[arg(value_name = "BACKUP", default_value = pick::LATEST)]
    backup: String,
}

pub(crate) fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let picked = pick::pick(ctx, ui, &args.backup)?;
    let check = format!("Run `unisys-dba backup check {}`, and take another backup.", picked.id);
    let (manifest, sha256) = OpenBackup::manifest(&*picked.store, &picked.id).exit(Exit::Bad).hint(check)?;
    let signature = OpenBackup::signature(&*picked.store, &picked.id, &ctx.trust()?)?;
    let mut drills = drill::list(&*picked.store, &picked.id)?;
    drills.retain(|drill| drill.manifest_sha256 == sha256);
    drills.sort_by_key(|drill| std::cmp::Reverse(drill.started));
    view::backups::show(ui, &manifest, &picked.store.location_of(&picked.id), &signature, &drills)?;
    manifest.warnings.iter().for_each(|warning| ui.warning(warning));
    ui.hint(match drills.first() {
        None => format!("Prove it: unisys-dba drill {}", picked.id),
        Some(_) => format!("See what its newest drill found: unisys-dba drill show {}", picked.id),
    });
    Ok(Exit::Done)
}
