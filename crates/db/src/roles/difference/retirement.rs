//! Roles that shall be gone: what this database needs for it, after its objects were given to the heir.

use super::draft::Draft;
use super::words::shown;
use crate::quote_ident;
use crate::roles::Phase;

/// The last of a role: what it was granted here, what it would have granted by default, itself. What it has in other databases
/// must be gone before, and its sessions are for whoever applies this to end.
pub(super) fn compare(draft: &mut Draft<'_>) {
    let policy = draft.policy;
    for (role, _) in draft.retired.clone() {
        let Some(name) = draft.name(role).map(str::to_owned) else { continue };
        let line = policy.retired.iter().find(|rule| rule.role == name).map(|rule| rule.line);
        if role == draft.login() {
            draft.impossible(
                format!("retire {}", shown(&name)),
                "it is the login that applies this",
                "Apply it as another login.",
                line,
            );
            continue;
        }
        if !draft.may_manage(role) {
            draft.impossible(
                format!("retire {}", shown(&name)),
                "only a superuser may, or who may change the role",
                "Let such a login apply it.",
                line,
            );
        }
        let quoted = quote_ident(&name);
        let reason = format!("{} is retired", shown(&name));
        draft.change(Phase::Retire, None, format!("drop owned by {quoted}"), reason.clone(), line, vec![]);
        draft.change(Phase::Retire, None, format!("drop role {quoted}"), reason, line, vec![]);
    }
}
