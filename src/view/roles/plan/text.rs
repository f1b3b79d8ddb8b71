//! A plan for reading on a terminal.

use super::{Plan, broken, title};
use crate::ui::Page;

const WIDTH: usize = 78;

/// Phase by phase: each statement as it will be said, below it why.
pub(super) fn page(plan: &Plan<'_>) -> Page {
    let mut page = Page::new().line(format!("Database {} {}", plan.database, plan.summary()));
    for (phase, changes) in plan.phases() {
        page = page.line("").line(title(phase));
        for change in changes {
            let mut reason = change.reason.clone();
            if let Some(role) = &change.as_role {
                reason = format!("{reason}; said as {role}");
            }
            if let Some(line) = change.line {
                reason = format!("{reason} (line {line})");
            }
            page = page.lines(indented(&broken(&format!("{};", change.sql), WIDTH - 4), 2, 4));
            page = page.lines(indented(&prose(&reason, WIDTH - 9), 6, 9).into_iter().map(comment));
        }
    }
    if !plan.impossible.is_empty() {
        page = page.line("").line("Cannot be done");
        for impossible in plan.impossible {
            page = page.lines(indented(&prose(&impossible.to_string(), WIDTH - 4), 2, 4));
            page = page.lines(indented(&prose(&impossible.todo, WIDTH - 6), 6, 6));
        }
    }
    if !plan.notices.is_empty() {
        page = page.line("").line("Not changed, and worth knowing");
        for notice in plan.notices {
            let line = notice.line.map_or_else(String::new, |line| format!(" (line {line})"));
            page = page.lines(indented(&prose(&format!("{}{line}", notice.text), WIDTH - 4), 2, 4));
        }
    }
    page
}

fn comment(line: String) -> String {
    match line.strip_prefix("      ") {
        Some(first) if !first.starts_with(' ') => format!("      -- {first}"),
        _ => line,
    }
}

fn indented(lines: &[String], first: usize, others: usize) -> Vec<String> {
    let indent = |place| if place == 0 { first } else { others };
    lines.iter().enumerate().map(|(place, line)| format!("{:1$}{line}", "", indent(place))).collect()
}

/// Breaks a sentence at spaces; quotes mean nothing in it.
fn prose(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
