//! Connecting to a real server: TLS in every mode, passwords, several hosts, lost connections, pinned settings.

use std::error::Error;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use unisys_db::connect::Environment;
use unisys_db::{DbError, Session, Target};

use crate::tls::{Server, psql};

/// Who may come in how: the names say it.
const HBA: &str = "\
    hostssl   all ssl_only   all scram-sha-256\n\
    hostnossl all plain_only all scram-sha-256\n\
    hostssl   all cert_only  all cert\n\
    host      all pass       all scram-sha-256\n\
    host      all anyone     all trust\n";

/// Starts the server with its roles; each password is `sesame`.
async fn server() -> Server {
    let server = Server::start(HBA);
    let admin = Session::open(&server.admin()).await.unwrap();
    for role in ["ssl_only", "plain_only", "cert_only", "pass", "anyone"] {
        admin.batch_execute(&format!("create role {role} login password 'sesame'")).await.unwrap();
    }
    server
}

/// The error and all its sources, as the program prints them.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

async fn failure(target: &Target) -> DbError {
    match Session::open(target).await {
        Ok(_) => panic!("{target} let us in"),
        Err(error) => error,
    }
}

/// Opens the target, and has psql open it too: `Ok(encrypted)` or the text of the error, alike for both.
async fn outcome(target: &Target) -> Result<bool, String> {
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    let ours = match Session::open(target).await {
        Ok(session) => {
            let encrypted: bool = session.query_one(sql, &[]).await.unwrap().get(0);
            assert_eq!(session.is_encrypted(), encrypted, "{target:?}");
            Ok(encrypted)
        }
        Err(error) => Err(chain(&error)),
    };
    let theirs = psql(target, sql);
    let answer = String::from_utf8_lossy(&theirs.stdout);
    let stderr = String::from_utf8_lossy(&theirs.stderr);
    assert_eq!(
        theirs.status.success().then_some(answer.trim() == "t"),
        ours.clone().ok(),
        "{target:?}\n{ours:?}\n{stderr}"
    );
    ours
}

/// Cases of [`outcome`]; an error is given by a part of its text.
async fn check(server: &Server, cases: &[(&str, Result<bool, &str>)]) {
    for (text, expected) in cases {
        let text = text.replace("DIR", &server.path("")).replace("SOCKET", &server.socket());
        let found = outcome(&server.target(&text)).await;
        match (expected, &found) {
            (Ok(encrypted), Ok(found)) => assert_eq!(encrypted, found, "{text}"),
            (Err(part), Err(error)) => assert!(error.contains(part), "{text}: {error}"),
            _ => panic!("{text}: {found:?}"),
        }
    }
}

#[tokio::test]
async fn every_sslmode_does_what_libpq_does() {
    let server = server().await;
    let untrusted = "certificate verify failed";
    check(
        &server,
        &[
            ("host=localhost user=anyone sslmode=disable", Ok(false)),
            ("host=localhost user=anyone sslmode=allow", Ok(false)),
            ("host=localhost user=anyone sslmode=prefer", Ok(true)),
            ("host=localhost user=anyone", Ok(true)),
            ("host=localhost user=anyone sslmode=require", Ok(true)),
            ("host=127.0.0.1 user=anyone sslmode=require", Ok(true)),
            ("host=localhost user=anyone sslmode=verify-ca", Err("sslmode=verify-ca needs sslrootcert")),
            ("host=localhost user=anyone sslmode=verify-full", Err("sslmode=verify-full needs sslrootcert")),
            ("host=localhost user=anyone sslmode=require sslrootcert=DIRca.crt", Ok(true)),
            ("host=127.0.0.1 user=anyone sslmode=require sslrootcert=DIRca.crt", Ok(true)),
            ("host=localhost user=anyone sslmode=verify-ca sslrootcert=DIRca.crt", Ok(true)),
            ("host=127.0.0.1 user=anyone sslmode=verify-ca sslrootcert=DIRca.crt", Ok(true)),
            ("host=localhost user=anyone sslmode=verify-full sslrootcert=DIRca.crt", Ok(true)),
            // another authority
            ("host=localhost user=anyone sslmode=require sslrootcert=DIRother.crt", Err(untrusted)),
            ("host=localhost user=anyone sslmode=verify-ca sslrootcert=DIRother.crt", Err(untrusted)),
            ("host=localhost user=anyone sslmode=verify-full sslrootcert=DIRother.crt", Err(untrusted)),
            ("host=localhost user=anyone sslmode=prefer sslrootcert=DIRother.crt", Ok(false)),
            ("host=localhost user=anyone sslrootcert=system", Err(untrusted)),
            // another name
            ("host=127.0.0.1 user=anyone sslmode=verify-full sslrootcert=DIRca.crt", Err("mismatch")),
            ("host=elsewhere.test hostaddr=127.0.0.1 user=anyone sslmode=verify-full sslrootcert=DIRca.crt", Err("mismatch")),
            ("host=elsewhere.test hostaddr=127.0.0.1 user=anyone sslmode=verify-ca sslrootcert=DIRca.crt", Ok(true)),
            ("host=localhost hostaddr=127.0.0.1 user=anyone sslmode=verify-full sslrootcert=DIRca.crt", Ok(true)),
            // what pg_hba.conf asks for
            ("host=localhost user=ssl_only password=sesame sslmode=allow", Ok(true)),
            ("host=localhost user=ssl_only password=sesame sslmode=disable", Err("no pg_hba.conf entry")),
            ("host=localhost user=plain_only password=sesame sslmode=prefer", Ok(false)),
            ("host=localhost user=plain_only password=sesame sslmode=require", Err("no pg_hba.conf entry")),
            // the client's certificate
            ("host=localhost user=cert_only sslmode=require sslcert=DIRclient.crt sslkey=DIRclient.key", Ok(true)),
            ("host=localhost user=cert_only sslmode=require", Err("valid client certificate")),
            // channel binding needs TLS
            ("host=localhost user=pass password=sesame channel_binding=require sslmode=require", Ok(true)),
            ("host=localhost user=pass password=sesame channel_binding=require sslmode=disable", Err("channel binding")),
            // a socket has no TLS, whatever is asked
            ("host=SOCKET user=anyone sslmode=require", Ok(false)),
        ],
    )
    .await;
}

#[tokio::test]
async fn every_sslmode_meets_a_server_without_tls() {
    let server = server().await;
    let admin = Session::open(&server.admin()).await.unwrap();
    admin.batch_execute("alter system set ssl = off").await.unwrap();
    admin.batch_execute("select pg_reload_conf()").await.unwrap();
    while admin.query_one("show ssl", &[]).await.unwrap().get::<_, String>(0) == "on" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let none = "server does not support TLS";
    check(
        &server,
        &[
            ("host=localhost user=anyone sslmode=disable", Ok(false)),
            ("host=localhost user=anyone sslmode=allow", Ok(false)),
            ("host=localhost user=anyone sslmode=prefer", Ok(false)),
            ("host=localhost user=anyone sslmode=require", Err(none)),
            ("host=localhost user=anyone sslmode=verify-ca sslrootcert=DIRca.crt", Err(none)),
            ("host=localhost user=anyone sslmode=verify-full sslrootcert=DIRca.crt", Err(none)),
        ],
    )
    .await;
}

#[tokio::test]
async fn tls_files_of_no_use_are_refused() {
    let server = server().await;
    let loose = server.path("loose.key");
    fs::copy(server.path("client.key"), &loose).unwrap();
    fs::set_permissions(&loose, fs::Permissions::from_mode(0o644)).unwrap();
    for (text, part) in [
        ("sslrootcert=DIRnone.crt", "could not read DIRnone.crt: No such file"),
        ("sslrootcert=DIRsan", "certificate in DIRsan"),
        ("sslcert=DIRclient.crt", "DIRclient.crt has no sslkey to go with it"),
        ("sslcert=DIRclient.crt sslkey=DIRloose.key", "private key DIRloose.key must be a plain file"),
        ("sslcert=DIRclient.crt sslkey=DIRca.key", "could not use DIRclient.crt with DIRca.key"),
    ] {
        let dir = server.path("");
        let text = format!("host=localhost user=anyone sslmode=require {text}").replace("DIR", &dir);
        let error = failure(&server.target(&text)).await;
        assert!(matches!(error, DbError::Tls { .. }), "{text}: {error:?}");
        assert!(error.to_string().contains(&part.replace("DIR", &dir)), "{text}: {error}");
    }
}

#[tokio::test]
async fn passwords_are_found_and_never_shown() {
    let server = server().await;
    let file = server.path("passfile");
    fs::write(&file, format!("localhost:{}:*:pass:sesame\n", server.port)).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(outcome(&server.target(&format!("host=localhost user=pass passfile={file}"))).await, Ok(true));
    // The name finds the entry though the address is dialled; several hosts leave the looking up to libpq.
    let named = format!("host=localhost hostaddr=127.0.0.1 user=pass passfile={file}");
    assert_eq!(outcome(&server.target(&named)).await, Ok(true));
    let several = format!("host=127.0.0.1,localhost port=1,{} user=pass passfile={file}", server.port);
    assert_eq!(outcome(&server.target(&several)).await, Ok(true));

    let nobody = failure(&server.target("host=localhost user=pass sslmode=require")).await;
    assert!(
        chain(&nobody).ends_with("the server asks for a password, and none was given or found in a passfile"),
        "{nobody:?}"
    );
    let wrong = failure(&server.target("host=localhost user=pass password=opensesame sslmode=require")).await;
    assert_eq!(
        chain(&wrong),
        format!(
            "could not connect to pass@localhost:{}/postgres: password authentication failed for user \"pass\" (SQLSTATE 28P01)",
            server.port
        )
    );
    assert_eq!(wrong.sqlstate().unwrap().code(), "28P01");
    for text in
        ["sslmode=prefer", "sslmode=verify-full", "sslmode=disable channel_binding=require", "sslcert=/none"]
    {
        let target = server.target(&format!("host=localhost user=pass password=opensesame {text}"));
        let error = failure(&target).await;
        let shown = format!("{error} {error:?} {error:#?} {} {target} {target:?}", chain(&error));
        assert!(!shown.contains("sesame"), "{shown}");
    }
}

#[tokio::test]
async fn hosts_are_tried_in_order() {
    let server = server().await;
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mute = silent.local_addr().unwrap().port();
    let hosts = |first: u16, rest: &str| {
        let text = format!("host=127.0.0.1,localhost port={first},{} dbname=postgres {rest}", server.port);
        Target::resolve(Some(&text), &Environment::default()).unwrap()
    };
    // Nobody there; then somebody who never answers.
    let session = Session::open(&hosts(1, "user=anyone")).await.unwrap();
    assert_eq!(session.target().to_string(), format!("anyone@localhost:{}/postgres", server.port));
    assert!(session.target().hosts[0].hostaddr.is_some());
    let before = Instant::now();
    Session::open(&hosts(mute, "user=anyone connect_timeout=2")).await.unwrap();
    assert!(before.elapsed() >= Duration::from_secs(2));
    // A refused login is final; an unsuitable server is not.
    let twice = hosts(server.port, "user=pass password=wrong sslmode=require");
    let DbError::Connect { source, .. } = failure(&twice).await else { panic!() };
    assert_eq!(source.attempts.len(), 1);
    let error =
        failure(&hosts(server.port, "user=anyone target_session_attrs=standby sslmode=disable")).await;
    let text = chain(&error);
    assert!(text.lines().count() >= 2, "{text}");
    assert!(text.contains("is not what target_session_attrs=standby asks for"), "{text}");
    for attrs in ["any", "primary", "read-write", "prefer-standby"] {
        Session::open(&hosts(1, &format!("user=anyone target_session_attrs={attrs}"))).await.unwrap();
    }
    let standby =
        hosts(server.port, "user=pass password=wrong sslmode=require target_session_attrs=prefer-standby");
    let DbError::Connect { source, .. } = failure(&standby).await else { panic!() };
    assert_eq!(source.attempts.len(), 1);
    // All that was tried is told.
    let nowhere =
        Target::resolve(Some("host=127.0.0.1,no.such.host.invalid port=1 user=u"), &Environment::default());
    let text = chain(&failure(&nowhere.unwrap()).await);
    assert!(text.contains("127.0.0.1:1 with TLS: Connection refused"), "{text}");
    assert!(text.contains("no.such.host.invalid:1: could not look up the host name"), "{text}");
}

#[tokio::test]
async fn errors_read_well_and_say_how_a_connection_ended() {
    let server = server().await;
    let admin = Session::open(&server.admin()).await.unwrap();
    let version: String = admin.query_one("show server_version_num", &[]).await.unwrap().get(0);
    assert_eq!(admin.server_version_num().to_string(), version);

    let raise = "do $$ begin raise 'no such thing' using detail = 'row 7', hint = 'look again', errcode = 'XX001'; end $$";
    let error = admin.batch_execute(raise).await.map_err(admin.doing("look")).unwrap_err();
    assert_eq!(
        chain(&error),
        "could not look: no such thing (SQLSTATE XX001)\nDETAIL: row 7\nHINT: look again"
    );
    assert!(!error.is_connection_lost());

    let other = Session::open(&server.admin()).await.unwrap();
    let pid: i32 = other.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    // A server that ends before it has read all (the query's end, still on its way) resets the connection, and its word is lost.
    other.batch_execute("").await.unwrap();
    admin.query("select pg_terminate_backend($1, 5000)", &[&pid]).await.unwrap();
    while !other.is_closed() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let error = other.query("select 1", &[]).await.map_err(other.doing("count")).unwrap_err();
    let text = chain(&error);
    assert!(text.contains("terminating connection due to administrator command (SQLSTATE 57P01)"), "{text}");
    assert!(error.is_connection_lost());
    assert_eq!(error.sqlstate().unwrap().code(), "57P01");
    let error = other.query("select 1", &[]).await.map_err(DbError::doing("count")).unwrap_err();
    assert_eq!(
        chain(&error),
        "could not count: the server closed the connection without a word (its log may say why)"
    );

    let handle = admin.cancel_handle();
    let tls = Session::open(&server.target("host=localhost user=anyone sslmode=require")).await.unwrap();
    for (session, handle) in [(&admin, handle), (&tls, tls.cancel_handle())] {
        let canceller = tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            handle.cancel().await
        });
        let error =
            session.batch_execute("select pg_sleep(60)").await.map_err(DbError::doing("wait")).unwrap_err();
        assert_eq!(chain(&error), "could not wait: canceling statement due to user request (SQLSTATE 57014)");
        canceller.await.unwrap().unwrap();
    }
    tls.close().await;

    server.stop();
    let error = admin.query("select 1", &[]).await.map_err(admin.doing("count")).unwrap_err();
    assert!(error.is_connection_lost(), "{error:?}");
    assert!(chain(&error).starts_with("could not count: "), "{error:?}");
    assert!(failure(&server.admin()).await.is_connection_lost());
}

#[tokio::test]
async fn pinned_sessions_print_alike_whatever_the_database_says() {
    let server = server().await;
    let admin = Session::open(&server.admin()).await.unwrap();
    let hostile = "create database \"odd = 'name'\"";
    admin.batch_execute(hostile).await.unwrap();
    for setting in [
        "DateStyle = 'German, DMY'",
        "IntervalStyle = iso_8601",
        "TimeZone = 'Asia/Kathmandu'",
        "extra_float_digits = -15",
        "bytea_output = escape",
        "xmloption = document",
        "array_nulls = off",
        "statement_timeout = '1h'",
        "lock_timeout = '1h'",
        "idle_in_transaction_session_timeout = '1h'",
        "search_path = public, pg_catalog",
        "quote_all_identifiers = on",
        "synchronize_seqscans = on",
        "standard_conforming_strings = off",
    ] {
        admin.batch_execute(&format!("alter database \"odd = 'name'\" set {setting}")).await.unwrap();
    }
    let plain = Session::open(&server.admin()).await.unwrap();
    let odd = Session::open(&server.admin().with_database("odd = 'name'")).await.unwrap();
    // An impostor before pg_catalog must not be called.
    odd.batch_execute(
        "create function public.trap(text, text) returns boolean language plpgsql as 'begin raise exception ''trapped''; end';
         create operator public.= (leftarg = text, rightarg = text, procedure = public.trap)",
    )
    .await
    .unwrap();
    let sql = "select now()::date - '2020-01-01'::date > 0, timestamptz '2020-02-03 04:05:06.7+00', interval '1 mon 2 days 3:04',
                      1::float8 / 3, '\\x00ff'::bytea, '$1,234.5'::money, '{NULL,x}'::text[], '<a/><b/>'::xml";
    let mut answers = Vec::new();
    for session in [&plain, &odd] {
        session.set_pinned().await.unwrap();
        let rows = session.simple_query(sql).await.unwrap();
        let row = rows.iter().find_map(|m| match m {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        let row = row.unwrap();
        answers.push((0..row.len()).map(|i| row.get(i).unwrap_or_default().to_owned()).collect::<Vec<_>>());
    }
    assert_eq!(answers[0], answers[1]);
    let expected = [
        "t",
        "2020-02-03 04:05:06.7+00",
        "1 mon 2 days 03:04:00",
        "0.3333333333333333",
        "\\x00ff",
        "$1,234.50",
        "{NULL,x}",
        "<a/><b/>",
    ];
    assert_eq!(answers[0], expected);
    for (name, expected) in
        [("statement_timeout", "0"), ("row_security", "off"), ("search_path", ""), ("lc_monetary", "C")]
    {
        let value: String = odd.query_one(&format!("show {name}"), &[]).await.unwrap().get(0);
        assert_eq!(value, expected, "{name}");
    }
    // Money comes back as the same whole number, the extremes included.
    let money = "select amount::text from (values ('-92233720368547758.08'::money), ('92233720368547758.07'), ('0.01')) as v(amount)
                  where amount::text::money <> amount";
    assert!(odd.query(money, &[]).await.unwrap().is_empty());
    // The same database, and a setting, reach a child by its odd name.
    let child = psql(
        &odd.target().with_setting("our.setting", "a b"),
        "select current_database(), current_setting('our.setting')",
    );
    assert_eq!(String::from_utf8_lossy(&child.stdout), "odd = 'name'|a b\n", "{child:?}");
}
