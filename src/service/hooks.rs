//! The hooks of the configuration, run with what they are promised.

use std::collections::BTreeMap;
use std::path::Path;

use unisys_ops::OpsError;
use unisys_ops::hook::{self, Hook};

use super::letter::Letter;
use super::{Done, Subject};
use crate::failure::Failure;
use crate::settings::Operation;
use crate::ui::Ui;

/// The variables of the caller every hook gets; passwords and credentials are none of them.
const PASSED: [&str; 22] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "LC_MESSAGES",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "SystemRoot",
    "SystemDrive",
    "ComSpec",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERNAME",
    "USERPROFILE",
    "APPDATA",
];

/// When a hook is run.
#[derive(Clone, Copy)]
enum When {
    Before,
    After,
    Failed,
    Finally,
}

impl When {
    fn name(self) -> &'static str {
        match self {
            Self::Before => "before",
            Self::After => "after",
            Self::Failed => "failed",
            Self::Finally => "finally",
        }
    }
}

/// Runs an operation between its hooks.
///
/// # Errors
/// The operation's own, or that of the hook before it; then the operation was not begun.
pub(crate) async fn hooked(
    operation: Operation,
    subject: &Subject<'_>,
    ui: &mut Ui,
    work: impl AsyncFnOnce(&mut Ui) -> Result<Done, Failure>,
) -> Result<Done, Failure> {
    if !subject.ctx.settings.hooks.operations.contains(&operation) {
        return work(ui).await;
    }
    let begin = Letter::beginning(operation, subject);
    let mut result = match run(When::Before, subject, &begin, ui).await {
        Ok(()) => work(ui).await,
        Err(error) => Err(refused(operation, error)),
    };
    let when = if result.as_ref().is_ok_and(Done::succeeded) { When::After } else { When::Failed };
    for when in [when, When::Finally] {
        let letter = Letter::of(operation, subject, &result);
        if let Err(error) = run(when, subject, &letter, ui).await {
            let problem = format!("the hook {} failed: {error}", when.name());
            ui.warning(&problem);
            if let Ok(done) = &mut result {
                done.later(problem);
            }
        }
    }
    result
}

fn refused(operation: Operation, error: OpsError) -> Failure {
    let what = operation.name();
    Failure::new(HookBefore { what, source: error })
        .hint(format!("The {what} was not begun. See what the hook says above, and hooks.before."))
}

/// The hook before an operation failed.
#[derive(Debug, thiserror::Error)]
#[error("the hook before the {what} failed")]
struct HookBefore {
    what: &'static str,
    source: OpsError,
}

/// Runs one hook, if there is one.
async fn run(when: When, subject: &Subject<'_>, letter: &Letter, ui: &Ui) -> Result<(), OpsError> {
    let settings = &subject.ctx.settings.hooks;
    let command = match when {
        When::Before => &settings.before,
        When::After => &settings.after,
        When::Failed => &settings.failed,
        When::Finally => &settings.finally,
    };
    if command.is_empty() {
        return Ok(());
    }
    let home = subject.ctx.config_file.as_deref().and_then(Path::parent);
    let hook = Hook {
        command: located(command, home),
        variables: variables(when, subject, letter),
        directory: home.map(Path::to_owned),
        input: format!("{}\n", letter.document(when.name())).into_bytes(),
        limit: settings.time_limit.0,
    };
    ui.detail(format!("Hook {}: {}", when.name(), hook.command.join(" ")));
    let relay = ui.relay(&format!("hook {}", when.name()));
    hook::run(&hook, &|_, line| relay(line)).await
}

/// A program named by a relative path starts where the configuration is; one without a directory is looked for in PATH.
fn located(command: &[String], home: Option<&Path>) -> Vec<String> {
    let mut command = command.to_vec();
    if let (Some(program), Some(home)) = (command.first_mut(), home)
        && Path::new(program.as_str()).components().count() > 1
    {
        *program = home.join(program.as_str()).to_string_lossy().into_owned();
    }
    command
}

fn variables(when: When, subject: &Subject<'_>, letter: &Letter) -> BTreeMap<String, String> {
    let ctx = subject.ctx;
    let wanted = |name: &String| {
        PASSED.contains(&name.as_str()) || ctx.settings.hooks.pass.iter().any(|passed| passed == name)
    };
    let passed = ctx.environment.iter().filter(|(name, _)| wanted(name));
    let mut variables: BTreeMap<String, String> =
        passed.map(|(name, value)| (name.clone(), value.clone())).collect();
    let config = ctx.config_file.as_ref().map(|path| path.to_string_lossy().into_owned());
    let store = subject.store.as_ref().map(|store| store.location());
    for (name, value) in [
        ("EVENT", when.name().to_owned()),
        ("OPERATION", letter.operation().name().to_owned()),
        // a name the configuration does not know would make the program refuse to run in the hook
        ("DATABASE", if subject.configured { subject.name.clone() } else { String::new() }),
        ("STORE", store.unwrap_or_default()),
        ("BACKUP_ID", letter.backup().unwrap_or_default().to_owned()),
        ("OUTCOME", letter.outcome().to_owned()),
        ("EXIT", letter.exit().map(|exit| exit.to_string()).unwrap_or_default()),
        ("ERROR", letter.error().to_owned()),
        ("CONFIG", config.unwrap_or_default()),
    ] {
        // a system's variables end at a zero byte
        variables.insert(format!("UNISYS_DBA_{name}"), value.replace('\0', ""));
    }
    variables
}
