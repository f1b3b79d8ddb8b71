//! What is dangerous on a table in use, though it may be meant: squawk's rules, and two of our own. Warnings, not errors.

use serde::Serialize;
use squawk_linter::{Linter, Rule};
use squawk_syntax::ast::{self, AstNode};

use super::parsed::Parsed;
use super::{MigrationFile, targets};

/// The rules of squawk that are about locks, scans and clients that run meanwhile. Its rules of taste stay out, and those
/// that our own rules and the runner hold already: transactions, time-outs, reruns, what destroys rows.
const RULES: &[Rule] = &[
    Rule::AddingFieldWithDefault,
    Rule::AddingForeignKeyConstraint,
    Rule::AddingNotNullableField,
    Rule::AddingRequiredField,
    Rule::AddingSerialPrimaryKeyField,
    Rule::BanAlterDomainWithAddConstraint,
    Rule::BanCharField,
    Rule::BanDuplicateColumnAssignments,
    Rule::ChangingColumnType,
    Rule::ConstraintMissingNotValid,
    Rule::DisallowedUniqueConstraint,
    Rule::IdentifierTooLong,
    Rule::PreferTimestampTz,
    Rule::RenamingColumn,
    Rule::RenamingTable,
    Rule::RequireConcurrentIndexCreation,
    Rule::RequireConcurrentIndexDeletion,
    Rule::RequireConcurrentPartitionDetach,
    Rule::RequireConcurrentReindex,
];

/// Something to think about before a migration is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The line, from 1.
    pub line: usize,
    /// The rule's name: squawk's, whose site explains each, or `syntax`, `definer-without-search-path`.
    pub rule: String,
    /// What is the matter.
    pub message: String,
    /// What to do instead, where there is something.
    pub help: Option<String>,
    /// The table it is about, `schema.name`, where it is about one.
    pub relation: Option<String>,
    /// The rows the server estimates there.
    pub rows: Option<i64>,
}

/// Returns what is to be thought about in a file, for a server of this version (as `server_version_num` counts).
pub(crate) fn findings(file: &MigrationFile, server: u32) -> Vec<Finding> {
    let parsed = Parsed::new(file.sql());
    let mut linter = Linter::from(RULES.iter().copied());
    linter.settings.assume_in_transaction = !file.no_transaction();
    if let Ok(version) = format!("{}.0", server / 10_000).parse() {
        linter.settings.pg_version = version;
    }
    let violations = linter.lint(&parsed.parse, parsed.text);
    let mut found: Vec<Finding> = violations
        .into_iter()
        .map(|violation| {
            let at = usize::from(violation.text_range.start());
            Finding {
                line: parsed.line(at),
                rule: violation.code.to_string(),
                message: violation.message,
                help: violation.help,
                relation: relation_at(&parsed, at),
                rows: None,
            }
        })
        .collect();
    found.extend(parsed.errors().into_iter().map(|(line, message)| Finding {
        line,
        rule: "syntax".into(),
        message: format!("not understood here: {message}"),
        help: Some("If the server understands it, what it locks and whom it stops is not shown.".into()),
        relation: None,
        rows: None,
    }));
    found.extend(open_definers(&parsed));
    found.sort_by(|a, b| (a.line, &a.rule).cmp(&(b.line, &b.rule)));
    found
}

/// Returns the relation that the statement at this place locks most strongly.
fn relation_at(parsed: &Parsed<'_>, at: usize) -> Option<String> {
    let statement = parsed.statements().find(|statement| {
        let range = statement.syntax().text_range();
        (usize::from(range.start())..usize::from(range.end())).contains(&at)
    })?;
    targets::of_statement(&statement).into_iter().next().map(|(relation, _)| relation)
}

/// Who calls such a function chooses what its names mean, and it runs as its owner.
fn open_definers(parsed: &Parsed<'_>) -> Vec<Finding> {
    let open = |statement: &ast::Stmt| {
        let options = match statement {
            ast::Stmt::CreateFunction(create) => create.option_list(),
            ast::Stmt::CreateProcedure(create) => create.option_list(),
            _ => None,
        };
        let options: Vec<String> = options
            .map(|list| {
                list.syntax().children().map(|option| option.text().to_string().to_lowercase()).collect()
            })
            .unwrap_or_default();
        let has = |word: &str| options.iter().any(|option| option.contains(word));
        has("security definer") && !options.iter().any(|o| o.starts_with("set") && o.contains("search_path"))
    };
    let finding = |statement: ast::Stmt| Finding {
        line: parsed.line_of(statement.syntax()),
        rule: "definer-without-search-path".into(),
        message: "A SECURITY DEFINER function without a search_path of its own does what its caller's says."
            .into(),
        help: Some("Add `set search_path = ''` and name schemas in its body.".into()),
        relation: None,
        rows: None,
    };
    parsed.statements().filter(open).map(finding).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn of(sql: &str) -> Vec<String> {
        let text = format!("-- unisys:owner login\n{sql}");
        let file = MigrationFile::parse("V0001__a.sql", text.as_bytes()).unwrap();
        let line = |f: Finding| format!("{}: {} {}", f.line, f.rule, f.relation.unwrap_or_default());
        findings(&file, 150_018).into_iter().map(line).collect()
    }

    #[rstest]
    #[case("create index i on app.t (a);", "2: require-concurrent-index-creation app.t")]
    #[case("\nalter table app.t alter column a set not null;", "3: adding-not-nullable-field app.t")]
    #[case("alter table app.t alter column a type bigint;", "2: changing-column-type app.t")]
    #[case("alter table app.t add constraint k check (a > 0);", "2: constraint-missing-not-valid app.t")]
    #[case("alter table app.t rename column a to b;", "2: renaming-column app.t")]
    #[case("drop index app.i;", "2: require-concurrent-index-deletion app.i")]
    #[case("create frobnicate;", "2: syntax ")]
    #[case(
        "create function app.f() returns int language sql security definer as $$ select 1 $$;",
        "2: definer-without-search-path "
    )]
    fn what_is_dangerous_is_found(#[case] sql: &str, #[case] expected: &str) {
        let found = of(sql);
        assert!(found.iter().any(|finding| finding == expected), "{found:?}");
    }

    #[rstest]
    #[case("create table app.t (a int); create index i on app.t (a);")]
    #[case("-- squawk-ignore require-concurrent-index-creation\ncreate index i on app.t (a);")]
    #[case(
        "create function app.f() returns int language sql security definer set search_path = '' as $$ select 1 $$;"
    )]
    #[case("alter table app.t add constraint k check (a > 0) not valid;")]
    fn what_is_not_or_is_said_to_be_meant_is_left_alone(#[case] sql: &str) {
        assert_eq!(of(sql), [""; 0]);
    }
}
