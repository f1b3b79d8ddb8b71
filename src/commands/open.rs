//! `open`: a backup as a server, for a while.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use unisys_db::pattern::TablePattern;
use unisys_ops::OpsError;
use unisys_ops::opened::OpenedBackup;

use super::drill::default_options;
use super::pick;
use crate::context::Context;
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::interrupt;
use crate::settings::Span;
use crate::ui::Ui;
use crate::view;

/// Serve a backup on port 5333, read-only, to look or to take rows out
///
/// It stays until Ctrl-C or until its time is over; then the server and all its data vanish, also when this program is
/// killed. A login that can only read is made for it; only this machine reaches it. Nothing is compared: a drill does that.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The backup: its name, the start of it, or "latest"
    backup: String,
    /// Restore the rows of these tables only: schema.table, with * and ?; no other can be read
    #[arg(long, value_name = "PATTERN", value_delimiter = ',', value_parser = TablePattern::parse)]
    tables: Vec<TablePattern>,
    /// How long it stays
    #[arg(long, value_name = "TIME", default_value = "4h")]
    ttl: Span,
    /// File with identities to decrypt with [default: drill.identities]
    #[arg(long, short, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Parallel sessions [default: drill.jobs]
    #[arg(long, short, value_name = "N")]
    jobs: Option<NonZeroUsize>,
}

/// How often it is looked whether the server is still there.
const LOOK: Duration = Duration::from_secs(1);

pub(crate) async fn run(args: Args, ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let picked = pick::pick(ctx, ui, &args.backup)?;
    let mut options = default_options(ctx, ui, ctx.identities(&ctx.selection()?, &args.identity)?)?;
    options.jobs = args.jobs.map_or(options.jobs, NonZeroUsize::get);
    let opened = OpenedBackup::open(&*picked.store, &picked.id, &options, &args.tables);
    let opened = opened.await.map_err(|error| match error {
        OpsError::Refused(_) => Failure::from(error)
            .hint(format!("Run `unisys-dba backup show {}`: it lists the tables.", picked.id)),
        _ => explain::with_doctor(error),
    })?;
    let until = Instant::now().checked_add(args.ttl.0);
    view::open::opened(ui, opened.facts(), closes(Utc::now(), args.ttl.0))?;
    // from here on a signal is how it is meant to end
    interrupt::expect();
    while until.is_none_or(|until| Instant::now() < until) {
        tokio::time::sleep(LOOK).await;
        if !opened.is_alive() {
            return Err(Failure::new("the server of the opened backup has ended")
                .hint("See whether memory or disk ran out, and open it again."));
        }
    }
    ui.status("Its time is over: closed.");
    Ok(Exit::Done)
}

fn closes(now: DateTime<Utc>, ttl: Duration) -> Option<DateTime<Utc>> {
    now.checked_add_signed(TimeDelta::from_std(ttl).ok()?)
}
