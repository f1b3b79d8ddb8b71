//! What of a database a backup does not hold, holds with a condition, or cannot bring back.

use unisys_db::preflight::{Function, Preflight};
use unisys_db::{TableName, quote_ident};

use super::Finding;
use super::finding::{counted, few};
use super::functions::unqualified;

const CONTENT: &str = "content";
const FOREIGN: &str = "foreign tables";
const UNLOGGED: &str = "unlogged tables";
const VIEWS: &str = "materialised views";
const EXTENSION_ROWS: &str = "extensions' rows";
const SUBSCRIPTIONS: &str = "subscriptions";
const FUNCTIONS: &str = "functions";

/// Judges the content of a database; one finding when a backup holds all of it.
pub(super) fn judge(facts: &Preflight) -> Vec<Finding> {
    let contents = &facts.contents;
    let found = [
        foreign(&contents.foreign),
        unlogged(&contents.unlogged, facts.database.standby),
        unpopulated(&contents.unpopulated),
        extension_rows(&contents.extension_rows),
        subscriptions(&contents.subscriptions),
    ];
    let mut findings: Vec<Finding> = found.into_iter().flatten().collect();
    findings.extend(contents.functions.iter().filter_map(|function| fragile(facts, function)));
    if findings.is_empty() {
        findings.push(Finding::ok(CONTENT, "a backup leaves nothing out"));
    }
    findings
}

fn foreign(tables: &[TableName]) -> Option<Finding> {
    let names = names(tables)?;
    let text = format!("{} without rows, which are kept elsewhere: {}", count(&names), few(&names));
    let repair = "Back up the servers they lead to as well: add a table [databases.NAME] for each.";
    Some(Finding::warn(FOREIGN, text, repair).about(names))
}

fn unlogged(tables: &[TableName], standby: bool) -> Option<Finding> {
    let names = names(tables)?;
    let text = match standby {
        true => format!("{} unlogged, of which a standby has no rows: {}", count(&names), few(&names)),
        false => format!("{} unlogged, which a crash of the source empties: {}", count(&names), few(&names)),
    };
    let repair = format!("alter table {} set logged;", tables[0].quoted());
    Some(Finding::warn(UNLOGGED, text, repair).about(names))
}

fn unpopulated(views: &[TableName]) -> Option<Finding> {
    let names = names(views)?;
    let text =
        format!("{} never filled, and will not be: {}", counted(names.len() as u64, "view"), few(&names));
    let repair = format!("refresh materialized view {};", views[0].quoted());
    Some(Finding::warn(VIEWS, text, repair).about(names))
}

fn extension_rows(tables: &[(TableName, String)]) -> Option<Finding> {
    let (first, extension) = tables.first()?;
    let names: Vec<String> = tables.iter().map(|(name, _)| name.to_string()).collect();
    let text = format!("{} with rows that extensions do not mark for dumps: {}", count(&names), few(&names));
    let repair = format!("Export {first} yourself, as the manual of {extension} says.");
    Some(Finding::warn(EXTENSION_ROWS, text, repair).about(names))
}

/// They come back with a restore by hand, disabled; a copy must not subscribe to anything.
fn subscriptions(subscriptions: &[String]) -> Option<Finding> {
    let text = format!(
        "{} that neither a restore nor a drill makes: {}",
        counted(subscriptions.len() as u64, "subscription"),
        few(subscriptions)
    );
    (!subscriptions.is_empty()).then(|| Finding::ok(SUBSCRIPTIONS, text).about(subscriptions.to_vec()))
}

/// A restore searches no schema, so a function that runs in it finds nothing without one. A guess: the text is looked at, not
/// understood.
fn fragile(facts: &Preflight, function: &Function) -> Option<Finding> {
    let found = unqualified(&function.body, &facts.contents.names);
    let first = found.first()?;
    let name = &function.name;
    let text = format!(
        "{name}, which {} runs, seems to name {first} without its schema: a restore may fail there",
        function.used_by
    );
    let repair = format!(
        "alter function {}({}) set search_path = {}, pg_temp;",
        name.quoted(),
        function.arguments,
        quote_ident(&name.schema)
    );
    Some(Finding::warn(FUNCTIONS, text, repair).about(vec![name.to_string()]))
}

fn count(names: &[String]) -> String {
    counted(names.len() as u64, "table")
}

/// Returns the names for people; nothing where there is none.
fn names(tables: &[TableName]) -> Option<Vec<String>> {
    (!tables.is_empty()).then(|| tables.iter().map(ToString::to_string).collect())
}

#[cfg(test)]
mod tests {
    use unisys_db::preflight::Contents;

    use super::super::{Level, samples};
    use super::*;

    fn judged(contents: Contents) -> Vec<Finding> {
        judge(&Preflight { contents, ..samples::preflight() })
    }

    fn tables(names: &[&str]) -> Vec<TableName> {
        names.iter().map(|name| TableName::new("s", *name)).collect()
    }

    #[test]
    fn what_a_backup_does_not_hold_is_named_with_a_repair() {
        let findings = judged(Contents {
            foreign: tables(&["f", "g"]),
            unlogged: tables(&["u"]),
            unpopulated: tables(&["v"]),
            extension_rows: vec![(TableName::new("cron", "run"), "pg_cron".into())],
            subscriptions: vec!["sub".into()],
            ..Contents::default()
        });
        let texts: Vec<&str> = findings.iter().map(|finding| finding.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "2 tables without rows, which are kept elsewhere: s.f, s.g",
                "1 table unlogged, which a crash of the source empties: s.u",
                "1 view never filled, and will not be: s.v",
                "1 table with rows that extensions do not mark for dumps: cron.run",
                "1 subscription that neither a restore nor a drill makes: sub",
            ]
        );
        for finding in &findings[..4] {
            assert!(finding.level == Level::Warn && finding.repair.is_some(), "{finding:?}");
        }
        assert_eq!(findings[1].repair.as_deref(), Some(r#"alter table "s"."u" set logged;"#));
    }

    #[test]
    fn a_database_that_is_held_whole_gives_one_line() {
        let findings = judged(Contents::default());
        assert_eq!(findings.iter().map(|finding| finding.level).collect::<Vec<_>>(), [Level::Ok]);
    }

    #[test]
    fn a_function_that_names_without_schema_is_told_with_its_repair() {
        let function = |body: &str| Function {
            name: TableName::new("app", "is_known"),
            arguments: "code text".into(),
            body: body.into(),
            used_by: "table constraint c on app.t".into(),
        };
        let contents = |body| Contents {
            functions: vec![function(body)],
            names: ["codes".to_owned()].into(),
            ..Contents::default()
        };
        let findings = judged(contents("select exists (select from codes where c = code)"));
        assert_eq!(findings[0].check, FUNCTIONS);
        assert!(findings[0].text.contains("codes without its schema"), "{findings:?}");
        assert_eq!(
            findings[0].repair.as_deref(),
            Some(r#"alter function "app"."is_known"(code text) set search_path = "app", pg_temp;"#)
        );
        let sound = judged(contents("select exists (select from app.codes where c = code)"));
        assert_eq!(sound[0].level, Level::Ok);
    }
}
