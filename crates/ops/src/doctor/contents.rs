//! What of a database a backup does not hold, holds with a condition, or cannot bring back.

use unisys_db::preflight::{EventTrigger, Function, Preflight, Verdict};
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
const EVENT_TRIGGERS: &str = "event triggers";
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
        event_triggers(&contents.event_triggers),
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

/// Only a superuser can make them, and own them; they come last, so that their code does not meet the restore's statements.
fn event_triggers(triggers: &[EventTrigger]) -> Option<Finding> {
    if let Some(EventTrigger { name, owner, .. }) = triggers.iter().find(|trigger| !trigger.superuser) {
        let text = format!("{name} belongs to {owner}, who is no superuser: a restore ends there");
        let repair =
            format!("alter event trigger {} owner to postgres; -- or another superuser", quote_ident(name));
        return Some(Finding::warn(EVENT_TRIGGERS, text, repair).about(vec![name.clone()]));
    }
    let names: Vec<String> = triggers.iter().map(|trigger| trigger.name.clone()).collect();
    let count = counted(names.len() as u64, "event trigger");
    let text = format!("{count}, restored last and by a superuser only: {}", few(&names));
    (!names.is_empty()).then(|| Finding::ok(EVENT_TRIGGERS, text).about(names))
}

/// A restore searches no schema, so a function that runs in it finds nothing without one. The server has judged the text; where
/// it cannot, the text is looked at, not understood.
fn fragile(facts: &Preflight, function: &Function) -> Option<Finding> {
    let (name, used_by) = (&function.name, &function.used_by);
    let repair = format!(
        "alter function {}({}) set search_path = {}, pg_temp;",
        name.quoted(),
        function.arguments,
        quote_ident(&name.schema)
    );
    let (text, repair) = match &function.verdict {
        Verdict::Sound => return None,
        Verdict::Broken { message, mended } => {
            let text = format!(
                "{name}, which {used_by} runs, fails in a restore, where no schema is searched: {message}"
            );
            let own = format!("Name the schemas in the text of {name}: with its own alone it fails, too.");
            (text, if *mended { repair } else { own })
        }
        Verdict::Unknown => {
            let found = unqualified(&function.body, &facts.contents.names);
            let first = found.first()?;
            let text = format!(
                "a guess by its text: {name}, which {used_by} runs, seems to name {first} without its schema: \
                 a restore may fail there"
            );
            (text, repair)
        }
    };
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

    fn function(body: &str, verdict: Verdict) -> Contents {
        let function = Function {
            name: TableName::new("app", "is_known"),
            arguments: "code text".into(),
            body: body.into(),
            used_by: "table constraint c on app.t".into(),
            verdict,
        };
        Contents { functions: vec![function], names: ["codes".to_owned()].into(), ..Contents::default() }
    }

    const REPAIR: &str = r#"alter function "app"."is_known"(code text) set search_path = "app", pg_temp;"#;

    #[test]
    fn what_the_server_says_of_a_function_is_no_guess() {
        let broken = |mended| Verdict::Broken { message: "relation \"codes\" does not exist".into(), mended };
        let findings = judged(function("", broken(true)));
        assert_eq!(findings[0].check, FUNCTIONS);
        assert_eq!(
            findings[0].text,
            "app.is_known, which table constraint c on app.t runs, fails in a restore, where no schema is searched: \
             relation \"codes\" does not exist"
        );
        assert_eq!(findings[0].repair.as_deref(), Some(REPAIR));
        let hopeless = judged(function("", broken(false)));
        assert!(hopeless[0].repair.as_deref().unwrap().starts_with("Name the schemas"), "{hopeless:?}");
        let sound = judged(function("select from codes", Verdict::Sound));
        assert_eq!(sound[0].level, Level::Ok, "the text is not looked at where the server has spoken");
    }

    #[test]
    fn a_function_that_the_server_cannot_judge_is_guessed_at() {
        let findings = judged(function("select exists (select from codes where c = code)", Verdict::Unknown));
        assert!(findings[0].text.starts_with("a guess by its text: app.is_known, which"), "{findings:?}");
        assert!(findings[0].text.contains("codes without its schema"), "{findings:?}");
        assert_eq!(findings[0].repair.as_deref(), Some(REPAIR));
        let sound =
            judged(function("select exists (select from app.codes where c = code)", Verdict::Unknown));
        assert_eq!(sound[0].level, Level::Ok);
    }

    #[test]
    fn event_triggers_need_a_superuser() {
        let trigger =
            |name: &str, superuser| EventTrigger { name: name.into(), owner: "dba".into(), superuser };
        let of = |event_triggers| judged(Contents { event_triggers, ..Contents::default() });
        let found = of(vec![trigger("a", true), trigger("b", true)]);
        assert_eq!(found[0].text, "2 event triggers, restored last and by a superuser only: a, b");
        assert_eq!(found[0].level, Level::Ok);
        let found = of(vec![trigger("a", true), trigger("B", false)]);
        assert_eq!(found[0].text, "B belongs to dba, who is no superuser: a restore ends there");
        assert!(
            found[0].repair.as_deref().unwrap().contains("alter event trigger \"B\" owner to"),
            "{found:?}"
        );
    }
}
