//! `roles verify`.

use unisys_db::Target;
use unisys_db::roles::{BOOTSTRAP, Policy, assertions, difference, lint};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::Ui;
use crate::view;
use crate::view::roles::verify::Report;

/// Prove that the server is as the policy says, and that what it asserts holds; exit 4 when not
///
/// Three questions: what is otherwise than declared (drift), what roles can really do by whatever path (assertions), and which traps
/// are there that a grant does not show (lint; what is dangerous counts). Nothing is changed, and the server enforces that; any
/// login will do, on a standby too.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(_: &Args, target: &Target, policy: &Policy, ui: &mut Ui) -> Result<Exit, Failure> {
    let mut live = super::inspect(target).await?;
    // who asks need not be able to change it
    live.server.login = BOOTSTRAP;
    let report = Report::new(
        &live.server.database,
        policy,
        difference(policy, &live),
        assertions(policy, &live),
        lint::lint(Some(policy), &live),
    );
    view::roles::verify::show(ui, &report)?;
    if report.is_clean() {
        return Ok(Exit::Done);
    }
    ui.hint(
        "`unisys-dba roles plan` shows what would mend drift; `unisys-dba roles explain` shows each path.",
    );
    Ok(Exit::Bad)
}
