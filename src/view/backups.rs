//! Stored backups as reports: the list, and one of them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use unisys_ops::backup::{Listed, Manifest, State, Tag};
use unisys_ops::drill::DrillRecord;
use unisys_ops::evidence::Verdict;
use unisys_ops::retention::Pin;

use super::backup::left_out;
use super::copies::Behind;
use super::drill::drills_table;
use super::evidence::signed_by;
use crate::failure::Failure;
use crate::ui::human::{about, bytes, count, duration, span, time};
use crate::ui::{Cell, Column, Page, Table, Ui, printable};

/// A backup and where it is.
#[derive(Serialize)]
pub(crate) struct Held {
    #[serde(flatten)]
    pub(crate) backup: Listed,
    pub(crate) path: String,
}

#[derive(Serialize)]
struct List<'a> {
    backups: &'a [Held],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    copies: &'a [Behind],
}

pub(crate) fn list(
    ui: &mut Ui,
    backups: &[Held],
    copies: &[Behind],
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    ui.answer(&List { backups, copies }, || {
        if backups.is_empty() {
            return Page::new().line("There is no backup yet.");
        }
        let mut table = Table::new([
            Column::whole("Backup"),
            // a name says the database and the moment: the line is to fit 80 columns
            Column::hidden("Moment (UTC)"),
            Column::hidden("Database"),
            Column::number("Age"),
            Column::number("Rows"),
            Column::number("Stored"),
            Column::text("State"),
            Column::hidden("Part"),
            Column::hidden("Pinned"),
            Column::hidden("Tags"),
            Column::hidden("Took"),
            Column::hidden("Signed with"),
        ]);
        for Held { backup, .. } in backups {
            table.row([
                backup.id.as_str().into(),
                Cell::time(backup.moment),
                backup.database.as_deref().unwrap_or("?").into(),
                Cell::about((now - backup.moment).to_std().unwrap_or_default()),
                backup.rows.map_or_else(unknown, Cell::count),
                backup.stored_bytes.map_or_else(unknown, Cell::bytes),
                Cell::short(&state(backup, now), word(backup.state)),
                backup.part.as_deref().unwrap_or_default().into(),
                backup.pin.as_ref().map_or("", |pin| pin.reason.as_deref().unwrap_or("yes")).into(),
                backup.tags.iter().map(Tag::as_str).collect::<Vec<_>>().join(" ").into(),
                backup.seconds.map_or_else(unknown, |seconds| Cell::duration(span(seconds))),
                backup.signed_by.as_deref().unwrap_or_default().into(),
            ]);
        }
        let page = Page::new().table(table);
        match copies.is_empty() {
            true => page,
            false => copies.iter().fold(page.line(""), |page, copy| page.line(copy.line())),
        }
    })
}

fn unknown() -> Cell {
    Cell::short("?", "")
}

pub(super) fn word(state: State) -> &'static str {
    match state {
        State::Proven => "proven",
        State::Unproven => "unproven",
        State::Failed => "failed",
        State::Damaged => "damaged",
        State::Newer => "newer",
    }
}

/// Returns the state, with the age of the proof it rests on.
fn state(backup: &Listed, now: DateTime<Utc>) -> String {
    let age = |moment: DateTime<Utc>| about((now - moment).to_std().unwrap_or_default());
    let mut words = vec![match (backup.state, backup.proven) {
        (State::Proven, Some(proven)) => format!("proven {} ago", age(proven)),
        (State::Newer, _) => "newer format".into(),
        (other, _) => word(other).into(),
    }];
    words.extend(backup.part.as_ref().map(|_| "part".to_owned()));
    words.extend(backup.pin.as_ref().map(|_| "pinned".to_owned()));
    words.join(", ")
}

#[derive(Serialize)]
struct Shown<'a> {
    backup: &'a Manifest,
    path: &'a str,
    signature: &'a Verdict,
    pin: Option<&'a Pin>,
    drills: &'a [DrillRecord],
}

pub(crate) fn show(
    ui: &mut Ui,
    manifest: &Manifest,
    path: &str,
    pin: Option<&Pin>,
    signature: &Verdict,
    drills: &[DrillRecord],
) -> Result<(), Failure> {
    ui.answer(&Shown { backup: manifest, path, pin, signature, drills }, || {
        let mut page = summary(manifest, path, signature);
        if !manifest.tags.is_empty() {
            let tags: Vec<&str> = manifest.tags.iter().map(Tag::as_str).collect();
            page = page.line(format!("Tags        {}", tags.join(", ")));
        }
        if let Some(pin) = pin {
            page = page.line(pinned(pin));
        }
        for (title, table) in [("Tables", tables(manifest)), ("Files", files(manifest))] {
            page = page.line("").line(title).table(table);
        }
        match drills.is_empty() {
            true => page.line("").line("No drill was made of it."),
            false => page.line("").line("Drills").table(drills_table(drills)),
        }
    })
}

fn pinned(pin: &Pin) -> String {
    let since = pin.pinned.map_or_else(String::new, |since| format!("since {}", time(since)));
    let reason = pin.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", printable(reason)));
    let until = if pin.until_proven { ", until the next one is proven" } else { "" };
    format!("Pinned      {since}{until}{reason}")
}

fn summary(manifest: &Manifest, path: &str, signature: &Verdict) -> Page {
    let layout = match manifest.layout {
        unisys_ops::backup::Layout::Parallel => "parallel",
        unisys_ops::backup::Layout::Single => "single",
    };
    let page = Page::new()
        .line(format!("Backup      {}", manifest.id))
        .line(format!(
            "Database    {}, cluster {}",
            printable(&manifest.database),
            manifest.system_identifier
        ))
        .line(format!("Moment      {}, WAL position {}", time(manifest.moment), manifest.lsn))
        .line(format!(
            "Content     {} rows in {} tables, {} large objects; {} on the server",
            count(manifest.rows()),
            count(manifest.tables.len() as u64),
            count(manifest.large_objects.objects),
            bytes(manifest.database_bytes)
        ))
        .line(format!(
            "Stored      {} in {} files, layout {layout}, made in {}",
            bytes(manifest.stored_bytes()),
            count(manifest.files.len() as u64),
            duration(span(manifest.seconds))
        ))
        .line(keys(manifest))
        .line(format!("Signature   {}", signed_by(signature)))
        .lines(signature.key().map(|key| format!("            {}", printable(key))))
        .line(format!(
            "Versions    server {}, pg_dump {}, {}, format {}",
            manifest.server_version, manifest.pg_dump_version, manifest.made_by, manifest.format
        ))
        .line(format!("Stored in   {path}"));
    let page = match manifest.standby {
        true => page.line("Read from   a standby"),
        false => page,
    };
    left_out(manifest).fold(page, Page::line)
}

fn keys(manifest: &Manifest) -> String {
    let name = |id: &String| match manifest.passphrase.as_ref() == Some(id) {
        true => format!("{id} (a passphrase)"),
        false => id.clone(),
    };
    let names: Vec<String> = manifest.recipients.iter().map(name).collect();
    let since = match &manifest.rekeyed {
        Some(rekeyed) => format!("; since {}, before as {}", time(rekeyed.at), rekeyed.from),
        None => String::new(),
    };
    format!("Keys        {}{since}", printable(&names.join(", ")))
}

fn tables(manifest: &Manifest) -> Table {
    let mut table = Table::new([
        Column::text("Schema"),
        Column::text("Table"),
        Column::number("Rows"),
        Column::number("Size"),
        Column::text("Files"),
    ]);
    for known in &manifest.tables {
        let place = match known.files.as_slice() {
            [] if known.without_rows => "without its rows".to_owned(),
            [] => "database.dump".to_owned(),
            [one] => one.clone(),
            [first, .., last] => format!("{first} … {last}"),
        };
        table.row([
            known.schema.as_str().into(),
            known.name.as_str().into(),
            Cell::count(known.rows),
            Cell::bytes(known.bytes),
            Cell::short(&place.replace(".zst.age", ""), known.files.join(" ")),
        ]);
    }
    table
}

fn files(manifest: &Manifest) -> Table {
    let mut table = Table::new([
        Column::whole("File"),
        Column::number("Stored"),
        Column::number("Content"),
        Column::text("SHA-256"),
    ]);
    for file in &manifest.files {
        let start: String = file.sha256.chars().take(12).collect();
        table.row([
            file.name.as_str().into(),
            Cell::bytes(file.bytes),
            Cell::bytes(file.content_bytes),
            Cell::short(&format!("{start}…"), file.sha256.as_str()),
        ]);
    }
    table
}
