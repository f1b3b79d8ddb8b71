//! A plan as Markdown, for a comment on a change.

use unisys_db::roles::Change;

use super::script::said;
use super::{Plan, title};
use crate::ui::printable;

pub(super) fn markdown(plan: &Plan<'_>) -> String {
    let mut text = format!("### Roles: {} {}\n", code(plan.database), plan.summary());
    for (phase, changes) in plan.phases() {
        let count = changes.len();
        let blocks: String = changes.iter().map(block).collect();
        let fence = fence(&blocks);
        text += &format!("\n<details><summary>{} ({count})</summary>\n\n{fence}sql\n", title(phase));
        text += &format!("{blocks}{fence}\n\n</details>\n");
    }
    if !plan.impossible.is_empty() {
        text += "\n#### Cannot be done\n\n";
        for impossible in plan.impossible {
            text += &format!("- {} {}\n", plain(&impossible.to_string()), plain(&impossible.todo));
        }
    }
    if !plan.notices.is_empty() {
        text += "\n#### Not changed, and worth knowing\n\n";
        text.extend(plan.notices.iter().map(|notice| format!("- {}\n", plain(&notice.text))));
    }
    text
}

fn block(change: &Change) -> String {
    let line = change.line.map_or_else(String::new, |line| format!(" (line {line})"));
    format!("-- {}{line}\n{}\n", printable(&change.reason), said(change))
}

/// Returns a fence longer than what names hold: it ends at as many of its marks as it began with.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

fn code(name: &str) -> String {
    format!("`{}`", printable(name).replace('`', "'"))
}

/// A name shall not draw in the comment.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for c in printable(text).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '@') {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}
