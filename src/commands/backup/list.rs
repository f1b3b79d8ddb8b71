//! `backup list`.

use unisys_ops::backup::{self, BackupId, State};

use super::{copies, freshness};
use crate::commands::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::settings::Span;
use crate::ui::Ui;
use crate::view;
use crate::view::backups::Held;

/// Show the complete backups, the newest first
///
/// Those of all databases in all configured stores, or with --database those of one. A backup is proven when its newest
/// drill found it equal; where evidence.trusted is set, a trusted key must have signed that. A part of a database is called so,
/// and is never taken for the latest. One whose manifest cannot be read is shown as damaged; then the exit code is 4.
///
/// With --check the question is whether they are fresh: each configured database is to have a backup and a proof that are
/// young enough; those of a part do not count, unless the configuration asks for that part. Exit 4 with a sentence for each problem; with --format nagios, Nagios' own 0 to 3.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only the newest N
    #[arg(long, short, value_name = "N")]
    last: Option<usize>,
    /// Say only whether backups and proofs are young enough
    #[arg(long, conflicts_with = "last")]
    check: bool,
    /// Oldest a database's newest backup may be [default: freshness.max-age]
    #[arg(long, value_name = "AGE", requires = "check")]
    max_age: Option<Span>,
    /// Oldest its newest proof may be [default: freshness.max-proof-age]
    #[arg(long, value_name = "AGE", requires = "check")]
    max_proof_age: Option<Span>,
}

impl Args {
    /// Whether freshness is asked for.
    pub(super) fn is_check(&self) -> bool {
        self.check
    }
}

pub(crate) fn run(args: &Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    if args.check {
        return freshness::run(args.max_age, args.max_proof_age, ctx, ui);
    }
    let slug = pick::named(ctx, ui)?.map(|name| BackupId::slug(&name));
    let (mut held, trust) = (Vec::new(), ctx.trust()?);
    for store in ctx.stores()? {
        let all = backup::list(&*store, &trust, ctx.now)?.into_iter();
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
    if let Some(doubted) = held.iter().find(|held| held.backup.doubted > held.backup.proven) {
        ui.warning(format!(
            "{}: a proof of it is not signed with a trusted key, and does not count",
            doubted.backup.id
        ));
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
