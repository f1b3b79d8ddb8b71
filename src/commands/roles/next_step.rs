//! What to do next when roles were not changed.

use unisys_db::roles::RolesError;

use crate::exit::Exit;
use crate::failure::Failure;

/// How many lines of a kind are told.
const SHOWN: usize = 20;

/// Returns the failure with all that belongs to it, and what to do about it.
pub(crate) fn explain(error: RolesError) -> Failure {
    let (lines, step): (Vec<String>, &str) = match &error {
        RolesError::Locked { .. } => (vec![], "Wait for the other session, or end it, and run this again."),
        RolesError::Pooler(_) => {
            (vec![], "Name the server's own port in the url, or a pool in session mode.")
        }
        RolesError::Standby { .. } => {
            (vec![], "Name the primary in the url; `roles verify` works on a standby.")
        }
        RolesError::Impossible(all) => (
            all.iter().map(|impossible| format!("{impossible}. {}", impossible.todo)).collect(),
            "Nothing was changed.",
        ),
        RolesError::Stale(differs) => {
            (differs[1..].to_vec(), "Nothing was changed. Make a new plan and look at it.")
        }
        RolesError::Statement { .. } => {
            (vec![], "All of it is rolled back. Remove the cause and run this again.")
        }
        RolesError::NotReached(left) => (
            left.iter().skip(1).map(ToString::to_string).collect(),
            "All of it is rolled back. Run `unisys-dba roles plan`; somebody may be changing the same.",
        ),
        RolesError::Assertion(broken) => (
            broken[1..].to_vec(),
            "All of it is rolled back. `unisys-dba roles explain` shows the path; correct the policy.",
        ),
        RolesError::Record { .. } => (
            vec![],
            "All of it is rolled back. Let this login work as the owner of schema ops (`unisys-dba migrate up` makes it), or go \
             without a record: --no-record.",
        ),
        RolesError::Lost { .. } => (vec![], "Run this again."),
        RolesError::Unresolved { .. } => (vec![], "When the server answers, run `unisys-dba roles plan`."),
        RolesError::NoSuchRecord(_) => (vec![], "Run `unisys-dba roles undo` for the list."),
        RolesError::NotUndoable { .. } => {
            (vec![], "Change the policy and apply it, or take it back by hand.")
        }
        RolesError::ChangedSince { changed, .. } => (
            changed.iter().skip(1).map(ToString::to_string).collect(),
            "Nothing was changed. Take what came later back first, or change the policy and apply it.",
        ),
        RolesError::NotRestored { changed, .. } => (
            changed.iter().skip(1).map(ToString::to_string).collect(),
            "All of it is rolled back. Change the policy and apply it.",
        ),
        RolesError::Obstacles { obstacles, .. } => {
            (obstacles[1..].to_vec(), "Remove what stands in the way, and run this again.")
        }
        RolesError::Retire { .. } => {
            (vec![], "What was done stays, and nobody logs in as the role. Run this again: it does the rest.")
        }
        RolesError::Password(_) => {
            (vec![], "All of it is rolled back. Try the password alone: `unisys-dba roles passwd`.")
        }
        RolesError::Db(_) => return Failure::from(error),
    };
    let exit = if matches!(error, RolesError::Assertion(_)) { Exit::Bad } else { Exit::Failed };
    let more = lines.len().saturating_sub(SHOWN);
    let mut text: String = lines.iter().take(SHOWN).map(|line| format!("{line}\n")).collect();
    if more > 0 {
        text += &format!("and {more} more\n");
    }
    Failure::from(error).exit(exit).hint(text + step)
}
