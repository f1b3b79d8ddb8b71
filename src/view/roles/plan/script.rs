//! A plan as a script for psql: one transaction, by a login that may all of it.

use unisys_db::quote_ident;
use unisys_db::roles::Change;

use super::{Plan, title};
use crate::ui::printable;

pub(super) fn script(plan: &Plan<'_>) -> String {
    let mut script = format!("-- {} {}\n", printable(plan.database), plan.summary());
    script += &format!("-- policy {}\n", plan.policy);
    for impossible in plan.impossible {
        script += &format!("-- {}\n", printable(&impossible.to_string()));
    }
    if plan.changes.is_empty() {
        return script;
    }
    script += "begin;\nset local search_path = '';\n";
    for (phase, changes) in plan.phases() {
        script += &format!("\n-- {}\n", title(phase));
        script.extend(changes.iter().map(|change| format!("{}{}", said(change), why(change))));
    }
    script + "\ncommit;\n"
}

/// The statement, by who has to say it.
pub(super) fn said(change: &Change) -> String {
    match &change.as_role {
        Some(role) => format!("set local role {};\n{};\nset local role none;", quote_ident(role), change.sql),
        None => format!("{};", change.sql),
    }
}

fn why(change: &Change) -> String {
    let line = change.line.map_or_else(String::new, |line| format!(" (line {line})"));
    format!(" -- {}{line}\n", printable(&change.reason))
}
