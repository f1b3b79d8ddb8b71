//! `doctor`: one broken link at a time, and what it says of it.

use std::fs;
use std::net::TcpListener;

use unisys_ops::keys::KeyPair;

use crate::own_database::{OwnDatabase, PASSWORD, finding, tree};

const TABLES: &[&str] = &[
    "create table a (i int primary key)",
    "create role weak login",
    "grant select on a to weak",
    "grant pg_read_all_data to weak",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_set_up_passes_and_nothing_is_left_behind() {
    let own = OwnDatabase::with(&[], TABLES).await;
    own.initialised("weak");
    let before = tree(own.home.path());
    let scratch = own.path("scratch");
    fs::create_dir(&scratch).unwrap();
    open_to_all(&scratch);
    let (code, findings) = own.doctor(|text| format!("{text}[drill]\ndirectory = \"scratch\"\n"));
    let bad: Vec<_> = findings.iter().filter(|f| f["level"] == "fail" || f["level"] == "skipped").collect();
    assert!(code == 0 && bad.is_empty(), "{bad:?}");
    assert_eq!(finding(&findings, "locale")["level"], "ok");
    assert_eq!(finding(&findings, "recipients")["level"], "ok");
    fs::remove_dir(&scratch).expect("the scratch server took its files with it");
    assert_eq!(tree(own.home.path()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_the_login_lacks_is_named_with_its_grant() {
    let own = OwnDatabase::with(
        &[],
        &[
            "create role weak login",
            "create schema s",
            "create table s.hidden (i int)",
            "create table open (i int)",
            "grant select on open to weak",
            "alter table open enable row level security",
            "select lo_from_bytea(0, 'x')",
        ],
    )
    .await;
    own.initialised("weak");
    let (code, findings) = own.doctor(|text| text);
    assert_eq!(code, 4);
    let tables = finding(&findings, "tables");
    assert_eq!((&tables["level"], &tables["objects"][0]), (&"fail".into(), &"s.hidden".into()));
    assert_eq!(
        tables["repair"],
        "grant usage on schema \"s\" to \"weak\"; grant select on \"s\".\"hidden\" to \"weak\";"
    );
    let policies = finding(&findings, "row-level security");
    assert_eq!((&policies["level"], &policies["objects"][0]), (&"fail".into(), &"public.open".into()));
    assert_eq!(finding(&findings, "large objects")["level"], "fail");
    assert_eq!(finding(&findings, "password hashes")["level"], "warn");
    // what is pasted repairs it
    for check in ["tables", "row-level security", "large objects", "password hashes"] {
        own.run_sql("app", finding(&findings, check)["repair"].as_str().unwrap()).await;
    }
    let (code, findings) = own.doctor(|text| text);
    assert_eq!(code, 0, "{findings:?}");
    assert_eq!(finding(&findings, "password hashes")["level"], "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_connection_skips_what_hangs_on_it_and_nothing_else() {
    let own = OwnDatabase::with(&[], TABLES).await;
    own.initialised("weak");
    let passfile = own.path("passfile");
    let port = own.server.server().port;
    fs::write(&passfile, format!("127.0.0.1:{port}:app:pw:wrong\n")).unwrap();
    protect(&passfile);
    let with_passfile = |text: String| {
        text.replace("url = \"postgresql://weak@", "passfile = \"passfile\"\nurl = \"postgresql://pw@")
    };
    let elsewhere = |text: String| text.replace(&format!(":{port}/app"), ":1/app");
    let unknown = |text: String| text.replace("/app\"", "/nonesuch\"");
    for (change, repair) in [
        (Box::new(with_passfile) as Box<dyn FnOnce(String) -> String>, "password's line in the passfile"),
        (Box::new(elsewhere), "pg_isready"),
        (Box::new(unknown), "`psql -l` lists"),
    ] {
        let (code, findings) = own.doctor(change);
        let connection = finding(&findings, "connection");
        assert_eq!((code, &connection["level"]), (4, &"fail".into()));
        assert!(connection["repair"].as_str().unwrap().contains(repair), "{connection}");
        for check in ["tables", "pg_dump", "shared moment", "drill's server", "extensions"] {
            assert_eq!(finding(&findings, check)["level"], "skipped", "{check}");
        }
        for check in ["recipients", "identities", "store"] {
            assert_eq!(finding(&findings, check)["level"], "ok", "{check}");
        }
    }
    fs::write(&passfile, format!("127.0.0.1:{port}:app:pw:{PASSWORD}\n")).unwrap();
    let (code, findings) = own.doctor(with_passfile);
    assert_eq!((code, &finding(&findings, "connection")["level"]), (0, &"ok".into()), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_open_nothing_or_can_be_lost_are_told() {
    let own = OwnDatabase::with(&[], TABLES).await;
    own.initialised("weak");
    KeyPair::generate().write(&own.path("other.txt"), "a test").unwrap();
    let (code, wrong) = own.doctor(|text| text.replace("keys/app-drill.txt", "other.txt"));
    assert_eq!((code, &finding(&wrong, "identities")["level"]), (4, &"fail".into()), "{wrong:?}");
    let (code, missing) = own.doctor(|text| text.replace("keys/app-drill.txt", "nowhere.txt"));
    assert_eq!((code, &finding(&missing, "identities")["level"]), (4, &"fail".into()));
    let one = |text: String| {
        let lines = text.lines().filter(|line| !line.contains("# the recovery key"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let (code, one) = own.doctor(one);
    assert_eq!((code, &finding(&one, "recipients")["level"]), (0, &"warn".into()));
    let none = |text: String| text.split("recipients = [").next().unwrap().to_owned();
    let (code, none) = own.doctor(none);
    assert_eq!((code, &finding(&none, "recipients")["level"]), (4, &"fail".into()));
    assert_eq!(finding(&none, "identities")["level"], "skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_programs_and_a_busy_port_stop_the_drill_s_end() {
    let own = OwnDatabase::with(&[], TABLES).await;
    own.initialised("weak");
    let (code, findings) = own.doctor(|text| format!("{text}[programs]\ndirectory = \"/nonexistent\"\n"));
    assert_eq!(code, 4);
    for check in ["pg_dump", "drill's programs"] {
        let found = finding(&findings, check);
        assert!(found["level"] == "fail" && found["repair"].as_str().unwrap().contains("apt-get"), "{found}");
    }
    assert_eq!(finding(&findings, "drill's server")["level"], "skipped");
    let busy = TcpListener::bind(("127.0.0.1", own.drill_port)).unwrap();
    let (code, findings) = own.doctor(|text| text);
    drop(busy);
    let server = finding(&findings, "drill's server");
    assert_eq!((code, &server["level"]), (4, &"fail".into()));
    let text = server["text"].as_str().unwrap();
    assert!(text.contains(&format!("port {} is in use", own.drill_port)), "{text}");
    if cfg!(target_os = "linux") {
        assert!(text.contains(&format!("(process {})", std::process::id())), "{text}");
    }
    assert_eq!(finding(&findings, "extensions")["level"], "skipped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_written_is_told() {
    let own = OwnDatabase::with(&[], TABLES).await;
    own.initialised("weak");
    fs::write(own.path("file"), "in the way").unwrap();
    let (code, findings) = own.doctor(|text| {
        let own_store = own.path("backups");
        text.replace(&own_store.display().to_string(), &own.path("file/store").display().to_string())
    });
    let store = finding(&findings, "store");
    assert_eq!((code, &store["level"]), (4, &"fail".into()), "{store}");
    assert!(store["repair"].as_str().unwrap().starts_with("install -d -m 700"), "{store}");
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_somebody_else_is_told() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    if !unisys_ops::platform::is_root() {
        return; // only root can become somebody else
    }
    let own = OwnDatabase::with(&[], TABLES).await;
    own.initialised("weak");
    fs::create_dir(own.path("backups")).unwrap();
    fs::set_permissions(own.path("backups"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(own.home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for file in ["unisys-dba.toml", "keys", "keys/app-drill.txt"] {
        std::os::unix::fs::chown(own.path(file), Some(65534), Some(65534)).unwrap();
    }
    let mut program = own.program();
    let output = program.uid(65534).gid(65534).args(["doctor", "--format", "json"]).output().unwrap();
    let (code, findings) = crate::own_database::findings(&output);
    let store = finding(&findings, "store");
    assert_eq!((code, &store["level"]), (4, &"fail".into()), "{store}");
    assert!(store["text"].as_str().unwrap().contains("Permission denied"), "{store}");
    assert_eq!(finding(&findings, "store's privacy")["level"], "warn");
    assert_eq!(finding(&findings, "drill's server")["level"], "ok", "an ordinary user drills, too");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_extension_the_drill_lacks_is_named() {
    let own = OwnDatabase::with(
        &[],
        &["set allow_system_table_mods = on; insert into pg_extension values (99999, 'nonesuch', 10, 2200, false, '1.0', null, null)"],
    )
    .await;
    own.initialised("postgres");
    let (code, findings) = own.doctor(|text| text);
    let extensions = finding(&findings, "extensions");
    assert_eq!((code, &extensions["level"]), (4, &"fail".into()), "{extensions}");
    assert_eq!(extensions["objects"][0], "nonesuch");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_tables_than_locks_is_a_failure() {
    let settings =
        [("max_locks_per_transaction", "10"), ("max_connections", "10"), ("max_worker_processes", "0")];
    let own = OwnDatabase::with(&settings, &[]).await;
    own.initialised("postgres");
    let session = unisys_db::Session::open(&own.server.server().target("app")).await.unwrap();
    for i in 0..200 {
        session.batch_execute(&format!("create table t{i} ()")).await.unwrap();
    }
    let (code, findings) = own.doctor(|text| text);
    let locks = finding(&findings, "locks");
    assert_eq!((code, &locks["level"]), (4, &"fail".into()), "{locks}");
    assert!(locks["repair"].as_str().unwrap().starts_with("alter system set max_locks_per_transaction = "));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_password_in_a_file_others_read_is_a_failure() {
    use std::os::unix::fs::PermissionsExt;

    let own = OwnDatabase::with(&[], TABLES).await;
    own.initialised("weak");
    let with_password = |text: String| text.replace("//weak@", &format!("//pw:{PASSWORD}@"));
    let (code, private) = own.doctor(with_password);
    assert_eq!((code, &finding(&private, "configuration")["level"]), (0, &"warn".into()));
    fs::set_permissions(own.path("unisys-dba.toml"), fs::Permissions::from_mode(0o644)).unwrap();
    let (code, open) = own.doctor(with_password);
    assert_eq!((code, &finding(&open, "configuration")["level"]), (4, &"fail".into()));
}

fn protect(file: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).expect("its owner may");
    }
    let _ = file;
}

/// The scratch server runs as another user when we are root.
fn open_to_all(directory: &std::path::Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let parent = directory.parent().expect("a parent");
        for path in [parent, directory] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("its owner may");
        }
    }
    let _ = directory;
}
