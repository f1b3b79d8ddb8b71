//! Statements that destroy rows: each says so in a comment, `-- unisys:destructive why`.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{self, AstNode};

use super::parsed::Parsed;
use super::rules::{run_nodes, words};
use super::targets::{makes, names};

/// What the comment begins with.
const MARKER: &str = "-- unisys:destructive";

/// Returns the destructive statements no comment stands before, and the comments that stand before no such statement.
pub(crate) fn unmarked(parsed: &Parsed<'_>) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut made: Vec<String> = Vec::new();
    let mut markers = markers(parsed, &mut found);
    for statement in parsed.statements() {
        let end = usize::from(statement.syntax().text_range().end());
        let (before, after): (Vec<_>, Vec<_>) = markers.into_iter().partition(|(at, _)| *at < end);
        markers = after;
        let line = parsed.line_of(statement.syntax());
        let what =
            run_nodes(&statement).into_iter().find_map(|node| destroys(&ast::Stmt::cast(node)?, &made));
        match (what, before.first()) {
            (Some(what), None) => {
                found.push((line, format!("{what}; say why in a line before it: `{MARKER} WHY`")));
            }
            (None, Some((_, line))) => markers_nothing(*line, &mut found),
            _ => {}
        }
        made.extend(makes(&statement));
    }
    for (_, line) in markers {
        markers_nothing(line, &mut found);
    }
    found
}

fn markers_nothing(line: usize, found: &mut Vec<(usize, String)>) {
    found.push((line, format!("`{MARKER}` stands before a statement that destroys nothing")));
}

/// Returns the markers' places and lines.
fn markers(parsed: &Parsed<'_>, found: &mut Vec<(usize, String)>) -> Vec<(usize, usize)> {
    let mut markers = Vec::new();
    for (at, comment) in parsed.comments() {
        if let Some(reason) = comment.strip_prefix(MARKER) {
            let line = parsed.line(at);
            if reason.trim().is_empty() {
                found.push((line, format!("`{MARKER}` gives no reason")));
            }
            markers.push((at, line));
        }
    }
    markers
}

/// Returns what this destroys, in words; a table the same file has made holds nothing of anybody's.
fn destroys(statement: &ast::Stmt, made: &[String]) -> Option<String> {
    use ast::Stmt;
    let node = statement.syntax();
    let all_made = |node: &SyntaxNode| names(node).iter().all(|name| made.contains(name));
    let named = |name: Option<ast::RelationName>| name.is_some_and(|name| all_made(name.syntax()));
    let two = || words(node, 2);
    match statement {
        Stmt::DropTable(_) => (!all_made(node)).then(|| format!("{} destroys rows", two())),
        Stmt::DropSchema(_) | Stmt::DropDatabase(_) | Stmt::DropSequence(_) | Stmt::DropExtension(_) => {
            Some(format!("{} destroys what is in it", two()))
        }
        Stmt::AlterTable(alter) => {
            let drops = alter.actions().any(|action| matches!(action, ast::AlterTableAction::DropColumn(_)));
            drops.then(|| "DROP COLUMN destroys its values".into())
        }
        Stmt::Truncate(_) => (!all_made(node)).then(|| "TRUNCATE destroys rows".into()),
        Stmt::Delete(delete) if delete.where_clause_or_current_of().is_none() => {
            (!named(delete.relation_name())).then(|| "DELETE without WHERE destroys all rows".into())
        }
        Stmt::Update(update) if update.where_clause_or_current_of().is_none() => {
            (!named(update.relation_name())).then(|| "UPDATE without WHERE overwrites all rows".into())
        }
        _ if cascades(statement) => Some(format!("{} … CASCADE destroys what depends on it", two())),
        _ => None,
    }
}

fn cascades(statement: &ast::Stmt) -> bool {
    let node = statement.syntax();
    words(node, 1) == "DROP"
        && node
            .children()
            .any(|child| ast::DropBehavior::cast(child).is_some_and(|b| words(b.syntax(), 1) == "CASCADE"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn found(sql: &str) -> Vec<String> {
        unmarked(&Parsed::new(sql)).into_iter().map(|(line, what)| format!("{line}: {what}")).collect()
    }

    #[rstest]
    #[case("select 1;\ndrop table app.t;", "2: DROP TABLE destroys rows")]
    #[case("drop table if exists app.a, app.b;", "1: DROP TABLE")]
    #[case("drop schema app;", "1: DROP SCHEMA")]
    #[case("drop sequence app.s;", "1: DROP SEQUENCE")]
    #[case("drop extension pgcrypto;", "1: DROP EXTENSION")]
    #[case("drop type app.kind cascade;", "1: DROP TYPE … CASCADE")]
    #[case("drop view app.v cascade;", "1: DROP VIEW … CASCADE")]
    #[case("alter table app.t add column a int, drop column b;", "1: DROP COLUMN")]
    #[case("truncate app.t;", "1: TRUNCATE")]
    #[case("delete from app.t;", "1: DELETE without WHERE")]
    #[case("with gone as (delete from app.t returning *) insert into app.u select * from gone;", "1: DELETE")]
    #[case("update app.t set a = 1;", "1: UPDATE without WHERE")]
    #[case("do $$ begin\n delete from app.t; end $$;", "1: DELETE without WHERE")]
    fn what_destroys_rows_is_found(#[case] sql: &str, #[case] expected: &str) {
        let found = found(sql);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}");
    }

    #[rstest]
    #[case("delete from app.t where id = 1; update app.t set a = 1 where b;")]
    #[case("drop view app.v; drop index app.i; drop function app.f(int); drop trigger t on app.t;")]
    #[case("alter table app.t drop constraint k;")]
    #[case("create temp table x as select 1; update x set a = 1; delete from x; truncate x; drop table x;")]
    #[case("create function f() returns void language sql as $$ delete from app.t $$;")]
    #[case("-- unisys:destructive nobody reads it since V0007\ndrop table app.t;")]
    #[case("select 1; -- unisys:destructive rebuilt below\ntruncate app.t;")]
    fn what_says_why_or_destroys_nothing_is_not(#[case] sql: &str) {
        assert_eq!(found(sql), [""; 0]);
    }

    #[test]
    fn each_statement_needs_its_own_reason_and_each_reason_a_statement() {
        let twice = found("-- unisys:destructive old\ndrop table app.a;\ndrop table app.b;");
        assert!(twice.len() == 1 && twice[0].starts_with("3: "), "{twice:?}");
        assert_eq!(
            found("-- unisys:destructive\ndrop table a.b;"),
            ["1: `-- unisys:destructive` gives no reason"]
        );
        let nothing = "`-- unisys:destructive` stands before a statement that destroys nothing";
        assert_eq!(found("-- unisys:destructive x\nselect 1;"), [format!("1: {nothing}")]);
        assert_eq!(found("select 1;\n-- unisys:destructive x\n"), [format!("2: {nothing}")]);
    }
}
