//! `doctor`: every link between a database and a proven backup, tried.

use chrono::Utc;
use unisys_db::Target;
use unisys_ops::doctor::{self, Broken, DoctorOptions, Finding};

use crate::commands::backup::SelectedArgs;
use crate::commands::drill::scratch_user;
use crate::context::{Context, Selection};
use crate::exit::Exit;
use crate::explain;
use crate::failure::Failure;
use crate::settings;
use crate::ui::Ui;
use crate::view;

/// Try every link between the database and a proven backup, and say what to repair
///
/// The database is only read. A test file is written to the store and removed again; a scratch server is started on
/// drill.port and removed again. Exit 4 when a link is broken; a warning alone is exit 0.
#[derive(clap::Args)]
pub(crate) struct Args {}

pub(crate) async fn run(ctx: &Context, ui: &mut Ui) -> Result<Exit, Failure> {
    let selection = ctx.selection()?;
    ui.status("Trying each link; the database is only read.");
    let diagnosis = doctor::run(&options(ctx, &selection, ui)?).await;
    view::doctor::diagnosis(ui, &diagnosis)?;
    if diagnosis.has_failed() {
        ui.hint("Repair what FAILs, from the top, and run `unisys-dba doctor` again.");
        return Ok(Exit::Bad);
    }
    ui.hint("Make a backup: unisys-dba backup run");
    Ok(Exit::Done)
}

fn options(ctx: &Context, selection: &Selection<'_>, ui: &Ui) -> Result<DoctorOptions, Failure> {
    let drill = &ctx.settings.drill;
    let target = ctx.resolve(selection);
    Ok(DoctorOptions {
        configuration: configuration(ctx, target.as_ref().ok()),
        target: target.map_err(broken),
        standby: ctx.standby(selection, ui).map_err(broken),
        search: ctx.search(),
        recipients: ctx.recipients(selection).map_err(broken),
        identities: ctx.identities(selection, &[]).map_err(broken),
        passphrase: ctx.passphrase().ok().flatten(),
        store: ctx.store(selection)?,
        copies: ctx.copies(selection)?,
        parent: ctx.scratch_directory(),
        port: drill.port,
        user: scratch_user(ctx, ui).map_err(broken),
        system_user: unisys_ops::platform::current_user(&ctx.environment),
        jobs: ctx.settings.backup.jobs.get(),
        selection: SelectedArgs::default().of(ctx, selection).map(|(selected, _)| selected).map_err(broken),
        clock: Utc::now,
        explain: explain::of_ops,
    })
}

/// A failure as one line and its repair.
#[allow(clippy::needless_pass_by_value, reason = "given to map_err")]
fn broken(failure: Failure) -> Broken {
    let mut what = failure.error.to_string();
    failure.causes().iter().for_each(|cause| what.push_str(&format!(": {cause}")));
    Broken { what: what.replace('\n', "; "), repair: failure.hints.last().cloned() }
}

const CONFIGURATION: &str = "configuration";

/// Judges the file the configuration is in, and the passfile.
fn configuration(ctx: &Context, target: Option<&Target>) -> Vec<Finding> {
    let mut findings = vec![judge_file(ctx), judge_signatures(ctx)];
    for warning in target.iter().flat_map(|target| &target.warnings) {
        let repair = "chmod 600 the passfile named, or name another one with passfile.";
        findings.push(Finding::warn(CONFIGURATION, warning, repair));
    }
    findings
}

const SIGNATURES: &str = "signatures";

/// Judges whether backups will be signed, and with a key that counts here.
fn judge_signatures(ctx: &Context) -> Finding {
    let (key, trust) = match (ctx.signing_key(), ctx.trust()) {
        (Ok(key), Ok(trust)) => (key, trust),
        (Err(failure), _) | (_, Err(failure)) => return Finding::broken(SIGNATURES, &broken(failure)),
    };
    let (Some(key), Some(path)) = (key, &ctx.settings.evidence.signing_key) else {
        let text = "backups and drills are not signed: whoever can write to the store can forge them";
        return Finding::warn(
            SIGNATURES,
            text,
            "unisys-dba key new --signing # then set evidence.signing-key",
        );
    };
    let id = key.public().id();
    if !unisys_ops::platform::is_private(path).unwrap_or(false) {
        let text = format!("others can read the signing key {}", path.display());
        return Finding::fail(SIGNATURES, text, format!("chmod 600 '{}'", path.display()));
    }
    if !trust.keys().iter().any(|trusted| trusted.id() == id) {
        let text = format!("made with {id}, which is not among evidence.trusted");
        let repair = format!("Add \"{}\" to evidence.trusted.", key.public().text());
        return Finding::warn(SIGNATURES, text, repair);
    }
    Finding::ok(SIGNATURES, format!("made with {id}, trusted"))
}

fn judge_file(ctx: &Context) -> Finding {
    let Some(path) = &ctx.config_file else {
        return Finding::ok(CONFIGURATION, "no file: the defaults are in force");
    };
    let path = path.display();
    let holds_password = ctx.entries.iter().any(|entry| settings::holds_password(&entry.key, &entry.value));
    if !holds_password {
        return Finding::ok(CONFIGURATION, format!("{path}, without a password"));
    }
    let private =
        ctx.config_file.as_ref().is_some_and(|path| unisys_ops::platform::is_private(path).unwrap_or(false));
    if !private {
        let text = format!("{path} holds a password and can be read by others");
        return Finding::fail(CONFIGURATION, text, format!("chmod 600 '{path}'"));
    }
    Finding::warn(
        CONFIGURATION,
        format!("{path} holds a password"),
        "Move the password into ~/.pgpass, chmod 600, and leave it out of the url.",
    )
}
