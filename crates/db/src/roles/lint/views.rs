//! Views that show more than their readers could read: a view reads as its owner.

use super::index::{Index, by_login, some};
use super::{Finding, Rule, Severity};
use crate::quote_ident;
use crate::roles::{Kind, Object, PUBLIC, Privilege, Privileges, Relation, Statement};

pub(super) fn look(index: &Index<'_>, findings: &mut Vec<Finding>) {
    for view in index.live.objects.iter().filter(|o| o.kind == Kind::View && Index::is_own(o)) {
        if let Some(relation) = view.relation.as_ref().filter(|relation| !relation.security_invoker) {
            one(index, view, relation, findings);
        }
    }
}

fn one(index: &Index<'_>, view: &Object, relation: &Relation, findings: &mut Vec<Finding>) {
    let select: Privileges = [Privilege::Select].into_iter().collect();
    let readers = index.grantees(view, select);
    // whoever could read a table without the view is shown nothing by it
    let mut hidden: Vec<&Object> = Vec::new();
    for (oid, _) in &relation.reads {
        if let Some(table) = index.relation(*oid).filter(|table| !table.system)
            && hidden.iter().all(|known| known.oid != *oid)
            && readers.iter().any(|reader| !index.may(*reader, Privilege::Select, table))
        {
            hidden.push(table);
        }
    }
    let owner = index.live.role_name(view.owner);
    let tables = |tables: &[&Object]| some(tables.iter().map(|table| table.to_string()));
    let mut find = |severity, rule, why: String, repair: Vec<Statement>| {
        findings.push(Finding { severity, rule, object: format!("view {view}"), why, repair });
    };
    if readers.contains(&PUBLIC) && !hidden.is_empty() {
        let why = format!("everybody reads {} through it, as {owner}", tables(&hidden));
        let repair = index.revokes(view, select, |grantee| grantee == PUBLIC);
        find(Severity::Danger, Rule::PublicView, why, repair);
    }
    let strangers: Vec<&Object> = hidden
        .iter()
        .copied()
        .filter(|table| table.owner != view.owner && !index.is_superuser(table.owner))
        .collect();
    if index.is_superuser(view.owner)
        && let Some(table) = strangers.first()
    {
        let why = format!("it reads {} as the superuser {owner}", tables(&strangers));
        let to = quote_ident(&index.live.role_name(table.owner));
        let repair = vec![by_login(format!("alter view {} owner to {to}", view.sql()))];
        find(Severity::Warning, Rule::SuperuserView, why, repair);
    }
    let unbound: Vec<&Object> = relation
        .reads
        .iter()
        .filter_map(|(oid, _)| index.relation(*oid))
        .filter(|table| table.relation.as_ref().is_some_and(|relation| relation.row_security))
        .filter(|table| index.is_past_row_security(view.owner, table))
        .filter(|table| readers.iter().any(|reader| !index.is_past_row_security(*reader, table)))
        .fold(Vec::new(), |mut known, table| {
            if known.iter().all(|one: &&Object| one.oid != table.oid) {
                known.push(table);
            }
            known
        });
    if !unbound.is_empty() {
        let why =
            format!("row-level security of {} does not bind {owner}, as whom it reads", tables(&unbound));
        let repair = match index.live.server.version >= 150_000 {
            true => vec![index.by(view.owner, set(view, "security_invoker"))],
            false => index.revokes(view, select, |grantee| readers.contains(&grantee)),
        };
        find(Severity::Warning, Rule::ViewPastRowSecurity, why, repair);
    }
    if relation.filters_rows && !relation.security_barrier && !hidden.is_empty() {
        let why = format!(
            "a reader's own function can see rows of {} that its condition leaves out: it is no security barrier",
            tables(&hidden)
        );
        find(
            Severity::Warning,
            Rule::ViewWithoutBarrier,
            why,
            vec![index.by(view.owner, set(view, "security_barrier"))],
        );
    }
}

fn set(view: &Object, option: &str) -> String {
    format!("alter view {} set ({option} = true)", view.sql())
}
