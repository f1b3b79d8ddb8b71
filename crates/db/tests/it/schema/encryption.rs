//! Encrypted columns.

use std::path::Path;

use tokio_postgres::error::SqlState;
use unisys_db::connect::HostAddress;
use unisys_db::{Session, Target};

use super::world::{id, world};
use crate::support::strings;

const OLD: &str = "0ld-0123456789-0123456789-0123456789";
const NEW: &str = "n3w-0123456789-0123456789-0123456789";

/// Begins a transaction with these keys, given as bound parameters.
async fn begin(session: &Session, key: &str, previous: &str) {
    session.batch_execute("begin").await.unwrap();
    let set = "select set_config('app.encryption_key', $1, true), set_config('app.previous_encryption_key', $2, true)";
    session.query(set, &[&key, &previous]).await.unwrap();
}

async fn read(session: &Session) -> Result<Vec<Option<String>>, tokio_postgres::Error> {
    let query = "select app.decrypt(national_id) from app.students order by id";
    Ok(session.query(query, &[]).await?.iter().map(|row| row.get(0)).collect())
}

#[tokio::test]
async fn a_value_needs_its_key_and_the_key_goes_with_the_transaction() {
    let (_target, session) = world().await;
    let write = "update app.students set national_id = app.encrypt('ÄB 123')";
    let error = session.batch_execute(write).await.unwrap_err();
    assert_eq!(error.as_db_error().unwrap().message(), "there is no key to encrypt with");
    begin(&session, "short", "").await;
    assert!(session.batch_execute(write).await.is_err());
    session.batch_execute("rollback").await.unwrap();
    begin(&session, OLD, "").await;
    session.batch_execute(write).await.unwrap();
    assert_eq!(read(&session).await.unwrap(), vec![Some("ÄB 123".to_owned()); 3]);
    session.batch_execute("commit").await.unwrap();
    assert_eq!(read(&session).await.unwrap(), vec![None; 3], "no key, no value, no error");
    begin(&session, NEW, "").await;
    let error = read(&session).await.unwrap_err();
    let message = error.as_db_error().unwrap().message();
    assert!(message.starts_with("the value was encrypted with key ") && !message.contains(NEW), "{message}");
    session.batch_execute("rollback").await.unwrap();
    let same = "select count(distinct national_id)::text from app.students";
    assert_eq!(strings(&session, same).await, ["3"], "equal values do not look equal");
    let stored = "select count(*)::text from app.students where national_id like '%B 123%'";
    assert_eq!(strings(&session, stored).await, ["0"]);
}

#[tokio::test]
async fn a_rotation_goes_on_until_nothing_is_left() {
    let (_target, session) = world().await;
    begin(&session, OLD, "").await;
    let pay = format!(
        "update app.students set national_id = app.encrypt(student_number);
        insert into app.payments (institution_id, student_id, amount, method, payer_account)
        values ('{}', '{}', 1, 'cash', app.encrypt('IBAN')); commit",
        id(1),
        id(21)
    );
    session.batch_execute(&pay).await.unwrap();
    let mut rewritten = vec![];
    loop {
        begin(&session, NEW, OLD).await;
        let rows: i64 = session.query_one("select app.rotate_ciphertexts(3)", &[]).await.unwrap().get(0);
        session.batch_execute("commit").await.unwrap();
        rewritten.push(rows);
        if rows == 0 {
            break;
        }
    }
    assert_eq!(rewritten, [3, 1, 0]);
    begin(&session, NEW, "").await;
    let all = ["1", "2", "1"].map(|number| Some(number.to_owned()));
    assert_eq!(read(&session).await.unwrap(), all);
    session.batch_execute("rollback").await.unwrap();
    begin(&session, NEW, "").await;
    let error = session.query("select app.rotate_ciphertexts()", &[]).await.unwrap_err();
    assert_eq!(error.code(), Some(&SqlState::INVALID_PARAMETER_VALUE));
}

#[tokio::test]
async fn the_key_is_not_in_what_the_server_shows() {
    let (target, session) = world().await;
    begin(&session, OLD, "").await;
    session.query("select app.encrypt('x')", &[]).await.unwrap();
    let watcher = crate::support::session(&target).await;
    let shown =
        "select count(*)::text from pg_stat_activity where pid <> pg_backend_pid() and query like '%0ld-%'";
    assert_eq!(strings(&watcher, shown).await, ["0"]);
    let audited = "select count(*)::text from app.audit_logs where audit_logs::text like '%0ld-%'";
    assert_eq!(strings(&watcher, audited).await, ["0"]);
}

/// The first block of this language in docs/SCHEMA.md that holds `part`.
fn documented(language: &str, part: &str) -> String {
    let text = include_str!("../../../../../docs/SCHEMA.md");
    let fence = format!("```{language}\n");
    let mut blocks = text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.find(|block| block.contains(part)).unwrap().into()
}

/// Runs a command of the documentation's in a directory, and returns whether it worked, and what it said.
fn shell(target: &Target, directory: &Path, command: &str, old: &str) -> (bool, String, String) {
    let programs = unisys_testkit::programs();
    let directories = [programs.bin().to_owned(), "/usr/bin".into(), "/bin".into()];
    let HostAddress::Socket(socket) = &target.hosts[0].address else { panic!("a socket") };
    let output = std::process::Command::new("sh")
        .args(["-c", command])
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::join_paths(directories).unwrap())
        .env("PGHOST", socket)
        .env("PGPORT", target.hosts[0].port.to_string())
        .env("PGDATABASE", &target.database)
        .env("PGUSER", &target.user)
        .envs([("NEW_KEY", NEW), ("OLD_KEY", old)])
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.success(), text(output.stdout), text(output.stderr))
}

#[tokio::test]
async fn the_documented_rotation_rewrites_everything_in_steps() {
    let (target, session) = world().await;
    begin(&session, OLD, "").await;
    let write = "update app.students set national_id = app.encrypt('AB ' || student_number);
        insert into app.payments (institution_id, student_id, amount, method, payer_account)
            select institution_id, id, 1, 'transfer', app.encrypt('XX ' || n) from app.students, generate_series(1, 4) as n;
        insert into app.archived_payments (id, institution_id, student_id, receipt_number, amount, currency, method, status,
                payer_account, created_at, updated_at)
            select gen_random_uuid(), institution_id, id, 99, 1, 'EUR', 'transfer', 'failed', app.encrypt('XX'), now(), now()
            from app.students;
        commit";
    session.batch_execute(write).await.unwrap();
    let login = format!("{}_rotator", target.database);
    session.batch_execute(&format!("create role {login} login; grant app_owner to {login}")).await.unwrap();
    let target = target.with_user(login);
    let directory = tempfile::tempdir().unwrap();
    let step = documented("sql", "rotate_ciphertexts");
    assert!(step.contains("(10000)"), "{step}");
    std::fs::write(directory.path().join("rotate.sql"), step.replace("(10000)", "(7)")).unwrap();
    std::fs::write(directory.path().join("rotate.sh"), documented("sh", "rotate.sql")).unwrap();
    let stored = "select national_id::text from app.students union all select payer_account from app.payments
        union all select payer_account from app.archived_payments order by 1";
    let before = strings(&session, stored).await;
    assert_eq!(before.len(), 18);

    let wrong = shell(&target, directory.path(), "sh rotate.sh", "wr0ng-0123456789-0123456789-0123456789");
    assert!(!wrong.0 && wrong.1.is_empty(), "{wrong:?}");
    assert!(
        wrong.2.contains("the value was encrypted with key") && !wrong.2.contains("0123456789"),
        "{wrong:?}"
    );
    assert_eq!(strings(&session, stored).await, before, "nothing is lost");

    let once = shell(&target, directory.path(), "psql -qAtX -f rotate.sql", OLD);
    assert_eq!(once, (true, "7\n".into(), String::new()));
    let rest = shell(&target, directory.path(), "sh rotate.sh", OLD);
    assert_eq!(rest, (true, "7 rewritten\n4 rewritten\n0 rewritten\n".into(), String::new()));
    begin(&session, NEW, "").await;
    let plain = "select app.decrypt(national_id) from app.students
        union all select app.decrypt(payer_account) from app.payments
        union all select app.decrypt(payer_account) from app.archived_payments order by 1";
    let expected: Vec<String> =
        [&["AB 1"; 2][..], &["AB 2"], &["XX"; 3], &["XX 1"; 3], &["XX 2"; 3], &["XX 3"; 3], &["XX 4"; 3]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect();
    assert_eq!(strings(&session, plain).await, expected);
}
