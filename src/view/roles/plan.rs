//! What differs from a policy, in four forms.

mod markdown;
mod script;
mod text;

use serde::Serialize;
use unisys_db::roles::{Change, Difference, Impossible, Live, Notice, Phase, Policy};

use crate::failure::Failure;
use crate::ui::{Cell, Column, Page, Table, Ui};

/// How the plan is written.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    /// As `--format` says.
    Report,
    Sql,
    Markdown,
}

/// What is shown.
#[derive(Serialize)]
pub(crate) struct Plan<'p> {
    database: &'p str,
    /// The login that asked.
    login: String,
    /// `server_version_num`
    version: u32,
    /// SHA-256 of the policy.
    policy: &'p str,
    changes: &'p [Change],
    notices: &'p [Notice],
    impossible: &'p [Impossible],
    retire: &'p [String],
}

impl<'p> Plan<'p> {
    pub(crate) fn new(policy: &'p Policy, live: &'p Live, difference: &'p Difference) -> Self {
        Self {
            database: &live.server.database,
            login: live.role_name(live.server.login),
            version: live.server.version,
            policy: &policy.sha256,
            changes: &difference.changes,
            notices: &difference.notices,
            impossible: &difference.impossible,
            retire: &difference.retire,
        }
    }

    /// Returns the changes of each phase that has some.
    fn phases(&self) -> impl Iterator<Item = (Phase, &[Change])> {
        self.changes
            .chunk_by(|one, other| one.phase == other.phase)
            .map(|changes| (changes[0].phase, changes))
    }

    /// `12 statements to apply, 1 of what is wanted cannot be done`
    fn summary(&self) -> String {
        let counted = |count: usize, what: &str| match count {
            1 => format!("1 {what}"),
            n => format!("{n} {what}s"),
        };
        let impossible = match self.impossible.len() {
            0 => String::new(),
            n => format!(", {} cannot be done", counted(n, "thing")),
        };
        match (self.changes.len(), self.impossible.is_empty()) {
            (0, true) => "is as the policy says".into(),
            (n, _) => format!("differs from the policy: {} to apply{impossible}", counted(n, "statement")),
        }
    }
}

/// Shows a plan.
pub(crate) fn show(ui: &mut Ui, plan: &Plan<'_>, form: Form) -> Result<(), Failure> {
    match form {
        Form::Sql => ui.text(&script::script(plan)),
        Form::Markdown => ui.text(&markdown::markdown(plan)),
        Form::Report if ui.is_csv() => ui.answer(plan, || table(plan)),
        Form::Report => ui.answer(plan, || text::page(plan)),
    }
}

/// For spreadsheets: a row for each statement.
fn table(plan: &Plan<'_>) -> Page {
    let columns = [
        Column::whole("Phase"),
        Column::whole("As"),
        Column::whole("SQL"),
        Column::whole("Reason"),
        Column::number("Line"),
    ];
    let mut table = Table::new(columns);
    for change in plan.changes {
        let line = change.line.and_then(|line| u64::try_from(line).ok());
        table.row([
            title(change.phase).into(),
            change.as_role.as_deref().unwrap_or_default().into(),
            change.sql.as_str().into(),
            change.reason.as_str().into(),
            line.map_or_else(|| "".into(), Cell::count),
        ]);
    }
    Page::new().table(table)
}

/// Returns what a phase does.
fn title(phase: Phase) -> &'static str {
    match phase {
        Phase::Create => "Roles to make",
        Phase::Attributes => "Attributes of roles",
        Phase::Settings => "Settings",
        Phase::Join => "Memberships to give",
        Phase::Owners => "Schemas and owners",
        Phase::Grants => "Privileges to give",
        Phase::Defaults => "Default privileges to give",
        Phase::DefaultRevokes => "Default privileges to take",
        Phase::Revokes => "Privileges to take",
        Phase::ColumnGrants => "Privileges on columns to give",
        Phase::Leave => "Memberships to take",
        Phase::Retire => "Roles to retire",
    }
}

/// Returns `sql` broken between words, never within quotes, to lines of at most `width` characters where that is possible.
fn broken(sql: &str, width: usize) -> Vec<String> {
    let (mut lines, mut line, mut length) = (Vec::new(), String::new(), 0);
    for word in words(sql) {
        let size = word.chars().count();
        if length > 0 && length + 1 + size > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        line.push_str(word);
        length += size;
    }
    lines.push(line);
    lines
}

/// Splits at spaces that are not in quotes.
fn words(sql: &str) -> Vec<&str> {
    let (mut words, mut start, mut quote) = (Vec::new(), 0, None);
    for (at, c) in sql.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            // a doubled quote closes and opens again
            (Some(open), c) if c == open => quote = None,
            (None, ' ') => {
                words.push(&sql[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push(&sql[start..]);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_broken_between_words_only() {
        let sql = "grant select on table \"a b c d e f g\", 'x  y' to \"it\"\"s mine\"";
        let lines = broken(sql, 20);
        assert_eq!(
            lines,
            ["grant select on", "table", "\"a b c d e f g\",", "'x  y' to", "\"it\"\"s mine\""]
        );
        assert_eq!(lines.join(" "), sql);
    }
}
