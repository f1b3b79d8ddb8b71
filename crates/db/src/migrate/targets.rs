//! Which tables a migration will lock, and how: read from its statements, without a server.
//!
//! Modes after the PostgreSQL documentation ("Explicit Locking", ALTER TABLE, and each statement's page). SELECT's lock, which
//! only waits for ACCESS EXCLUSIVE and keeps nobody waiting, is left out. Statements put together at run time, and what
//! functions do, are not seen; `migrate rehearse` sees them.

use std::collections::BTreeSet;

use squawk_syntax::ast::{self, AlterColumnOption, AlterTableAction, AstNode, Stmt};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::parsed::Parsed;
use super::rules::{run_nodes, words};
use super::{LockMode, MigrationFile};

/// A lock a statement takes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Locked {
    /// `schema.name` as the catalog has it; without a schema where the file gives none. It may be an index.
    pub(crate) relation: String,
    pub(crate) mode: LockMode,
    /// The statement's line, from 1.
    pub(crate) line: usize,
}

/// Returns the relations a file and its scripts lock, each once.
pub(crate) fn relations(file: &MigrationFile) -> Vec<String> {
    let names: BTreeSet<String> = locks(file.sql()).into_iter().map(|lock| lock.relation).collect();
    names.into_iter().collect()
}

/// Returns the strongest lock a text takes on each relation it does not make itself, with the first line that takes it.
pub(crate) fn locks(sql: &str) -> Vec<Locked> {
    let parsed = Parsed::new(sql);
    let (mut made, mut locks) = (BTreeSet::new(), Vec::<Locked>::new());
    for statement in parsed.statements() {
        let line = parsed.line_of(statement.syntax());
        for node in run_nodes(&statement) {
            for (relation, mode) in of_node(&node) {
                if made.contains(&relation) {
                    continue;
                }
                match locks.iter_mut().find(|lock| lock.relation == relation) {
                    Some(lock) if lock.mode < mode => (lock.mode, lock.line) = (mode, line),
                    Some(_) => {}
                    None => locks.push(Locked { relation, mode, line }),
                }
            }
        }
        made.extend(makes(&statement));
    }
    locks
}

/// Returns the relations a statement makes.
pub(crate) fn makes(statement: &Stmt) -> Vec<String> {
    let node = match statement {
        Stmt::CreateTable(create) => create.table_name().map(|n| n.syntax().clone()),
        Stmt::CreateTableAs(create) => create.table_name().map(|n| n.syntax().clone()),
        Stmt::CreateForeignTable(create) => create.table_name().map(|n| n.syntax().clone()),
        Stmt::CreateView(create) if create.or_replace().is_none() => {
            create.view().map(|n| n.syntax().clone())
        }
        Stmt::CreateMaterializedView(create) => create.view().map(|n| n.syntax().clone()),
        Stmt::CreateSequence(create) => create.sequence().map(|n| n.syntax().clone()),
        Stmt::CreateIndex(create) => {
            // Its name has no schema: it lies in its table's.
            let table = create.table_relation_name().map(|t| names(t.syntax())).unwrap_or_default();
            let schema = table.first().and_then(|t| Some(t.rsplit_once('.')?.0.to_owned()));
            let index = create.index().map(|n| identifier(&n.syntax().text().to_string()));
            return schema
                .zip(index)
                .map(|(schema, index)| format!("{schema}.{index}"))
                .into_iter()
                .collect();
        }
        _ => None,
    };
    node.map(|node| names(&node)).unwrap_or_default()
}

fn of_node(node: &SyntaxNode) -> Vec<(String, LockMode)> {
    let referenced = |table: Option<ast::TableNameRef>| {
        with(table.map(|t| names(t.syntax())).unwrap_or_default(), LockMode::ShareRowExclusive)
    };
    if let Some(key) = ast::ReferencesConstraint::cast(node.clone()) {
        return referenced(key.table());
    }
    if let Some(key) = ast::ForeignKeyConstraint::cast(node.clone()) {
        return referenced(key.table_name_ref());
    }
    Stmt::cast(node.clone()).map(|statement| of_statement(&statement)).unwrap_or_default()
}

pub(crate) fn of_statement(statement: &Stmt) -> Vec<(String, LockMode)> {
    let node = statement.syntax();
    let concurrently = node.descendants_with_tokens().any(|e| e.kind() == SyntaxKind::CONCURRENTLY_KW);
    let all = |mode| with(names(node), mode);
    let on = |child: Option<SyntaxNode>, mode| with(child.map(|n| names(&n)).unwrap_or_default(), mode);
    match statement {
        Stmt::AlterTable(alter) => of_alter_table(alter),
        Stmt::CreateIndex(create) => {
            let mode = if concurrently { LockMode::ShareUpdateExclusive } else { LockMode::Share };
            on(create.table_relation_name().map(|n| n.syntax().clone()), mode)
        }
        Stmt::DropIndex(_) if concurrently => all(LockMode::ShareUpdateExclusive),
        Stmt::Reindex(_) if concurrently => all(LockMode::ShareUpdateExclusive),
        Stmt::Reindex(_) => all(LockMode::Share),
        Stmt::Refresh(_) if concurrently => all(LockMode::Exclusive),
        Stmt::DropTable(_)
        | Stmt::DropView(_)
        | Stmt::DropMaterializedView(_)
        | Stmt::DropSequence(_)
        | Stmt::DropForeignTable(_)
        | Stmt::DropIndex(_)
        | Stmt::Truncate(_)
        | Stmt::Refresh(_)
        | Stmt::Cluster(_) => all(LockMode::AccessExclusive),
        Stmt::AlterView(alter) => on(alter.view_ref().map(|n| n.syntax().clone()), LockMode::AccessExclusive),
        Stmt::AlterIndex(alter) => {
            on(alter.index_ref().map(|n| n.syntax().clone()), LockMode::AccessExclusive)
        }
        Stmt::AlterSequence(alter) => {
            on(alter.sequence_ref().map(|n| n.syntax().clone()), LockMode::ShareRowExclusive)
        }
        Stmt::CreateView(create) if create.or_replace().is_some() => {
            on(create.view().map(|n| n.syntax().clone()), LockMode::AccessExclusive)
        }
        Stmt::CreateTable(create) => {
            on(create.partition_of().map(|n| n.syntax().clone()), LockMode::AccessExclusive)
        }
        Stmt::CreateTrigger(create) => {
            on(create.on_relation().map(|n| n.syntax().clone()), LockMode::ShareRowExclusive)
        }
        Stmt::DropTrigger(drop) => {
            on(drop.on_relation().map(|n| n.syntax().clone()), LockMode::AccessExclusive)
        }
        Stmt::CreatePolicy(create) => {
            on(create.on_table().map(|n| n.syntax().clone()), LockMode::AccessExclusive)
        }
        Stmt::AlterPolicy(alter) => {
            on(alter.on_table().map(|n| n.syntax().clone()), LockMode::AccessExclusive)
        }
        Stmt::DropPolicy(drop) => on(drop.on_table().map(|n| n.syntax().clone()), LockMode::AccessExclusive),
        Stmt::CreateRule(create) => {
            on(create.rule_on().map(|n| n.syntax().clone()), LockMode::AccessExclusive)
        }
        Stmt::CreateStatistics(create) => {
            on(create.from_table().map(|n| n.syntax().clone()), LockMode::ShareUpdateExclusive)
        }
        Stmt::Insert(insert) => {
            on(insert.relation_name_ref().map(|n| n.syntax().clone()), LockMode::RowExclusive)
        }
        Stmt::Update(update) => {
            on(update.relation_name().map(|n| n.syntax().clone()), LockMode::RowExclusive)
        }
        Stmt::Delete(delete) => {
            on(delete.relation_name().map(|n| n.syntax().clone()), LockMode::RowExclusive)
        }
        Stmt::Merge(merge) => {
            on(merge.table_relation_name().map(|n| n.syntax().clone()), LockMode::RowExclusive)
        }
        Stmt::Lock(lock) => {
            let asked = lock.lock_mode_clause().map(|clause| words(clause.syntax(), 5));
            let mode = asked.as_deref().and_then(|text| {
                LockMode::from_sql(text.trim_start_matches("IN ").trim_end_matches(" MODE"))
            });
            let tables = lock.relation_list().map(|n| n.syntax().clone());
            on(tables, mode.unwrap_or(LockMode::AccessExclusive))
        }
        Stmt::Vacuum(vacuum) => {
            let full = vacuum.full_token().is_some() || words(node, 8).contains("FULL");
            let mode = if full { LockMode::AccessExclusive } else { LockMode::ShareUpdateExclusive };
            on(vacuum.table_and_columns_list().map(|n| n.syntax().clone()), mode)
        }
        Stmt::Analyze(analyze) => {
            let tables = analyze.table_and_columns_list().map(|n| n.syntax().clone());
            on(tables, LockMode::ShareUpdateExclusive)
        }
        Stmt::CommentOn(comment) => match comment.comment_object() {
            Some(ast::CommentObject::ObjectTable(table)) => {
                with(names(table.syntax()), LockMode::ShareUpdateExclusive)
            }
            Some(ast::CommentObject::ObjectColumn(column)) => {
                let name = column.syntax().text().to_string();
                let name = name.trim_start_matches(|c: char| c.is_alphabetic()).trim();
                let table = name.rsplit_once('.').map(|(table, _)| normal(table));
                with(table.into_iter().collect(), LockMode::ShareUpdateExclusive)
            }
            _ => vec![],
        },
        _ => vec![],
    }
}

fn of_alter_table(alter: &ast::AlterTable) -> Vec<(String, LockMode)> {
    let table = alter.table_relation_name().map(|t| names(t.syntax())).unwrap_or_default();
    let mut locks = Vec::new();
    for action in alter.actions() {
        locks.extend(with(table.clone(), action_mode(&action)));
        if let AlterTableAction::AttachPartition(attach) = &action {
            let partition = attach.table_name_ref().map(|t| names(t.syntax())).unwrap_or_default();
            locks.extend(with(partition, LockMode::AccessExclusive));
        }
        if let AlterTableAction::DetachPartition(detach) = &action {
            let partition = detach.table_name_ref().map(|t| names(t.syntax())).unwrap_or_default();
            locks.extend(with(partition, LockMode::AccessExclusive));
        }
    }
    locks
}

/// ALTER TABLE's page names the forms that need less than ACCESS EXCLUSIVE.
fn action_mode(action: &AlterTableAction) -> LockMode {
    match action {
        AlterTableAction::ValidateConstraint(_)
        | AlterTableAction::AttachPartition(_)
        | AlterTableAction::ClusterOn(_)
        | AlterTableAction::SetWithoutCluster(_)
        | AlterTableAction::SetOptions(_)
        | AlterTableAction::ResetOptions(_) => LockMode::ShareUpdateExclusive,
        AlterTableAction::DetachPartition(detach) => match detach.detach_partition_option() {
            Some(_) => LockMode::ShareUpdateExclusive,
            None => LockMode::AccessExclusive,
        },
        AlterTableAction::EnableTrigger(_)
        | AlterTableAction::DisableTrigger(_)
        | AlterTableAction::EnableAlwaysTrigger(_)
        | AlterTableAction::EnableReplicaTrigger(_) => LockMode::ShareRowExclusive,
        AlterTableAction::AddConstraint(add) => match add.constraint() {
            Some(ast::Constraint::ForeignKeyConstraint(_)) => LockMode::ShareRowExclusive,
            _ => LockMode::AccessExclusive,
        },
        AlterTableAction::AlterColumn(alter) => match alter.option() {
            Some(AlterColumnOption::SetStatistics(_) | AlterColumnOption::SetOptions(_)) => {
                LockMode::ShareUpdateExclusive
            }
            _ => LockMode::AccessExclusive,
        },
        _ => LockMode::AccessExclusive,
    }
}

fn with(relations: Vec<String>, mode: LockMode) -> Vec<(String, LockMode)> {
    relations.into_iter().map(|relation| (relation, mode)).collect()
}

/// Returns the names in a node, as the catalog has them: paths, where no path holds them.
pub(crate) fn names(node: &SyntaxNode) -> Vec<String> {
    let is_path = |n: &SyntaxNode| matches!(n.kind(), SyntaxKind::PATH | SyntaxKind::PATH_REF);
    let outermost = |n: &SyntaxNode| is_path(n) && !n.parent().is_some_and(|parent| is_path(&parent));
    let paths = node.descendants().filter(outermost);
    let names: Vec<String> = paths.map(|path| normal(&path.text().to_string())).collect();
    if names.is_empty() && node.children().next().is_none() {
        return vec![identifier(&node.text().to_string())];
    }
    names
}

/// Returns a written path as the catalog has it.
fn normal(path: &str) -> String {
    path.split('.').map(identifier).collect::<Vec<_>>().join(".")
}

/// Returns what a written name means: folded to lower case unless it is quoted.
pub(crate) fn identifier(written: &str) -> String {
    let written = written.trim();
    match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => written.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("alter table only App.\"T\" add column a int;", "app.T ACCESS EXCLUSIVE")]
    #[case(
        "alter table app.t add constraint k foreign key (a) references app.u (id);",
        "app.t SHARE ROW EXCLUSIVE, app.u SHARE ROW EXCLUSIVE"
    )]
    #[case(
        "alter table app.t add column a int references app.u;",
        "app.t ACCESS EXCLUSIVE, app.u SHARE ROW EXCLUSIVE"
    )]
    #[case("alter table app.t validate constraint k;", "app.t SHARE UPDATE EXCLUSIVE")]
    #[case("alter table app.t alter column a set statistics 9;", "app.t SHARE UPDATE EXCLUSIVE")]
    #[case("alter table app.t alter column a set not null;", "app.t ACCESS EXCLUSIVE")]
    #[case("alter table app.t set (fillfactor = 90);", "app.t SHARE UPDATE EXCLUSIVE")]
    #[case("alter table app.t enable row level security;", "app.t ACCESS EXCLUSIVE")]
    #[case("alter table app.t disable trigger all;", "app.t SHARE ROW EXCLUSIVE")]
    #[case(
        "alter table app.p attach partition app.q for values in (1);",
        "app.p SHARE UPDATE EXCLUSIVE, app.q ACCESS EXCLUSIVE"
    )]
    #[case(
        "alter table app.p detach partition app.q concurrently;",
        "app.p SHARE UPDATE EXCLUSIVE, app.q ACCESS EXCLUSIVE"
    )]
    #[case("create index i on app.t (a); drop index app.i;", "app.t SHARE")]
    #[case("create index concurrently i on app.t (a);", "app.t SHARE UPDATE EXCLUSIVE")]
    #[case("drop index app.i;", "app.i ACCESS EXCLUSIVE")]
    #[case("drop table if exists app.a, app.b cascade;", "app.a ACCESS EXCLUSIVE, app.b ACCESS EXCLUSIVE")]
    #[case(
        "create table app.n (id int references app.u); insert into app.n values (1);",
        "app.u SHARE ROW EXCLUSIVE"
    )]
    #[case("create table app.q partition of app.p for values in (1);", "app.p ACCESS EXCLUSIVE")]
    #[case(
        "create trigger g before update of a on app.t for each row execute function app.f();",
        "app.t SHARE ROW EXCLUSIVE"
    )]
    #[case("drop trigger g on app.t;", "app.t ACCESS EXCLUSIVE")]
    #[case("create policy p on app.t using (exists (select from app.u));", "app.t ACCESS EXCLUSIVE")]
    #[case("update app.t set a = 1 from app.u where true;", "app.t ROW EXCLUSIVE")]
    #[case("insert into app.t select * from app.u;", "app.t ROW EXCLUSIVE")]
    #[case("with x as (delete from app.t returning 1) select 1 from x;", "app.t ROW EXCLUSIVE")]
    #[case("do $$ begin update app.t set a = 1; end $$;", "app.t ROW EXCLUSIVE")]
    #[case("truncate app.a, app.b;", "app.a ACCESS EXCLUSIVE, app.b ACCESS EXCLUSIVE")]
    #[case("lock table app.t in share row exclusive mode;", "app.t SHARE ROW EXCLUSIVE")]
    #[case("lock app.t;", "app.t ACCESS EXCLUSIVE")]
    #[case("refresh materialized view concurrently app.m;", "app.m EXCLUSIVE")]
    #[case("create or replace view app.v as select 1 from app.t;", "app.v ACCESS EXCLUSIVE")]
    #[case("create view app.v as select 1 from app.t;", "")]
    #[case(
        "comment on column app.t.a is 'x'; comment on table app.u is 'y';",
        "app.t SHARE UPDATE EXCLUSIVE, app.u SHARE UPDATE EXCLUSIVE"
    )]
    #[case("vacuum (full) app.t;", "app.t ACCESS EXCLUSIVE")]
    #[case("reindex table app.t;", "app.t SHARE")]
    #[case("create function f() returns void language sql as $$ delete from app.t $$;", "")]
    #[case("update app.t set a = 1 where b; lock app.t in share mode;", "app.t SHARE")]
    fn statements_lock_as_documented(#[case] sql: &str, #[case] expected: &str) {
        let found: Vec<String> =
            locks(sql).iter().map(|lock| format!("{} {}", lock.relation, lock.mode)).collect();
        assert_eq!(found.join(", "), expected);
    }
}
