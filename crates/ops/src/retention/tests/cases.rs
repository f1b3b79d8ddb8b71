//! The cases of `cases.txt`: what goes in, and beside it what comes out.
//!
//! `TRYCMD=overwrite cargo test -p unisys-ops cases` writes the outcomes anew; then they are to be read.

use std::collections::BTreeMap;

use unisys_db::pattern::TablePattern;

use super::*;
use crate::keys::sha256;

/// Where the outcome of a line begins.
const ARROW: &str = " => ";

/// One case, as its lines say.
struct Case {
    rules: Rules,
    asked: Asked,
    groups: BTreeMap<(String, String), Group>,
    unreadable: Vec<Unreadable>,
    /// The backup of each line that begins with `at`, in order.
    lines: Vec<BackupId>,
}

impl Case {
    fn read(lines: &[&str]) -> Self {
        let mut case = Self {
            rules: lenient(Policy::default()),
            asked: asked(at("2026-11-21 12:00")),
            groups: BTreeMap::new(),
            unreadable: Vec::new(),
            lines: Vec::new(),
        };
        for line in lines {
            let line = line.split(ARROW).next().unwrap();
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let rest = rest.trim();
            match word {
                "rules" => case.rules.policy = Policy::parse(&rest.split("; ").collect::<Vec<_>>()).unwrap(),
                "now" => case.asked.now = at(rest),
                "zone" => case.rules.zone = rest.parse().unwrap(),
                "keep-proven" => case.rules.keep_proven = rest.parse().unwrap(),
                "max-proof-age" => {
                    let days = rest.strip_suffix('d').unwrap().parse().unwrap();
                    case.rules.max_proof_age = Some(chrono::TimeDelta::days(days));
                }
                "max-shrink" => case.rules.max_shrink = Some(rest.parse().unwrap()),
                "shrink-except" => case.rules.shrink_except.push(TablePattern::parse(rest).unwrap()),
                "even-though" => {
                    case.asked.even_though.push(match rest {
                        "damaged" => HoldKind::Damaged,
                        "unproven" => HoldKind::Unproven,
                        "shrunk" => HoldKind::Shrunk,
                        other => panic!("{other}"),
                    });
                }
                "at" => case.backup(rest),
                "held:" | "overruled:" => {}
                other => panic!("no word of a case: {other}"),
            }
        }
        case
    }

    fn backup(&mut self, text: &str) {
        let mut words = text.split_whitespace();
        let moment = at(&format!("{} {}", words.next().unwrap(), words.next().unwrap()));
        let words: Vec<&str> = words.collect();
        let value = |name: &str| words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        let (database, cluster) = (value("database").unwrap_or("app"), value("cluster").unwrap_or("1"));
        let mut backup = Candidate { id: id(database, moment, self.lines.len()), ..candidate(moment, 0) };
        self.lines.push(backup.id.clone());
        let unreadable =
            |state| Unreadable { id: backup.id.clone(), state, problem: "it cannot be read".into() };
        let key = (database.to_owned(), cluster.to_owned());
        let group = self.groups.entry(key).or_insert_with(|| Group {
            database: database.into(),
            system_identifier: cluster.into(),
            ..group(Vec::new())
        });
        for word in &words {
            match *word {
                "proven" => backup.state = State::Proven,
                "failed" => backup.state = State::Failed,
                "damaged" => return self.unreadable.push(unreadable(State::Damaged)),
                "newer" => return self.unreadable.push(unreadable(State::Newer)),
                "pinned" => backup.pin = Some(Pin::new(moment, None)),
                "pinned-until-proven" => backup.pin = Some(Pin::new(moment, None).until_proven()),
                "just-made" => self.asked.just_made = Some(backup.id.clone()),
                "accepted" => backup.judged = Some(Judgement::new(Vec::new(), Some(moment))),
                "judged" => backup.judged = Some(Judgement::new(Vec::new(), None)),
                "lacks-a-file" => {
                    group.newest_lacks = Some("could not open data/0001.copy.zst.age: it is missing".into());
                }
                word => match word.split_once('=').unwrap() {
                    ("tags", tags) => backup.tags = Policy::tags(tags).unwrap(),
                    ("rows", tables) => backup.tables = tables.split(',').map(rows).collect(),
                    ("database" | "cluster", _) => {}
                    other => panic!("no word of a backup: {other:?}"),
                },
            }
        }
        group.backups.push(backup);
    }

    /// Returns what becomes of each backup, and the lines that say why nothing goes.
    fn outcome(&self) -> (BTreeMap<BackupId, String>, Vec<String>) {
        let (mut fates, mut holds) = (BTreeMap::new(), Vec::new());
        for group in self.groups.values() {
            let slug = BackupId::slug(&group.database);
            let of_name = |bad: &&Unreadable| bad.id.database_slug() == slug;
            let unreadable: Vec<Unreadable> = self.unreadable.iter().filter(of_name).cloned().collect();
            let plan = judge(group, &unreadable, &self.rules, &self.asked);
            for line in &plan.backups {
                let reasons: Vec<String> = line.reasons.iter().map(ToString::to_string).collect();
                let fate = match line.verdict {
                    Verdict::Keep => format!("keep: {}", reasons.join(", ")),
                    Verdict::Remove => "remove".into(),
                    Verdict::Hold => "held".into(),
                };
                fates.insert(line.id.clone(), fate);
            }
            holds.extend(plan.holds.iter().map(|hold| format!("held: {hold}")));
            holds.extend(plan.overruled.iter().map(|hold| format!("overruled: {hold}")));
        }
        (fates, holds)
    }

    /// Returns the lines of the case with what comes out.
    fn write(&self, lines: &[&str]) -> String {
        let (fates, holds) = self.outcome();
        let mut ids = self.lines.iter();
        let mut text = String::new();
        for line in lines.iter().filter(|line| !line.starts_with("held:") && !line.starts_with("overruled:"))
        {
            let input = line.split(ARROW).next().unwrap().trim_end();
            match input.strip_prefix("at ").and_then(|_| ids.next()) {
                Some(id) => {
                    let fate = fates.get(id).map_or("not counted", String::as_str);
                    text += &format!("{input:<36}{ARROW}{fate}\n");
                }
                None => text += &format!("{input}\n"),
            }
        }
        text + &holds.iter().map(|hold| format!("{hold}\n")).collect::<String>()
    }
}

fn rows(text: &str) -> (TableName, u64) {
    let (name, rows) = text.split_once(':').unwrap();
    (table(name), rows.parse().unwrap())
}

#[test]
fn each_case_comes_out_as_it_is_written() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/retention/tests/cases.txt");
    let text = include_str!("cases.txt");
    let mut parts = text.split("\n\ncase ");
    let mut written = parts.next().unwrap().to_owned();
    let mut titles = Vec::new();
    for part in parts {
        let mut lines = part.lines().filter(|line| !line.is_empty());
        let title = lines.next().unwrap();
        let lines: Vec<&str> = lines.collect();
        written += &format!("\n\ncase {title}\n{}", Case::read(&lines).write(&lines).trim_end());
        titles.push(title);
    }
    written += "\n";
    if std::env::var("TRYCMD").is_ok_and(|wish| wish == "overwrite") {
        std::fs::write(path, &written).unwrap();
    } else {
        for (is, should) in written.lines().zip(text.lines()) {
            assert_eq!(is, should);
        }
        assert_eq!(sha256(written.as_bytes()), sha256(text.as_bytes()));
    }
    let count = titles.len();
    titles.sort_unstable();
    titles.dedup();
    assert!(titles.len() == count && count >= 60, "{count} cases");
}
