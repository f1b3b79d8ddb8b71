//! Encrypted columns.

use tokio_postgres::error::SqlState;
use unisys_db::Session;

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
    let stored = "select count(*)::text from app.students where national_id ~ 'AB|123456'";
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
