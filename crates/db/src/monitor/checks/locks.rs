//! Who waits for whom, as a tree.
//!
//! Blockers come from `pg_blocking_pids()`: it knows the queue. A reader that waits only because a change of the table waits
//! before it shares no lock with anybody that a join over `pg_locks` could find.

use std::collections::{BTreeMap, BTreeSet};

use super::transactions::words;
use crate::monitor::check::{Judging, Query, Since};
use crate::monitor::{
    Action, Cell, Check, Column, Needs, Row, Sample, State, Threshold, Unit, Unreadable, Verdict,
};

pub(super) const CHECK: Check = Check {
    id: "locks",
    title: "Sessions that wait for locks, and for whom",
    meaning: "Each waits until the one above it ends. A change of a table that waits stops all who come after it.",
    advice: "End the root of the tree, or take the waiting change back; use lock_timeout for the next change.",
    needs: Needs::Role("pg_read_all_stats"),
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/locks.sql"),
    }],
    thresholds: &[
        Threshold { name: "waiting", unit: Unit::Seconds, warning: 5.0, critical: Some(60.0) },
        Threshold { name: "waiters", unit: Unit::Count, warning: 5.0, critical: Some(20.0) },
    ],
    judge,
};

/// A session of the tree.
struct Node<'s> {
    blocked_by: &'s [i64],
    waiting: Option<f64>,
    row: Row<'s>,
}

fn judge(sample: &Sample, by: &Judging<'_>) -> Result<Verdict, Unreadable> {
    let mut nodes = BTreeMap::new();
    for row in sample.rows() {
        let node =
            Node { blocked_by: row.ints("blocked_by")?, waiting: row.maybe_float("waiting_seconds")?, row };
        nodes.insert(row.int("pid")?, node);
    }
    let waiting: Vec<f64> = nodes.values().filter_map(|node| node.waiting).collect();
    let longest = waiting.iter().copied().fold(0.0, f64::max);
    let mut verdict = Verdict::new(match waiting.len() {
        0 => "nobody waits for a lock".to_owned(),
        1 => format!("1 session waits for a lock, for {}", words(longest)),
        many => format!("{many} sessions wait for locks, the longest for {}", words(longest)),
    });
    verdict.metric("lock_waiters", Unit::Count, waiting.len() as f64);
    verdict.metric("longest_lock_wait", Unit::Seconds, longest);
    if waiting.is_empty() {
        return Ok(verdict);
    }
    verdict.at_least(by.mark("waiting", longest).max(by.mark("waiters", waiting.len() as f64)));
    verdict.columns = [
        ("Process", Unit::Text),
        ("Who", Unit::Text),
        ("Waits for", Unit::Text),
        ("Waiting", Unit::Seconds),
        ("Statement", Unit::Text),
    ]
    .map(|(title, unit)| Column { title, unit })
    .to_vec();
    // 0 stands for a prepared transaction, which is no session
    let is_root = |node: &Node<'_>| !node.blocked_by.iter().any(|pid| nodes.contains_key(pid));
    let mut drawn = BTreeSet::new();
    for (pid, node) in nodes.iter().filter(|(_, node)| is_root(node)) {
        draw(*pid, node, 0, &nodes, &mut drawn, &mut verdict, by)?;
        let waiters = drawn.len();
        let who = node.row.maybe_text("role")?.unwrap_or("?");
        if waiters > 1 && by.mark("waiting", longest) > State::Ok {
            let why = format!("ends process {pid} of {who}, whom others wait for{}", own(&node.row)?);
            verdict.actions.push(Action {
                why,
                sql: format!("select pg_terminate_backend({pid})"),
                undo: None,
            });
        }
    }
    // Those that wait for one another in a circle; the server ends one of them after deadlock_timeout.
    for (pid, node) in &nodes {
        if !drawn.contains(pid) {
            draw(*pid, node, 0, &nodes, &mut drawn, &mut verdict, by)?;
        }
    }
    Ok(verdict)
}

fn draw(
    pid: i64,
    node: &Node<'_>,
    depth: usize,
    nodes: &BTreeMap<i64, Node<'_>>,
    drawn: &mut BTreeSet<i64>,
    verdict: &mut Verdict,
    by: &Judging<'_>,
) -> Result<(), Unreadable> {
    if !drawn.insert(pid) {
        return Ok(());
    }
    let row = node.row;
    let indent = if depth == 0 { String::new() } else { format!("{}└ ", "  ".repeat(depth - 1)) };
    let role = row.maybe_text("role")?.unwrap_or("hidden");
    let application = row.maybe_text("application")?.filter(|name| !name.is_empty());
    let who = application.map_or_else(|| role.to_owned(), |application| format!("{role}, {application}"));
    let object = row.maybe_text("object")?;
    let mode = row.maybe_text("mode")?;
    let waits_for = object.zip(mode).map(|(object, mode)| format!("{object} ({mode})"));
    let state = node.waiting.map_or(State::Ok, |waiting| by.mark("waiting", waiting));
    let statement: Cell = match row.maybe_text("state")? {
        Some("active") | None => row.maybe_text("query")?.into(),
        Some(idle) => format!("{idle}: {}", row.maybe_text("query")?.unwrap_or("")).into(),
    };
    let cells =
        [format!("{indent}{pid}").into(), who.into(), waits_for.into(), node.waiting.into(), statement];
    verdict.item(state, cells);
    for (other, waiter) in nodes.iter().filter(|(_, waiter)| waiter.blocked_by.contains(&pid)) {
        draw(*other, waiter, depth + 1, nodes, drawn, verdict, by)?;
    }
    Ok(())
}

/// What to know before ending a session that is ours.
fn own(row: &Row<'_>) -> Result<&'static str, Unreadable> {
    Ok(match row.maybe_text("application")? {
        Some(name) if name.starts_with("unisys-dba") => {
            " (unisys-dba itself: a backup or a migration is running)"
        }
        Some("pg_dump") => " (a dump is running; it would have to be begun again)",
        _ => "",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::{Facts, Thresholds, Value};

    /// A reader, a change of the table that waits for it, a reader that waits behind the change.
    fn pile_up() -> Sample {
        let columns = [
            "pid",
            "blocked_by",
            "object",
            "mode",
            "waiting_seconds",
            "database",
            "role",
            "application",
            "state",
            "open_seconds",
            "query",
        ];
        let text = |text: &str| Value::Text(text.into());
        let row = |pid: i64, blocked_by: Vec<i64>, waiting: Option<f64>, application: &str, query: &str| {
            let waits = waiting.is_some();
            vec![
                Value::Int(pid),
                Value::Ints(blocked_by),
                if waits { text("app.students") } else { Value::Null },
                if waits { text("AccessShareLock") } else { Value::Null },
                waiting.map_or(Value::Null, Value::Float),
                text("unisys"),
                text("app_user"),
                text(application),
                text(if waits { "active" } else { "idle in transaction" }),
                Value::Float(100.0),
                text(query),
            ]
        };
        Sample {
            columns: columns.map(str::to_owned).to_vec(),
            rows: vec![
                row(30, vec![20], Some(8.0), "web", "select"),
                row(20, vec![10], Some(9.0), "psql", "alter table"),
                row(10, vec![], None, "unisys-dba/backup", "copy"),
            ],
        }
    }

    #[test]
    fn the_queue_behind_a_change_is_one_tree_with_the_reader_as_its_root() {
        let (facts, thresholds) = (Facts::default(), Thresholds::default());
        let by = Judging { check: &CHECK, facts: &facts, thresholds: &thresholds };
        let verdict = judge(&pile_up(), &by).unwrap();
        let processes: Vec<_> = verdict.items.iter().map(|item| item.cells[0].clone()).collect();
        assert_eq!(processes, ["10", "└ 20", "  └ 30"].map(Cell::from));
        assert_eq!(verdict.state, State::Warning);
        assert_eq!(verdict.summary, "2 sessions wait for locks, the longest for 9 s");
        let [action] = &verdict.actions[..] else { panic!("{:?}", verdict.actions) };
        assert!(action.why.contains("a backup or a migration is running"), "{}", action.why);
        assert_eq!(action.sql, "select pg_terminate_backend(10)");
    }

    #[test]
    fn a_circle_is_drawn_and_ends() {
        let mut sample = pile_up();
        sample.rows[2][1] = Value::Ints(vec![30]);
        sample.rows[2][4] = Value::Float(1.0);
        let (facts, thresholds) = (Facts::default(), Thresholds::default());
        let by = Judging { check: &CHECK, facts: &facts, thresholds: &thresholds };
        assert_eq!(judge(&sample, &by).unwrap().items.len(), 3);
    }
}
