//! What `init` made, as a report.

use std::path::PathBuf;

use serde::Serialize;

use crate::failure::Failure;
use crate::ui::{Page, Ui};

/// What was written, and what is left to do by hand. No secret.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) config: PathBuf,
    pub(crate) database: String,
    pub(crate) url: String,
    pub(crate) store: PathBuf,
    pub(crate) drill_key: PathBuf,
    pub(crate) drill_recipient: String,
    pub(crate) signing_key: Option<PathBuf>,
    pub(crate) recovery_recipient: Option<String>,
    pub(crate) login: String,
    pub(crate) login_is_superuser: bool,
    pub(crate) login_sql: Vec<String>,
}

pub(crate) fn show(ui: &mut Ui, report: &Report) -> Result<(), Failure> {
    ui.answer(report, || page(report))
}

fn page(report: &Report) -> Page {
    let recovery = match &report.recovery_recipient {
        Some(recipient) => format!("Recovery key    {recipient} (its secret half is yours alone)"),
        None => "Recovery key    none".into(),
    };
    let who =
        if report.login_is_superuser { "a superuser, more than a backup needs" } else { "no superuser" };
    let page = Page::new()
        .line(format!("Configuration   {} ([databases.{}])", report.config.display(), report.database))
        .line(format!("Store           {}", report.store.display()))
        .line(format!("Drill key       {}", report.drill_key.display()))
        .line(format!("                {}", report.drill_recipient))
        .line(recovery);
    let page = match &report.signing_key {
        Some(path) => page.line(format!("Signing key     {}", path.display())),
        None => page,
    };
    let page = page
        .line("")
        .line(format!(
            "The login {} is {who}. A login with no right it does not need, for psql",
            report.login
        ))
        .line("as a superuser (shown, not run); then name it in the url:")
        .line("");
    report.login_sql.iter().fold(page, |page, line| page.line(format!("    {line}")))
}
