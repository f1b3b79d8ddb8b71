//! Tests of retention as a whole: cases as a text, restic's own answers, what always holds, ten years, real directories.

mod cases;
mod directories;
mod history;
mod holds;
mod properties;
mod restic;
mod years;

use chrono::{DateTime, NaiveDateTime, Utc};
use unisys_db::TableName;

use super::*;
use crate::backup::{BackupId, State};

/// Returns the moment in `2026-11-21 02:00` or `2026-11-21 02:00:30`.
fn at(text: &str) -> DateTime<Utc> {
    let parsed = ["%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    parsed.unwrap_or_else(|| panic!("no moment: {text}")).and_utc()
}

/// Returns the id of a backup of `database`; the number tells two of one second apart.
fn id(database: &str, moment: DateTime<Utc>, number: usize) -> BackupId {
    let slug = BackupId::slug(database);
    BackupId::parse(&format!("{slug}_{}_{number:04x}", moment.format("%Y%m%dT%H%M%SZ"))).unwrap()
}

/// Returns an unproven backup of `app`.
fn candidate(moment: DateTime<Utc>, number: usize) -> Candidate {
    Candidate {
        id: id("app", moment, number),
        moment,
        state: State::Unproven,
        tags: Vec::new(),
        pin: None,
        tables: Vec::new(),
        judged: None,
        stored_bytes: 1000,
    }
}

fn group(backups: Vec<Candidate>) -> Group {
    Group { database: "app".into(), system_identifier: "1".into(), part: None, backups, newest_lacks: None }
}

/// Returns rules that hold nothing, in UTC.
fn lenient(policy: Policy) -> Rules {
    Rules {
        policy,
        keep_proven: std::num::NonZeroU32::new(2).unwrap(),
        max_proof_age: None,
        max_shrink: None,
        shrink_except: Vec::new(),
        zone: chrono_tz::Tz::UTC,
    }
}

/// The rules of `config.example.toml`.
fn default_rules() -> Rules {
    Rules {
        max_proof_age: Some(chrono::TimeDelta::days(35)),
        max_shrink: Some("50%".parse().unwrap()),
        ..lenient(Policy::parse(&["last 3", "daily 14", "weekly 8", "monthly 12", "yearly 7"]).unwrap())
    }
}

fn asked(now: DateTime<Utc>) -> Asked {
    Asked { now, just_made: None, even_though: Vec::new() }
}

fn table(name: &str) -> TableName {
    TableName::new("app", name)
}
