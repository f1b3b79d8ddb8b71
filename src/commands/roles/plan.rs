//! `roles plan`.

use std::path::{Path, PathBuf};

use unisys_db::Target;
use unisys_db::roles::{Policy, SavedPlan, difference};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view::roles::plan::{self, Form, Plan};

/// Show what differs from the policy, as SQL with the reason for each statement; exit 4 when something does
///
/// Nothing is changed, and the server enforces that; a login that may only connect is enough, on a standby too.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Write the plan for `roles apply`, which applies it only where and while everything is as it is now
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// As a script for psql
    #[arg(long, conflicts_with = "markdown")]
    sql: bool,
    /// As Markdown, for a comment on a change
    #[arg(long)]
    markdown: bool,
}

pub(crate) async fn run(args: &Args, target: &Target, policy: &Policy, ui: &mut Ui) -> Result<Exit, Failure> {
    let live = super::inspect(target).await?;
    let difference = difference(policy, &live);
    if let Some(path) = &args.out {
        write(path, &SavedPlan::new(policy, &live, difference.changes.clone()))?;
    }
    let form = match (args.sql, args.markdown) {
        (true, _) => Form::Sql,
        (_, true) => Form::Markdown,
        _ => Form::Report,
    };
    let exit = if difference.is_empty() { Exit::Done } else { Exit::Bad };
    plan::show(ui, &Plan::new(policy, &live, &difference), form)?;
    Ok(exit)
}

fn write(path: &Path, plan: &SavedPlan) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(plan)? + "\n";
    std::fs::write(path, text)
        .map_err(|error| Failure::new(format!("could not write the plan {}: {error}", path.display())))
}
