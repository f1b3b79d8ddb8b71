//! What the login may read: all of it, or a backup fails or holds less than it seems to.

use std::collections::BTreeSet;

use unisys_db::preflight::{Obstacle, Preflight, Unreadable, grant_large_objects};
use unisys_db::quote_ident;

use super::Finding;
use super::finding::{counted, few};

const TABLES: &str = "tables";
const POLICIES: &str = "row-level security";
const LARGE_OBJECTS: &str = "large objects";
const PASSWORDS: &str = "password hashes";

/// Up to this many objects are granted one by one; beyond that, `pg_read_all_data` is the shorter line.
const ONE_BY_ONE: usize = 3;

/// Judges whether every table and sequence can be read whole.
pub(super) fn judge_tables(facts: &Preflight) -> Vec<Finding> {
    let (hidden, forbidden): (Vec<&Unreadable>, Vec<&Unreadable>) =
        facts.unreadable.iter().partition(|object| object.obstacle == Obstacle::Policy);
    vec![judge_forbidden(facts, &forbidden), judge_hidden(facts, &hidden)]
}

fn judge_forbidden(facts: &Preflight, objects: &[&Unreadable]) -> Finding {
    if objects.is_empty() {
        return Finding::ok(TABLES, format!("{} can read {}", facts.login.name, all_of(facts.tables)));
    }
    let names = names(objects);
    let text = format!("{} cannot read {}", facts.login.name, few(&names));
    Finding::fail(TABLES, text, grant(&facts.login.name, objects)).about(names)
}

fn all_of(tables: u64) -> String {
    match tables {
        0 => "the database; it has no table yet".into(),
        1 => "its one table".into(),
        tables => format!("all {tables} tables"),
    }
}

fn names(objects: &[&Unreadable]) -> Vec<String> {
    objects.iter().map(|object| object.name.to_string()).collect()
}

/// Returns the statements, on one line, that let the login read these objects.
fn grant(login: &str, objects: &[&Unreadable]) -> String {
    let login = quote_ident(login);
    if objects.len() > ONE_BY_ONE {
        return format!("grant pg_read_all_data to {login};");
    }
    let closed = objects.iter().filter(|object| object.obstacle == Obstacle::Schema);
    let schemas: BTreeSet<String> = closed.map(|object| quote_ident(&object.name.schema)).collect();
    let mut statements: Vec<String> =
        schemas.iter().map(|schema| format!("grant usage on schema {schema} to {login};")).collect();
    statements.extend(objects.iter().map(|object| {
        let kind = if object.sequence { "sequence " } else { "" };
        format!("grant select on {kind}{} to {login};", object.name.quoted())
    }));
    statements.join(" ")
}

fn judge_hidden(facts: &Preflight, objects: &[&Unreadable]) -> Finding {
    if !objects.is_empty() {
        let names = names(objects);
        let text = format!("policies hide rows from {} in {}", facts.login.name, few(&names));
        let repair = format!("alter role {} bypassrls; -- as a superuser", quote_ident(&facts.login.name));
        return Finding::fail(POLICIES, text, repair).about(names);
    }
    match facts.with_policies.len() as u64 {
        0 => Finding::ok(POLICIES, "no table has any"),
        count => Finding::ok(POLICIES, format!("{}, no row is hidden from us", counted(count, "table"))),
    }
}

/// Judges whether every large object can be read.
pub(super) fn judge_large_objects(facts: &Preflight) -> Finding {
    match (facts.unreadable_large_objects, facts.large_objects) {
        (0, 0) => Finding::ok(LARGE_OBJECTS, "there are none"),
        (0, all) => Finding::ok(LARGE_OBJECTS, format!("{} readable", counted(all, "large object"))),
        (closed, all) => {
            let text =
                format!("{} cannot read {closed} of {}", facts.login.name, counted(all, "large object"));
            Finding::fail(LARGE_OBJECTS, text, grant_large_objects(&facts.login.name))
        }
    }
}

/// Judges whether the roles' passwords can be kept.
pub(super) fn judge_passwords(facts: &Preflight) -> Finding {
    if facts.login.reads_password_hashes {
        return Finding::ok(PASSWORDS, "readable: roles come back with their passwords; guard this login");
    }
    Finding::warn(
        PASSWORDS,
        "not readable: after a disaster every role needs a new password",
        format!(
            "grant pg_read_all_data to {}; -- reads every table, password hashes too",
            quote_ident(&facts.login.name)
        ),
    )
}

#[cfg(test)]
mod tests {
    use unisys_db::TableName;

    use super::super::{Level, samples};
    use super::*;

    fn object(schema: &str, name: &str, sequence: bool, obstacle: Obstacle) -> Unreadable {
        Unreadable { name: TableName::new(schema, name), sequence, obstacle }
    }

    fn judged(unreadable: Vec<Unreadable>) -> Vec<Finding> {
        judge_tables(&Preflight { unreadable, ..samples::preflight() })
    }

    #[test]
    fn a_login_that_reads_everything_is_fine() {
        let findings = judged(Vec::new());
        assert!(findings.iter().all(|finding| finding.level == Level::Ok), "{findings:?}");
    }

    #[test]
    fn a_few_objects_are_granted_by_name_and_many_at_once() {
        let few = judged(vec![
            object("s", "a", false, Obstacle::Schema),
            object("s", "a_id_seq", true, Obstacle::Schema),
            object("public", "od\"d", false, Obstacle::Select),
        ]);
        assert_eq!(
            few[0].repair.as_deref(),
            Some(concat!(
                r#"grant usage on schema "s" to "dba"; grant select on "s"."a" to "dba"; "#,
                r#"grant select on sequence "s"."a_id_seq" to "dba"; grant select on "public"."od""d" to "dba";"#
            ))
        );
        let many = judged((0..9).map(|i| object("s", &format!("t{i}"), false, Obstacle::Select)).collect());
        assert_eq!(many[0].repair.as_deref(), Some(r#"grant pg_read_all_data to "dba";"#));
        assert_eq!(many[0].text, "dba cannot read s.t0, s.t1, s.t2 and 6 more");
        assert_eq!(many[0].objects.len(), 9);
    }

    #[test]
    fn hidden_rows_need_another_right_than_forbidden_tables() {
        let findings = judged(vec![object("public", "t", false, Obstacle::Policy)]);
        assert_eq!(findings[0].level, Level::Ok);
        assert_eq!(findings[1].level, Level::Fail);
        assert!(findings[1].repair.as_deref().is_some_and(|sql| sql.contains("bypassrls")));
    }

    #[test]
    fn one_closed_large_object_is_a_failure() {
        let facts = Preflight { large_objects: 3, unreadable_large_objects: 1, ..samples::preflight() };
        let finding = judge_large_objects(&facts);
        assert_eq!(
            (finding.level, finding.text.as_str()),
            (Level::Fail, "dba cannot read 1 of 3 large objects")
        );
    }
}
