//! Migrations in trouble: the pitfalls M1 to M27 of the facts the runner was built from, each with the test that shows it.
//!
//! | | pitfall | test |
//! |---|---|---|
//! | M1 | parallel runners | `migrate::eight_runners_at_once_apply_everything_once` (empty), `eight_runners_on_a_database_in_use…` |
//! | M2 | CREATE INDEX CONCURRENTLY while others wait | `an_index_is_built_concurrently_while_others_wait…` |
//! | M3 | killed at any point | `a_run_that_ends_anywhere_is_taken_up_again`; with kill -9: the program's `migrate` tests |
//! | M4 | COMMIT inside a file | `rules::…what_has_no_place…`, `a_commit_no_rule_sees_is_noticed` |
//! | M5, M6 | search_path, SET leak | `migrate::what_one_file_sets_does_not_reach_the_next_or_the_history` |
//! | M7 | names, versions, BOM, CRLF | `name::…names_are_strict`, `file::…texts_are_strict`, `set::…` |
//! | M8 | edited, renamed, deleted after it was applied | `migrate::edited_missing_and_late_files_stop_the_run`, `files_changed…`, `a_repair_changes_what_was_named…` |
//! | M9 | out of order from a branch | the same |
//! | M10 | tampered history | `a_tampered_history_stops_everything_and_panics_nowhere`, `a_repair_mends_a_row…` |
//! | M11 | invalid index left behind | `an_invalid_index_is_named_dropped_and_built_anew` |
//! | M12 | lock held by a reader | `a_reader_is_waited_for_and_nobody_queues_for_long`, `who_holds_the_lock_is_named` |
//! | M13 | backup fails | the program's `a_failed_backup_lets_no_migration_begin`, `who_takes_no_backup_says_why…` |
//! | M14, M26 | backup restorable, rollback | the program's `rollback` tests |
//! | M15 | rehearsal leaves no trace | `unisys-ops`' `rehearsal` tests |
//! | M16 | plan with a read-only login, on a standby | `a_plan_needs_no_more_than_reading…`; `unisys-ops`' `standby` tests |
//! | M17 | owner of what is created | `migrate::everything_belongs_to_the_owner…`, `a_plan_tells_who_may_use_what_is_new` |
//! | M18 | GRANT in a migration | `rules::…what_has_no_place…`, `a_broken_rule_stops_everything_before_anything` |
//! | M19 | the login's statement_timeout | `the_logins_own_time_outs_do_not_count` |
//! | M20 | transaction pooler | `a_transaction_pooler_is_refused` |
//! | M21 | enum value used in its own transaction | `what_the_server_forbids_is_rolled_back` |
//! | M22 | half done outside of a transaction | `an_invalid_index…`, `a_run_that_died_after_its_statement_is_recorded` |
//! | M23 | baseline | `a_baseline_records_and_runs_nothing` |
//! | M24 | database newer than the files | `migrate::edited_missing_and_late_files_stop_the_run` |
//! | M25 | history's place, owner, rights | `migrate::everything_belongs…`, `a_foreign_owner_of_ops_keeps_the_history` |
//! | M27 | connection lost at COMMIT | `a_connection_lost_at_commit_is_resolved_by_the_history`, `…that_was_rolled_back_says_so`, `…outside_of_a_transaction…` |

mod commit;
mod history;
mod locks;
mod outside;
mod plan;
mod runners;

use std::time::Duration;

use unisys_db::migrate::{MigrateError, MigrationFile, MigrationSet, UpOptions, UpReport, up};
use unisys_db::{Session, Target};

const FIRST: (&str, &str) =
    ("V0001__first.sql", "-- unisys:owner login\ncreate schema app authorization app_owner;\n");
const TABLE: (&str, &str) = (
    "V0002__table.sql",
    "-- unisys:owner app_owner\ncreate table app.t as select i as id from generate_series(1, 1000) as i;\n",
);
const ALTER: (&str, &str) =
    ("V0003__alter.sql", "-- unisys:owner app_owner\nalter table app.t add column x int;\n");
const INDEX: (&str, &str) = (
    "V0003__index.sql",
    "-- unisys:owner app_owner\n-- unisys:no-transaction\n\
     create unique index concurrently t_key on app.t (id);\n",
);

fn file(name: &str, text: &str) -> MigrationFile {
    MigrationFile::parse(name, text.as_bytes()).unwrap()
}

fn set(files: &[(&str, &str)]) -> MigrationSet {
    let mut migrations: Vec<MigrationFile> = Vec::new();
    for (name, text) in files {
        match name.matches('.').count() {
            1 => migrations.push(file(name, text)),
            _ => migrations.last_mut().unwrap().add_script(name, text.as_bytes()).unwrap(),
        }
    }
    MigrationSet::new(migrations).unwrap()
}

async fn migrate(target: &Target, files: &[(&str, &str)]) -> Result<UpReport, MigrateError> {
    up(target, &set(files), &quick(), &|_| {}).await
}

/// Does not wait long for anything.
fn quick() -> UpOptions {
    UpOptions {
        lock_timeout: Duration::from_millis(100),
        pause: Duration::from_millis(50),
        lock_attempts: 2,
        ..UpOptions::default()
    }
}

/// Waits until a query's first value is true.
async fn until(session: &Session, condition: &str) {
    let begun = std::time::Instant::now();
    while !session.query_one(condition, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(begun.elapsed() < Duration::from_secs(60), "in vain: {condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a session of this database runs a statement like this.
fn running(like: &str) -> String {
    format!(
        "select exists (select from pg_stat_activity where datname = current_database()
            and pid <> pg_backend_pid() and state = 'active' and query like '%{like}%')"
    )
}
