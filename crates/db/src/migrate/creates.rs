//! What a migration creates, read from its statements.

use serde::Serialize;
use squawk_syntax::ast::{AstNode, Stmt};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::parsed::Parsed;
use super::targets::{identifier, names};

/// An object that a migration creates, and what others than its owner will be allowed to do with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Created {
    /// What it is: "table", "view" and so on.
    pub kind: &'static str,
    /// Its name, with its schema.
    pub name: String,
    /// Who will own it.
    pub owner: String,
    /// By the default privileges in force: a role, and what it may; more is granted by the policy.
    pub privileges: Vec<Allowed>,
}

/// Privileges of one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allowed {
    /// The role, or `PUBLIC`.
    pub grantee: String,
    /// Its privileges, with commas.
    pub privileges: String,
}

/// The object's kind in words, and as `pg_default_acl.defaclobjtype` has it.
pub(crate) type Kind = (&'static str, &'static str);

/// An object that a text creates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Object {
    pub(crate) kind: Kind,
    pub(crate) name: String,
    /// Who owns it, where that is not whoever creates it: CREATE SCHEMA … AUTHORIZATION.
    pub(crate) owner: Option<String>,
}

/// Returns the objects a text creates for good.
pub(crate) fn created(sql: &str) -> Vec<Object> {
    let parsed = Parsed::new(sql);
    let mut objects = Vec::new();
    for statement in parsed.statements() {
        if let Some((kind, node)) = of(&statement) {
            let name = names(&node).into_iter().next();
            // Without a schema it is a temporary table, or a schema itself.
            let name = name.filter(|name| kind.1 == "n" || name.contains('.'));
            objects.extend(name.map(|name| Object { kind, name, owner: owner(&statement) }));
        }
    }
    objects
}

fn owner(statement: &Stmt) -> Option<String> {
    let Stmt::CreateSchema(create) = statement else { return None };
    let target = create.create_schema_target()?;
    let role = target.syntax().descendants().find(|node| node.kind() == SyntaxKind::ROLE_REF)?;
    Some(identifier(&role.text().to_string()))
}

fn of(statement: &Stmt) -> Option<(Kind, SyntaxNode)> {
    let table = |kind| (kind, "r");
    Some(match statement {
        Stmt::CreateTable(s) => (table("table"), s.table_name()?.syntax().clone()),
        Stmt::CreateTableAs(s) => (table("table"), s.table_name()?.syntax().clone()),
        Stmt::CreateForeignTable(s) => (table("foreign table"), s.table_name()?.syntax().clone()),
        Stmt::CreateView(s) => (table("view"), s.view()?.syntax().clone()),
        Stmt::CreateMaterializedView(s) => (table("materialized view"), s.view()?.syntax().clone()),
        Stmt::CreateSequence(s) => (("sequence", "S"), s.sequence()?.syntax().clone()),
        Stmt::CreateFunction(s) => (("function", "f"), s.name()?.syntax().clone()),
        Stmt::CreateProcedure(s) => (("procedure", "f"), s.name()?.syntax().clone()),
        Stmt::CreateType(s) => (("type", "T"), s.type_name()?.syntax().clone()),
        Stmt::CreateDomain(s) => (("domain", "T"), s.domain()?.syntax().clone()),
        Stmt::CreateSchema(s) => (("schema", "n"), s.create_schema_target()?.syntax().children().next()?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stays_is_listed_with_its_kind() {
        let sql = "create schema app authorization app_owner; create table app.t (id int); create temp table x ();
            create view app.v as select 1; create materialized view app.m as select 1; create sequence app.s;
            create function app.f(int) returns int language sql as 'select 1'; create type app.e as enum ('a');
            create domain app.d as int; create index i on app.t (id); create or replace procedure app.p() language sql
            as ''; create unlogged table \"App\".u as select 1;";
        let found: Vec<String> =
            created(sql).into_iter().map(|o| format!("{} {}", o.kind.0, o.name)).collect();
        let expected = [
            "schema app",
            "table app.t",
            "view app.v",
            "materialized view app.m",
            "sequence app.s",
            "function app.f",
            "type app.e",
            "domain app.d",
            "procedure app.p",
            "table App.u",
        ];
        assert_eq!(found, expected);
        assert_eq!(created(sql)[0].owner.as_deref(), Some("app_owner"));
        assert_eq!(created("create schema authorization App;")[0].name, "app");
    }
}
