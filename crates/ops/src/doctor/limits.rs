//! The server's limits, and what its state means for a backup.

use unisys_db::preflight::Preflight;
use unisys_db::quote_ident;

use super::finding::counted;
use super::standby::STANDBY;
use super::{Finding, standby};

const LOCKS: &str = "locks";
const SESSIONS: &str = "sessions";
const ENCODING: &str = "encoding";

/// The sessions of a backup beside its workers: the moment's own, the lock's, pg_dump's two, one to look.
const SESSIONS_BESIDE_JOBS: u64 = 5;

/// Judges whether all tables can be locked at one moment. The lock table is shared by everybody.
pub(super) fn judge_locks(facts: &Preflight) -> Finding {
    let (tables, capacity) = (facts.tables, facts.lock_capacity());
    let text =
        format!("a backup locks {}, the server has room for {capacity} locks", counted(tables, "table"));
    // half of it for others, so that neither we nor they run out
    let per_transaction = (2 * tables).div_ceil(facts.lock_holders.max(1)).next_power_of_two().max(64);
    let repair =
        format!("alter system set max_locks_per_transaction = {per_transaction}; -- then restart the server");
    match tables {
        tables if tables >= capacity => Finding::fail(LOCKS, text, repair),
        tables if tables > capacity / 2 => Finding::warn(LOCKS, text, repair),
        _ => Finding::ok(LOCKS, text),
    }
}

/// Judges whether login and server take as many sessions as a backup opens.
pub(super) fn judge_sessions(facts: &Preflight, jobs: usize) -> Finding {
    let needed = jobs as u64 + SESSIONS_BESIDE_JOBS;
    let limits = [facts.login.connection_limit, facts.database.connection_limit];
    let limit = limits.iter().filter_map(|limit| u64::try_from(*limit).ok()).min();
    match limit {
        // superusers are counted by neither limit
        Some(limit) if limit < needed && !facts.login.superuser => Finding::warn(
            SESSIONS,
            format!("a backup opens up to {needed} sessions, the limit is {limit}"),
            format!("alter role {} connection limit {needed};", quote_ident(&facts.login.name)),
        ),
        _ if facts.connections < needed => Finding::warn(
            SESSIONS,
            format!("a backup opens up to {needed} sessions, the server takes {}", facts.connections),
            "alter system set max_connections = 100; -- then restart the server",
        ),
        _ => Finding::ok(SESSIONS, format!("room for the {needed} a backup opens")),
    }
}

/// Judges what a standby means.
pub(super) fn judge_standby(facts: &Preflight) -> Finding {
    match &facts.standby {
        None => Finding::ok(STANDBY, "the server is a primary"),
        Some(conflicts) => standby::judge(conflicts),
    }
}

/// Judges the database's encoding.
pub(super) fn judge_encoding(facts: &Preflight) -> Finding {
    let encoding = &facts.database.encoding;
    if encoding == "SQL_ASCII" {
        return Finding::warn(
            ENCODING,
            "the database's encoding is SQL_ASCII: its bytes are copied as they are, whatever they mean",
            "Plan a move to UTF8: pg_dump -E, and a new database with encoding UTF8.",
        );
    }
    Finding::ok(ENCODING, encoding.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::{Level, samples};
    use super::*;

    #[rstest::rstest]
    #[case(10, Level::Ok)]
    #[case(3200, Level::Ok)]
    #[case(3201, Level::Warn)]
    #[case(6400, Level::Fail)]
    #[case(50_000, Level::Fail)]
    fn every_table_takes_a_lock(#[case] tables: u64, #[case] level: Level) {
        let finding = judge_locks(&Preflight { tables, ..samples::preflight() });
        assert_eq!(finding.level, level, "{finding:?}");
    }

    #[rstest::rstest]
    #[case(50_000, 64)]
    #[case(120_000, 1000)]
    fn the_advised_number_of_locks_has_room_for_twice_the_tables(
        #[case] tables: u64,
        #[case] locks_per_transaction: u64,
    ) {
        let finding = judge_locks(&Preflight { tables, locks_per_transaction, ..samples::preflight() });
        let repair = finding.repair.unwrap();
        let advised: u64 = repair.split(['=', ';']).nth(1).unwrap().trim().parse().unwrap();
        assert!(advised * samples::preflight().lock_holders >= 2 * tables, "{repair}");
    }

    #[rstest::rstest]
    #[case(-1, 100, false, Level::Ok)]
    #[case(7, 100, false, Level::Ok)]
    #[case(6, 100, false, Level::Warn)]
    #[case(6, 100, true, Level::Ok)]
    #[case(-1, 6, true, Level::Warn)]
    fn two_workers_need_seven_sessions(
        #[case] limit: i32,
        #[case] connections: u64,
        #[case] superuser: bool,
        #[case] level: Level,
    ) {
        let mut facts = Preflight { connections, ..samples::preflight() };
        facts.login.connection_limit = limit;
        facts.login.superuser = superuser;
        assert_eq!(judge_sessions(&facts, 2).level, level);
    }
}
