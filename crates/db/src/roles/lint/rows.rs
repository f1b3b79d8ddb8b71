//! Row-level security that is not what it looks like.

use super::index::Index;
use super::{Finding, Rule, Severity};
use crate::roles::{Class, Object, Privilege, Privileges};

pub(super) fn look(index: &Index<'_>, findings: &mut Vec<Finding>) {
    for table in index.live.objects.iter().filter(|o| o.kind.class() == Class::Table && Index::is_own(o)) {
        let Some(relation) = &table.relation else { continue };
        let (on, none) = (relation.row_security, relation.policies.is_empty());
        let mut find = |severity, rule, why: String, repair| {
            let object = format!("{} {table}", table.kind.word());
            findings.push(Finding { severity, rule, object, why, repair });
        };
        match (on, none) {
            (true, true) if relation.partition_of.is_none() => {
                let why = "row-level security is on without a policy: nobody but its owner sees a row; the statement says so in words";
                let sql = format!("create policy nobody on {} using (false)", table.sql());
                find(
                    Severity::Notice,
                    Rule::RowSecurityWithoutPolicy,
                    why.into(),
                    vec![index.by(table.owner, sql)],
                );
            }
            (false, false) => {
                let count = relation.policies.len();
                let why = format!(
                    "it has {count} policies, and row-level security is off: everybody with a grant sees every row"
                );
                let sql = format!("alter table {} enable row level security", table.sql());
                find(Severity::Danger, Rule::PolicyWithoutRowSecurity, why, vec![index.by(table.owner, sql)]);
            }
            _ => {}
        }
        if on {
            continue;
        }
        let rows: Privileges = [Privilege::Select, Privilege::Insert, Privilege::Update, Privilege::Delete]
            .into_iter()
            .collect();
        let others = index.grantees(table, rows);
        if let Some(parent) = protected_parent(index, table)
            && !others.is_empty()
        {
            let why = format!(
                "{} may use the partition directly, past the policies of {parent}",
                index.names(others.iter().copied())
            );
            let repair = index.revokes(table, rows, |grantee| others.contains(&grantee));
            find(Severity::Warning, Rule::OpenPartition, why, repair);
        }
    }
}

/// Returns the nearest table above a partition that has row-level security.
fn protected_parent<'a>(index: &Index<'a>, table: &Object) -> Option<&'a Object> {
    let mut relation = table.relation.as_ref()?;
    loop {
        let parent = index.relation(relation.partition_of?)?;
        relation = parent.relation.as_ref()?;
        if relation.row_security {
            return Some(parent);
        }
    }
}
