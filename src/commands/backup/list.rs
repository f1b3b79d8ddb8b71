//! `backup list`.

use unisys_ops::backup::{self, BackupId, State};

use super::copies;
use crate::commands::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;
use crate::view::backups::Held;

/// Show the complete backups, the newest first
///
/// Those of all databases in all configured stores, or with --database those of one. A backup is proven when its newest
/// drill found it equal. One whose manifest cannot be read is shown as damaged; then the exit code is 4.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the newest N
    #[arg(long, short, value_name = "N")]
    last: Option<usize>,
}

pub(crate) fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let slug = pick::named(ctx, ui)?.map(|name| BackupId::slug(&name));
    let mut held = Vec::new();
    for store in ctx.stores()? {
        let all = backup::list(&*store, ctx.now)?.into_iter();
        let wanted = all.filter(|backup| slug.as_ref().is_none_or(|slug| backup.id.database_slug() == slug));
        held.extend(wanted.map(|backup| Held { path: store.location_of(&backup.id), backup }));
    }
    held.sort_by(|a, b| (b.backup.moment, &b.backup.id).cmp(&(a.backup.moment, &a.backup.id)));
    held.truncate(args.last.unwrap_or(usize::MAX));
    let copies = copies::behind(ctx, ui)?;
    view::backups::list(ui, &held, &copies, ctx.now)?;
    for problem in copies.iter().filter_map(|copy| copy.problem.as_ref()) {
        ui.warning(problem);
    }
    for held in &held {
        if let Some(problem) = &held.backup.problem {
            ui.warning(format!("{}: {problem}", held.backup.id));
        }
    }
    ui.hint(next(&held));
    let damaged = held.iter().any(|held| held.backup.state == State::Damaged);
    Ok(if damaged { Exit::Bad } else { Exit::Done })
}

/// Returns what to type next.
fn next(held: &[Held]) -> String {
    match held.first().map(|newest| (newest.backup.state, &newest.backup.id)) {
        None => "Make the first one: unisys-dba backup run".into(),
        Some((State::Unproven, id)) => format!("Prove the newest: unisys-dba drill {id}"),
        Some((State::Failed, id)) => format!("See why the newest failed: unisys-dba drill show {id}"),
        Some((State::Damaged, id)) => {
            format!("See what is wrong with the newest: unisys-dba backup check {id}")
        }
        Some((State::Newer, _)) => "Use the release of unisys-dba that made the newest.".into(),
        Some((State::Proven, id)) => format!("Look into the newest: unisys-dba backup show {id}"),
    }
}
