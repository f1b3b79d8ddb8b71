//! An opened backup: how it is reached, and what to do with it.

use chrono::{DateTime, Utc};
use serde::Serialize;
use unisys_db::TableName;
use unisys_ops::opened::OpenFacts;

use crate::failure::Failure;
use crate::ui::human::{count, duration, span, time};
use crate::ui::{Page, Ui, printable};

#[derive(Serialize)]
struct Opened<'a> {
    outcome: &'static str,
    #[serde(flatten)]
    facts: &'a OpenFacts,
    /// libpq's connection string.
    conninfo: &'a str,
    /// When it closes by itself (UTC).
    closes: Option<DateTime<Utc>>,
}

pub(crate) fn opened(ui: &mut Ui, facts: &OpenFacts, closes: Option<DateTime<Utc>>) -> Result<(), Failure> {
    let conninfo = conninfo(facts);
    ui.answer(&Opened { outcome: "open", facts, conninfo: &conninfo, closes }, || {
        page(facts, &conninfo, closes)
    })
}

fn page(facts: &OpenFacts, conninfo: &str, closes: Option<DateTime<Utc>>) -> Page {
    let what = match &facts.tables {
        None => format!("{} rows", count(facts.rows)),
        Some(tables) => {
            format!("{} rows of {} tables; no other can be read", count(facts.rows), tables.len())
        }
    };
    let table = facts.tables.as_ref().and_then(|tables| tables.first());
    let table = table.map_or_else(|| "SCHEMA.TABLE".into(), TableName::quoted);
    let mut page = Page::new()
        .line(format!("OPEN  {}", facts.backup))
        .line(format!("{} as of {}", printable(&facts.database), time(facts.moment)))
        .line(format!("{what}, restored in {}; not compared", duration(span(facts.seconds))))
        .line("")
        .line("Where it is:")
        .line(format!("  {}", assigned(conninfo)))
        .line("To look:")
        .line("  psql \"$C\"")
        .line("To take a table out into another database, where it is missing:")
        .line(format!("  pg_dump -d \"$C\" --no-owner -t {} | psql -d DATABASE", quoted(&table)))
        .line("To take rows out:")
        .line(format!(
            "  psql \"$C\" -c {} > rows.txt",
            quoted(&format!("copy (select * from {table}) to stdout"))
        ))
        .line("");
    if let Some(closes) = closes {
        page = page.line(format!("It closes at {}, or with Ctrl-C.", time(closes)));
    }
    page
}

/// Returns libpq's connection string. TLS is named because a variable may ask for it.
fn conninfo(facts: &OpenFacts) -> String {
    let value = |text: &str| {
        let plain = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "/._-~".contains(c));
        match plain {
            true => text.to_owned(),
            false => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        }
    };
    format!(
        "host={} port={} dbname={} user={} passfile={} sslmode=disable",
        facts.host,
        facts.port,
        value(&facts.database),
        value(&facts.user),
        value(&facts.passfile.display().to_string())
    )
}

/// Keeps a text in the variable C, as sh and as PowerShell do it.
fn assigned(text: &str) -> String {
    let dollar = if cfg!(windows) { "$C = " } else { "C=" };
    format!("{dollar}{}", quoted(text))
}

/// Quotes for the shell, sh or PowerShell.
fn quoted(text: &str) -> String {
    let quote = if cfg!(windows) { "''" } else { "'\\''" };
    format!("'{}'", text.replace('\'', quote))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let facts = OpenFacts {
            backup: unisys_ops::backup::BackupId::parse("app_20261120T020000Z_0001").unwrap(),
            moment: "2026-11-20T02:00:00Z".parse().unwrap(),
            host: "127.0.0.1".into(),
            port: 5333,
            database: "it's \\odd".into(),
            user: "backup_reader".into(),
            passfile: "/tmp/x y/passfile".into(),
            tables: None,
            rows: 1,
            seconds: 1.0,
        };
        let conninfo = conninfo(&facts);
        assert_eq!(
            conninfo,
            "host=127.0.0.1 port=5333 dbname='it\\'s \\\\odd' user=backup_reader passfile='/tmp/x y/passfile' sslmode=disable"
        );
        let shown = if cfg!(unix) { "it\\'\\''s" } else { "it\\''s" };
        assert!(assigned(&conninfo).contains(shown));
    }
}
