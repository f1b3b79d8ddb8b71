//! What has no place in a migration: found in the file, before anything runs.
//!
//! A statement inside of a function's body is not run by the migration and not judged; one inside of `do $$ … $$` is. What
//! is put together at run time (`execute …`) is seen by nobody: the runner asks after each file whether it is still in the
//! transaction it began.

use std::fmt;

use serde::Serialize;
use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::RunAs;
use super::destructive;
use super::parsed::Parsed;

/// A rule that a file breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What stands there and why it cannot.
    pub what: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.what)
    }
}

/// How a text will be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// In a transaction that also writes the history.
    Transaction,
    /// Alone: its one statement makes its own transactions.
    Alone,
    /// After a migration, in its transaction, which it may not change.
    Check,
}

/// Returns every rule a text breaks, in order of lines. What runs as the login may become an owner for a while.
pub(crate) fn broken(file: &str, sql: &str, usage: Use, run_as: &RunAs) -> Vec<Broken> {
    let parsed = Parsed::new(sql);
    let mut found = Vec::new();
    client_commands(&parsed, &mut found);
    for statement in parsed.statements() {
        let line = parsed.line_of(statement.syntax());
        if usage != Use::Alone
            && let Some(what) = outside_only(&statement)
        {
            found.push((line, format!("{what} cannot run in a transaction; see `-- unisys:no-transaction`")));
        }
        if usage == Use::Check && !reads_only(&statement) {
            found.push((line, "a verify script asks: SELECT, VALUES, TABLE or DO".into()));
        }
        let judged = run_nodes(&statement).into_iter().filter_map(|node| judge(&node, run_as));
        found.extend(judged.map(|what| (line, what)));
    }
    if usage == Use::Alone {
        let lines: Vec<usize> = parsed.statements().map(|s| parsed.line_of(s.syntax())).collect();
        if let &[_, line, ..] = lines.as_slice() {
            found.push((line, "without a transaction a file has one statement".into()));
        }
        if lines.is_empty() {
            found.push((1, "without a transaction a file has one statement, this one has none".into()));
        }
        // With errors in it, how many there are is a guess.
        found.extend(parsed.errors().into_iter().take(1));
    }
    found.extend(destructive::unmarked(&parsed));
    found.sort();
    found.dedup();
    found.into_iter().map(|(line, what)| Broken { file: file.into(), line, what }).collect()
}

/// Returns the nodes of what a statement runs: itself and what is in it; of a definition only the definition.
pub(crate) fn run_nodes(statement: &ast::Stmt) -> Vec<SyntaxNode> {
    match statement {
        ast::Stmt::CreateFunction(_) | ast::Stmt::CreateProcedure(_) | ast::Stmt::CreateRule(_) => {
            vec![statement.syntax().clone()]
        }
        ast::Stmt::Do(block) => match block.plpgsql() {
            Some(body) => body.syntax().descendants().collect(),
            None => vec![],
        },
        _ => statement.syntax().descendants().collect(),
    }
}

/// What `psql` would do and the server does not know: its commands, and rows below a COPY.
fn client_commands(parsed: &Parsed<'_>, found: &mut Vec<(usize, String)>) {
    let tokens = parsed.parse.syntax_node().descendants_with_tokens().filter_map(|e| e.into_token());
    let backslash = tokens.into_iter().find(|t| t.kind() == SyntaxKind::ERROR && t.text().starts_with('\\'));
    if let Some(token) = backslash {
        let line = parsed.line(usize::from(token.text_range().start()));
        found.push((line, "a psql command; the server gets SQL alone".into()));
    }
    for node in parsed.parse.syntax_node().descendants() {
        if matches!(node.kind(), SyntaxKind::COPY_STDIN | SyntaxKind::COPY_STDOUT) {
            found.push((parsed.line_of(&node), "COPY has nobody to speak to here; use INSERT".into()));
        }
    }
}

/// Returns what is wrong with running this.
fn judge(node: &SyntaxNode, run_as: &RunAs) -> Option<String> {
    use ast::Stmt;
    if node.kind() == SyntaxKind::CALL_EXPR {
        return outliving_set_config(node);
    }
    if matches!(node.kind(), SyntaxKind::PLPGSQL_COMMIT_STMT | SyntaxKind::PLPGSQL_ROLLBACK_STMT) {
        return Some(format!("{} ends the transaction that is the migration", words(node, 1)));
    }
    let two = || words(node, 2);
    match Stmt::cast(node.clone())? {
        Stmt::Begin(_)
        | Stmt::Commit(_)
        | Stmt::Rollback(_)
        | Stmt::PrepareTransaction(_)
        | Stmt::SavepointCreate(_)
        | Stmt::ReleaseSavepoint(_) => {
            Some(format!("{} has no place here: a migration is one transaction", words(node, 1)))
        }
        Stmt::Grant(_)
        | Stmt::Revoke(_)
        | Stmt::AlterDefaultPrivileges(_)
        | Stmt::CreateRole(_)
        | Stmt::CreateUser(_)
        | Stmt::CreateGroup(_)
        | Stmt::AlterRole(_)
        | Stmt::AlterUser(_)
        | Stmt::AlterGroup(_)
        | Stmt::DropRole(_)
        | Stmt::DropUser(_)
        | Stmt::DropGroup(_)
        | Stmt::DropOwned(_)
        | Stmt::Reassign(_) => {
            let statement = if matches!(node.kind(), SyntaxKind::GRANT | SyntaxKind::REVOKE) {
                words(node, 1)
            } else {
                two()
            };
            Some(format!("{statement} belongs to the privilege policy, not to a migration"))
        }
        Stmt::Set(set) if !is_local(set.set_scope()) => {
            Some("SET without LOCAL outlives the migration".into())
        }
        Stmt::Reset(_) | Stmt::Discard(_) => Some(format!("{} outlives the migration", words(node, 1))),
        Stmt::SetRole(set) if *run_as == RunAs::Login && is_local(set.set_scope()) => None,
        Stmt::ResetRole(_) if *run_as == RunAs::Login => None,
        Stmt::SetRole(_) | Stmt::SetSessionAuth(_) | Stmt::ResetRole(_) | Stmt::ResetSessionAuth(_) => {
            Some("a migration runs as the role its first line names; only `login` may SET LOCAL ROLE".into())
        }
        _ => None,
    }
}

fn is_local(scope: Option<ast::SetScope>) -> bool {
    scope.is_some_and(|scope| scope.syntax().text().to_string().eq_ignore_ascii_case("local"))
}

/// `set_config(…, false)` is SET without LOCAL; pg_dump writes one at the top of each script.
fn outliving_set_config(node: &SyntaxNode) -> Option<String> {
    let call = ast::CallExpr::cast(node.clone())?;
    let name = call.expr()?.syntax().text().to_string().to_lowercase();
    if name.rsplit('.').next() != Some("set_config") {
        return None;
    }
    let local = call.arg_list()?.args().nth(2)?.syntax().text().to_string();
    (!local.eq_ignore_ascii_case("true")).then(|| "set_config(…, false) outlives the migration".into())
}

/// Returns what this statement is called, if it refuses to run in a transaction.
fn outside_only(statement: &ast::Stmt) -> Option<String> {
    use ast::Stmt;
    let node = statement.syntax();
    let concurrently = || node.descendants_with_tokens().any(|e| e.kind() == SyntaxKind::CONCURRENTLY_KW);
    match statement {
        Stmt::CreateIndex(_) | Stmt::DropIndex(_) | Stmt::Reindex(_) | Stmt::AlterTable(_)
            if concurrently() =>
        {
            Some(format!("{} CONCURRENTLY", words(node, 2)))
        }
        Stmt::CreateDatabase(_)
        | Stmt::DropDatabase(_)
        | Stmt::CreateTablespace(_)
        | Stmt::DropTablespace(_)
        | Stmt::AlterSystem(_) => Some(words(node, 2)),
        Stmt::Vacuum(_) => Some(words(node, 1)),
        _ => None,
    }
}

fn reads_only(statement: &ast::Stmt) -> bool {
    use ast::Stmt;
    matches!(
        statement,
        Stmt::Select(_)
            | Stmt::CompoundSelect(_)
            | Stmt::ParenSelect(_)
            | Stmt::Values(_)
            | Stmt::Table(_)
            | Stmt::Do(_)
    )
}

/// Returns the first words of a statement, in capitals.
pub(crate) fn words(node: &SyntaxNode, count: usize) -> String {
    let tokens = node.descendants_with_tokens().filter_map(|e| e.into_token());
    let words = tokens.filter(|t| !matches!(t.kind(), SyntaxKind::WHITESPACE | SyntaxKind::COMMENT));
    words.take(count).map(|t| t.text().to_uppercase()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn found(sql: &str, usage: Use) -> Vec<String> {
        broken("f", sql, usage, &RunAs::Owner("app_owner".into()))
            .iter()
            .map(|b| format!("{}: {}", b.line, b.what))
            .collect()
    }

    #[rstest]
    #[case("select 1;\ncommit;", "2: COMMIT has no place here")]
    #[case("begin;", "1: BEGIN has no place here")]
    #[case("/* a /* b */ */ -- x\nRollback;", "2: ROLLBACK has no place here")]
    #[case("start transaction;", "1: START has no place here")]
    #[case("\n\nsavepoint a;", "3: SAVEPOINT has no place here")]
    #[case("prepare transaction 'x';", "1: PREPARE has no place here")]
    #[case("do $$ begin\ncommit; end $$;", "1: COMMIT ends the transaction")]
    #[case("frobnicate;\nend;", "2: END has no place here")]
    #[case("create function f() returns int begin atomic select 1; end;\ncommit;", "2: COMMIT has no place")]
    #[case("select 1;\n\\connect other", "2: a psql command")]
    #[case("copy app.t from stdin;\n1\t2\n\\.\n", "1: COPY has nobody to speak to here")]
    #[case("set work_mem = '1GB';", "1: SET without LOCAL outlives")]
    #[case("set session work_mem = '1GB';", "1: SET without LOCAL outlives")]
    #[case("set time zone 'UTC';", "1: SET without LOCAL outlives")]
    #[case("reset all;", "1: RESET outlives")]
    #[case("discard all;", "1: DISCARD outlives")]
    #[case("select pg_catalog.set_config('search_path', '', false);", "1: set_config(…, false) outlives")]
    #[case("do $$ begin perform set_config('search_path', '', false); end $$;", "1: set_config(…, false)")]
    #[case("set role app_owner;", "1: a migration runs as the role")]
    #[case("set local role app_owner;", "1: a migration runs as the role")]
    #[case("reset role;", "1: a migration runs as the role")]
    #[case("set session authorization x;", "1: a migration runs as the role")]
    #[case("grant select on app.t to x;", "1: GRANT belongs to the privilege policy")]
    #[case("revoke all on app.t from public;", "1: REVOKE belongs to the privilege policy")]
    #[case("create schema s grant select on all tables in schema s to x;", "1: GRANT belongs")]
    #[case("create role x;", "1: CREATE ROLE belongs to the privilege policy")]
    #[case("alter user x superuser;", "1: ALTER USER belongs to the privilege policy")]
    #[case(
        "alter default privileges in schema app grant select on tables to x;",
        "1: ALTER DEFAULT belongs to the privilege policy"
    )]
    #[case("do $$ begin grant a to b; end $$;", "1: GRANT belongs to the privilege policy")]
    #[case("create index concurrently i on app.t (a);", "1: CREATE INDEX CONCURRENTLY cannot run in a")]
    #[case("create unique index concurrently i on app.t (a);", "1: CREATE UNIQUE CONCURRENTLY cannot")]
    #[case("reindex (concurrently) table app.t;", "1: REINDEX ( CONCURRENTLY cannot run")]
    #[case("alter table a.b detach partition a.c concurrently;", "1: ALTER TABLE CONCURRENTLY cannot")]
    #[case("vacuum app.t;", "1: VACUUM cannot run in a transaction")]
    #[case("alter system set a = 1;", "1: ALTER SYSTEM cannot run in a transaction")]
    fn what_has_no_place_is_found_with_its_line(#[case] sql: &str, #[case] expected: &str) {
        let found = found(sql, Use::Transaction);
        assert!(found.iter().any(|text| text.starts_with(expected)), "{found:?}");
    }

    #[rstest]
    #[case::string("select 'a;\ncommit;';")]
    #[case::doubled("select 'it''s; commit;';")]
    #[case::escape("select e'\\'; commit; ';")]
    #[case::ident("select \"; commit; \" from t;")]
    #[case::body("create function f() returns trigger as $$ begin; commit; end $$ language plpgsql;")]
    #[case::body_grants("create procedure p() language sql as $$ grant a to b; delete from t $$;")]
    #[case::tagged("do $a$ begin perform $$;commit;$$; end $a$;")]
    #[case::atomic(
        "create function f() returns int begin atomic select case when true then 1 end; select 2; end;"
    )]
    #[case::inner("comment on table t is 'x' ; alter table t add column commit int;")]
    #[case::local("set local work_mem = '1GB'; select set_config('a.b', 'x', true);")]
    #[case::pinned("create function f() returns int language sql set search_path = '' as $$ select 1 $$;")]
    #[case::policy("create policy p on app.t for select to d_analyst using (true);")]
    #[case::refresh("refresh materialized view concurrently app.m;")]
    #[case::constraints("set constraints all immediate;")]
    fn what_has_its_place_is_left_alone(#[case] sql: &str) {
        assert_eq!(found(sql, Use::Transaction), [""; 0]);
    }

    #[rstest]
    #[case("create index concurrently i on app.t (a);", &[])]
    #[case("call app.in_batches();\n", &[])]
    #[case("vacuum app.t;\n-- more\nvacuum app.u;", &["3: without a transaction a file has one statement"])]
    #[case("-- nothing", &["1: without a transaction a file has one statement, this one has none"])]
    fn without_a_transaction_there_is_one_statement(#[case] sql: &str, #[case] expected: &[&str]) {
        assert_eq!(found(sql, Use::Alone), expected);
    }

    #[test]
    fn without_a_transaction_what_is_not_understood_is_an_error() {
        assert_eq!(found("create frobnicate;", Use::Alone).len(), 2);
    }

    #[test]
    fn the_login_may_become_an_owner_for_a_while() {
        let of = |sql: &str| broken("f", sql, Use::Transaction, &RunAs::Login).len();
        assert_eq!(of("set local role app_owner; comment on schema app is 'x'; reset role;"), 0);
        assert_eq!((of("set role app_owner;"), of("set local session authorization x;")), (1, 1));
    }

    #[test]
    fn a_check_only_asks() {
        let sql = "select 1 where false;\nvalues (1);\ndo $$ begin raise 'no'; end $$;\ninsert into app.t values (1);";
        assert_eq!(found(sql, Use::Check), ["4: a verify script asks: SELECT, VALUES, TABLE or DO"]);
    }
}
