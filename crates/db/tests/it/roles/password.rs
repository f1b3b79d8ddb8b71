//! Passwords on a live server that wants them.

use std::error::Error;

use secrecy::SecretString;
use unisys_db::connect::HostAddress;
use unisys_db::roles::Password;
use unisys_db::roles::password::{self, Outcome, PasswordError, Verdict};
use unisys_db::{Session, Target};

use crate::support::{own_server, session, strings};
use crate::tls::{Server, psql};

/// Passwords whose bytes and whose meaning differ, and that quoting could break.
const ODD: &[&str] = &[
    "plain-ASCII_1",
    " it's \"odd\\\" $x; -- ",
    "Größe",
    "Gro\u{308}ße",
    "\u{2168}\u{a0}\u{ff21}",
    "I\u{ad}X",
    "\u{ad}",
    "ключ-密码-🔑",
    "\u{627}1",
    "\u{627}\u{628}",
    "bell\u{7}",
];

async fn change(session: &Session, role: &str, password: &str) -> Result<Outcome, PasswordError> {
    let holder = password::look(session, role).await?;
    session.batch_execute("begin").await.unwrap();
    let outcome = password::set(session, &holder, &SecretString::from(password), true).await;
    let end = if outcome.is_ok() { "commit" } else { "rollback" };
    session.batch_execute(end).await.unwrap();
    outcome
}

/// Whether a password opens the door, to us and to libpq, which must agree.
async fn opens(target: &Target, password: &str) -> bool {
    let target = Target { password: Some(password.to_owned().into()), ..target.clone() };
    let ours = match Session::open(&target).await {
        Ok(_) => true,
        Err(error) => {
            assert_eq!(error.sqlstate().map(|state| state.code()), Some("28P01"), "{error:?}");
            false
        }
    };
    assert_eq!(psql(&target, "select 1").status.success(), ours, "libpq disagrees about {password:?}");
    ours
}

fn chain(error: &dyn Error) -> String {
    let mut text = format!("{error:?} {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause:?} {cause}"));
        source = cause.source();
    }
    text
}

#[tokio::test]
async fn the_new_password_opens_and_the_old_one_no_more() {
    let server = Server::start("host all all all scram-sha-256\n");
    let admin = session(&server.admin()).await;
    admin.batch_execute("create role holder login").await.unwrap();
    let holder = server.target("host=127.0.0.1 user=holder sslmode=disable");
    let mut before = "nothing yet";
    for password in ODD {
        let same = ["Größe", "Gro\u{308}ße"];
        let expected = match same.contains(&before) && same.contains(password) {
            true => Outcome::Unchanged, // the same letters, written otherwise
            false => Outcome::Changed,
        };
        assert_eq!(change(&admin, "holder", password).await.unwrap(), expected, "{password:?}");
        // our driver leaves nothing of a password that SASLprep empties, where libpq keeps it as it is
        if *password != "\u{ad}" {
            assert!(opens(&holder, password).await, "{password:?}");
        }
        if expected == Outcome::Changed && before != "\u{ad}" {
            assert!(!opens(&holder, before).await, "{before:?}");
        }
        before = password;
    }
}

#[tokio::test]
async fn what_the_server_hashed_is_known_again() {
    let server = own_server();
    let admin = session(&server.server().target("postgres")).await;
    admin.batch_execute("create role holder login").await.unwrap();
    for password in ODD {
        let literal = unisys_db::quote_literal(password);
        admin.batch_execute(&format!("alter role holder password {literal}")).await.unwrap();
        let holder = password::look(&admin, "holder").await.unwrap();
        assert_eq!(holder.kind(), Password::Scram);
        assert_eq!(holder.compare(&(*password).into()), Verdict::Same, "{password:?}");
        assert_eq!(holder.compare(&"another".into()), Verdict::Other);
    }
}

#[tokio::test]
async fn the_same_password_again_leaves_the_row_alone() {
    let server = own_server();
    let admin = session(&server.server().target("postgres")).await;
    admin.batch_execute("create role holder login").await.unwrap();
    let row = "select xmin::text || ctid::text from pg_authid where rolname = 'holder'";
    assert_eq!(change(&admin, "holder", "sesame").await.unwrap(), Outcome::Changed);
    let before = strings(&admin, row).await;
    assert_eq!(change(&admin, "holder", "sesame").await.unwrap(), Outcome::Unchanged);
    assert_eq!(strings(&admin, row).await, before);
    assert_eq!(change(&admin, "holder", "sesame2").await.unwrap(), Outcome::Changed);
    assert_ne!(strings(&admin, row).await, before);
}

#[tokio::test]
async fn an_md5_hash_is_seen_and_replaced() {
    let server = own_server();
    let admin = session(&server.server().target("postgres")).await;
    let old = "set password_encryption = md5; create role holder login password 'sesame'";
    admin.batch_execute(old).await.unwrap();
    let holder = password::look(&admin, "holder").await.unwrap();
    assert_eq!((holder.kind(), holder.compare(&"sesame".into())), (Password::Md5, Verdict::Weaker));
    assert_eq!(change(&admin, "holder", "sesame").await.unwrap(), Outcome::Changed);
    assert_eq!(password::look(&admin, "holder").await.unwrap().kind(), Password::Scram);
}

#[tokio::test]
async fn who_may_not_read_verifiers_does_not_know_and_may_set_all_the_same() {
    let server = own_server();
    let target = server.server().target("postgres");
    let admin = session(&target).await;
    let roles =
        "create role maker login createrole; create role nobody login; create role root login superuser;
        set role maker; create role holder login; reset role";
    admin.batch_execute(roles).await.unwrap();
    let maker = session(&target.with_user("maker".to_owned())).await;
    let holder = password::look(&maker, "holder").await.unwrap();
    assert_eq!((holder.kind(), holder.compare(&"sesame".into())), (Password::Unknown, Verdict::Unknown));
    let left = password::set(&maker, &holder, &"sesame".into(), false).await.unwrap();
    assert_eq!(left, Outcome::Unknown);
    assert_eq!(password::look(&admin, "holder").await.unwrap().kind(), Password::None);
    assert_eq!(change(&maker, "holder", "sesame").await.unwrap(), Outcome::Changed);
    assert_eq!(change(&admin, "holder", "sesame").await.unwrap(), Outcome::Unchanged);
    // a superuser's is not the maker's to set, but everybody's own is
    let error = change(&maker, "root", "hunter22-secret").await.unwrap_err();
    let PasswordError::Db(refused) = &error else { panic!("{error:?}") };
    assert_eq!(refused.sqlstate().map(|state| state.code()), Some("42501"));
    assert!(!chain(&error).contains("hunter22"));
    let nobody = session(&target.with_user("nobody".to_owned())).await;
    assert!(password::look(&nobody, "nobody").await.unwrap().own);
    assert_eq!(change(&nobody, "nobody", "sesame").await.unwrap(), Outcome::Changed);
}

#[tokio::test]
async fn what_has_no_password_is_refused_in_words() {
    let server = own_server();
    let admin = session(&server.server().target("postgres")).await;
    let roles = "create role \"App User\" login valid until '2001-01-01'; create role a_group";
    admin.batch_execute(roles).await.unwrap();
    let refused = async |role| password::look(&admin, role).await.unwrap_err();
    let error = refused("app user").await;
    assert!(
        matches!(&error, PasswordError::NoSuchRole { nearest: Some(name), .. } if name == "App User"),
        "{error:?}"
    );
    assert!(matches!(refused("zzz").await, PasswordError::NoSuchRole { nearest: None, .. }));
    assert!(matches!(refused("pg_monitor").await, PasswordError::Reserved(_)));
    assert!(matches!(refused("x'; drop role a_group; --").await, PasswordError::NoSuchRole { .. }));
    let holder = password::look(&admin, "App User").await.unwrap();
    assert!(holder.expired && holder.login && !holder.own);
    assert!(!password::look(&admin, "a_group").await.unwrap().login);
    admin.batch_execute("set default_transaction_read_only = on").await.unwrap();
    let error = change(&admin, "App User", "sesame").await.unwrap_err();
    assert!(matches!(error, PasswordError::ReadOnly(_)), "{error:?}");
}

/// A server that writes down all it can.
const TALKATIVE: &[(&str, &str)] = &[
    ("log_statement", "all"),
    ("log_min_duration_statement", "0"),
    ("log_min_error_statement", "debug5"),
    ("log_error_verbosity", "verbose"),
    ("log_parameter_max_length_on_error", "-1"),
    ("track_activity_query_size", "10000"),
];

#[tokio::test]
async fn the_servers_log_never_has_the_password_and_of_a_superuser_not_the_verifier() {
    let server = unisys_testkit::own_server(unisys_testkit::free_port(), TALKATIVE).unwrap();
    let target = server.server().target("postgres");
    assert!(matches!(target.hosts[0].address, HostAddress::Socket(_)));
    let admin = session(&target).await;
    admin
        .batch_execute(
            "create role maker login createrole; create role root superuser; create role \"a'b\" login",
        )
        .await
        .unwrap();
    assert_eq!(change(&admin, "a'b", "hunter22-secret").await.unwrap(), Outcome::Changed);
    let log = || std::fs::read_to_string(server.server().log()).unwrap();
    assert!(log().contains("create role maker"), "it is written down what others do");
    assert!(log().contains("unisys-dba: new password for role a'b ("), "{}", log());
    assert!(!log().contains("SCRAM-SHA-256$"), "{}", log());
    // afterwards the session is as talkative as before
    admin.batch_execute("select 'after it'").await.unwrap();
    assert!(log().contains("after it"));

    // who cannot keep the verifier out is told, and the password is not in it
    let maker = session(&target.with_user("maker".to_owned())).await;
    assert!(password::look(&maker, "root").await.unwrap().logged);
    change(&maker, "root", "hunter22-secret").await.unwrap_err();
    let activity = "select query from pg_stat_activity where usename = 'maker'";
    let seen = [log(), strings(&admin, activity).await.concat()].concat();
    assert!(seen.contains("SCRAM-SHA-256$"));
    assert!(!seen.contains("hunter22"));
}
