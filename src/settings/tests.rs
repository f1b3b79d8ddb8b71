//! Tests of the settings as a whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use unisys_ops::store::Place;

use super::layers::Layers;
use super::schema::{EXAMPLE, uncommented};
use super::{Layout, Settings, SettingsError, Source};

fn with_file(text: &str) -> Result<Layers, SettingsError> {
    let mut layers = Layers::defaults(Path::new("/here"));
    layers.add_file(Path::new("/etc/x/config.toml"), text)?;
    Ok(layers)
}

fn with_variables(file: &str, variables: &[(&str, &str)]) -> Result<Layers, SettingsError> {
    let mut layers = with_file(file)?;
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    layers.add_variables(&variables)?;
    Ok(layers)
}

fn read(text: &str) -> Result<Settings, SettingsError> {
    with_file(text)?.settings()
}

fn error(text: &str) -> String {
    read(text).map(|_| ()).expect_err("the configuration is wrong").to_string()
}

fn value_of(layers: &Layers, key: &str) -> String {
    let entry = layers.entries().into_iter().find(|entry| entry.key == key).expect("the key is known");
    format!("{} ({})", entry.value, entry.source)
}

#[test]
fn the_example_as_a_file_says_what_no_file_says() {
    let without = Layers::defaults(Path::new("/etc/x"));
    let with = with_file(EXAMPLE).unwrap();
    let values = |layers: &Layers| -> Vec<_> {
        layers.entries().into_iter().map(|entry| (entry.key, entry.value)).collect()
    };
    assert_eq!(values(&with), values(&without));
    assert_eq!(format!("{:?}", with.settings().unwrap()), format!("{:?}", without.settings().unwrap()));
}

#[test]
fn every_key_of_the_example_has_a_comment_and_every_table_is_complete() {
    for line in uncommented(EXAMPLE).lines().filter(|line| !line.starts_with(['#', '[']) && !line.is_empty())
    {
        let (_, comment) = line.split_once(" # ").unwrap_or_else(|| panic!("no comment: {line}"));
        assert!(comment.trim().len() > 10, "{line}");
    }
    // The types know every key of the example, or they would refuse it.
    let settings = read(&uncommented(EXAMPLE).replacen("url = \"\"", "url = \"service=x\"", 1)).unwrap();
    assert!(settings.databases.contains_key("NAME"));
}

#[test]
fn a_variable_wins_over_the_file_and_the_file_over_the_default() {
    let layers =
        with_variables("[backup]\n\njobs = 3\nranges = \"off\"", &[("UNISYS_DBA_BACKUP_JOBS", "4")]).unwrap();
    assert_eq!(value_of(&layers, "backup.jobs"), "4 (UNISYS_DBA_BACKUP_JOBS)");
    assert_eq!(value_of(&layers, "backup.ranges"), "\"off\" (/etc/x/config.toml, line 4)");
    assert_eq!(value_of(&layers, "backup.lock-attempts"), "3 (default)");
    let settings = layers.settings().unwrap();
    assert_eq!(settings.backup.jobs.get(), 4);
    assert_eq!(settings.backup.layout, Layout::Parallel);
    assert_eq!(settings.backup.lock_timeout.0, Duration::from_secs(5));
}

#[test]
fn paths_start_where_they_are_written() {
    let layers = with_variables(
        "[backup]\nstore = \"b\"\n[drill]\nidentities = [\"id.txt\", \"/etc/y/id\"]\n",
        &[("UNISYS_DBA_PROGRAMS_DIRECTORY", "bin")],
    )
    .unwrap();
    let settings = layers.settings().unwrap();
    assert_eq!(settings.backup.store, Place::Directory("/etc/x/b".into()));
    assert_eq!(settings.drill.identities, [PathBuf::from("/etc/x/id.txt"), PathBuf::from("/etc/y/id")]);
    assert_eq!(
        settings.programs.directory.as_deref(),
        Some(Path::new("/here/bin")),
        "from the current directory"
    );
    assert_eq!(
        read("").unwrap().backup.store,
        Place::Directory("/etc/x/backups".into()),
        "defaults go with the file"
    );
}

#[test]
fn stores_may_be_buckets_and_several() {
    let text = "[backup]\nstore = \"s3://nightly/a\"\ncopies = [\"d\", \"s3://far@offsite\"]";
    let settings = read(text).unwrap().backup;
    assert_eq!(settings.store.to_string(), "s3://nightly/a");
    let copies: Vec<String> = settings.copies.iter().map(ToString::to_string).collect();
    assert_eq!(copies, ["/etc/x/d", "s3://far@offsite"]);
}

#[test]
fn a_database_is_a_table_and_its_variables_find_it() {
    let file = "[databases.prod-1]\nurl = \"service=prod\"\npassfile = \"p\"";
    let variables =
        [("UNISYS_DBA_DATABASES_PROD_1_STORE", "/s"), ("UNISYS_DBA_DATABASES_TEST_URL", "service=test")];
    let settings = with_variables(file, &variables).unwrap().settings().unwrap();
    let names: Vec<&str> = settings.databases.keys().map(String::as_str).collect();
    assert_eq!(names, ["prod-1", "test"]);
    let database = &settings.databases["prod-1"];
    assert_eq!(database.store, Some(Place::Directory("/s".into())));
    assert_eq!(database.passfile.as_deref(), Some(Path::new("/etc/x/p")));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    for (text, message) in [
        ("[backup]\njob = 3", "unknown key backup.job (/etc/x/config.toml, line 2)"),
        ("[bakcup]", "unknown key bakcup (/etc/x/config.toml, line 1)"),
        ("[databases.a]\nurls = \"\"", "unknown key databases.a.urls (/etc/x/config.toml, line 2)"),
        ("[databases.a]", "databases.a.url: a database needs a url (default)"),
        (
            "[databases.\"a b\"]\nurl = \"x\"",
            "a database's name has letters, digits, \"-\" and \"_\" only (/etc/x/config.toml, line 2)",
        ),
        (
            "[backup]\njobs = \"3\"",
            "backup.jobs is text in quotes, expected a whole number (/etc/x/config.toml, line 2)",
        ),
        (
            "[backup]\nrecipients = [1]",
            "backup.recipients is a list of something else, expected a list of texts (/etc/x/config.toml, line 2)",
        ),
        ("backup = 3", "unknown key backup (/etc/x/config.toml, line 1)"),
        ("[drill]\nport = 70000", "drill.port: a port is 1 to 65535 (/etc/x/config.toml, line 2)"),
        (
            "[drill]\nwait = \"5\"",
            "drill.wait: a length of time is a number with ms, s, m, h or d, such as 30s or 1h30m (/etc/x/config.toml, line 2)",
        ),
        (
            "[backup]\nlayout = \"both\"",
            "backup.layout: unknown variant `both`, expected `parallel` or `single` (/etc/x/config.toml, line 2)",
        ),
        (
            "[backup]\nstore = \"ftp://b\"",
            "backup.store: a store is a directory or s3://bucket/prefix, not a URL of ftp (/etc/x/config.toml, line 2)",
        ),
        (
            "[backup]\ncopies = [\"s3://b\"]",
            "backup.copies: \"b\" is no name of a bucket: s3://bucket/prefix (/etc/x/config.toml, line 2)",
        ),
        (
            "[s3]\nendpoint = \"minio:9000\"",
            "s3.endpoint: an endpoint begins with https:// (or http://) (/etc/x/config.toml, line 2)",
        ),
        (
            "[databases.a]\nurl = \"x\"\nretention = [\"daily\"]",
            "databases.a.retention: a rule is last, hourly, daily, weekly, monthly or yearly with a number, within with a length, or tag with a tag, such as \"daily 14\" (/etc/x/config.toml, line 3)",
        ),
        (
            "[retention]\nkeep-daily = -2",
            "retention.keep-daily: a rule keeps 0 or more, or -1 for all (/etc/x/config.toml, line 2)",
        ),
        (
            "[retention]\nshrink-except = [\"a.b.c\"]",
            "retention.shrink-except: \"a.b.c\" is no pattern for tables: write schema.table, with * and ?, in double quotes what holds a dot (/etc/x/config.toml, line 2)",
        ),
        (
            "[server]\nversion = \"new\"",
            "server.version: a major version is a number such as \"17\" (/etc/x/config.toml, line 2)",
        ),
    ] {
        assert_eq!(error(text), message);
    }
    assert!(read("[backup]\njobs = 0").is_err());
    assert!(error("[backup]\n\njobs = =").starts_with("/etc/x/config.toml, line 3: "));
}

#[test]
fn a_wrong_variable_is_named_with_the_nearest() {
    let refused = |name: &str, value: &str| with_variables("", &[(name, value)]).map(|_| ()).unwrap_err();
    let SettingsError::UnknownVariable { nearest, .. } = refused("UNISYS_DBA_BACKUP_JOB", "3") else {
        panic!("a variable that is no key is refused")
    };
    assert_eq!(nearest.as_deref(), Some("UNISYS_DBA_BACKUP_JOBS"));
    assert_eq!(
        refused("UNISYS_DBA_BACKUP_JOBS", "many").to_string(),
        "backup.jobs is something else, expected a whole number (UNISYS_DBA_BACKUP_JOBS)"
    );
}

#[test]
fn the_nearest_known_key_keeps_the_databases_name() {
    let nearest = |text| match read(text).map(|_| ()).unwrap_err() {
        SettingsError::Unknown { nearest, .. } => nearest,
        other => panic!("{other}"),
    };
    assert_eq!(nearest("[backup]\njob = 3").as_deref(), Some("backup.jobs"));
    assert_eq!(nearest("[databases.prod]\nulr = \"x\"").as_deref(), Some("databases.prod.url"));
    assert_eq!(nearest("[zzz]\nq = 3"), None);
}

#[test]
fn no_error_or_debug_text_shows_a_password() {
    let secret = "[databases.a]\nurl = \"postgresql://u:s3cret@h/d\"";
    assert!(!format!("{:?}", read(secret).unwrap()).contains("s3cret"));
    let standby = format!("{secret}\ndump-from = \"postgresql://u:s3cret@standby/d\"");
    assert!(!format!("{:?}", read(&standby).unwrap()).contains("s3cret"));
    let shown =
        super::redacted("databases.a.dump-from", &toml::Value::from("postgresql://u:s3cret@standby/d"));
    assert_eq!(shown.as_str(), Some("postgresql://u:***@standby/d"));
    assert!(!error(&format!("{secret} x")).contains("s3cret"));
    assert!(!error(&format!("{secret}\nurl2 = \"s3cret\"")).contains("s3cret"));
    assert!(!error("[databases.a]\nurl = [\"s3cret\"]").contains("s3cret"));
}

#[test]
fn what_is_selected_is_checked_where_it_is_written() {
    let layers = read(
        "[databases.a]\nurl = \"x\"\ncontent = \"schema\"\ntables = [\"app.*\"]\n[backup]\nschemas = [\"app\"]\n",
    );
    let settings = layers.unwrap();
    let database = &settings.databases["a"];
    assert_eq!(database.content, Some(super::Content::Schema));
    assert!(database.tables[0].matches(&unisys_db::TableName::new("app", "t")));
    assert!(settings.backup.schemas[0].matches("app") && settings.backup.exclude_transient);
    for (text, part) in [
        ("[backup]\nschemas = [\"a.b\"]", "backup.schemas: \"a.b\" is no pattern for schemas"),
        ("[backup]\nexclude-tables = [\"\"]", "backup.exclude-tables: \"\" is no pattern for tables"),
        ("[backup]\npg-dump-options = [\"-Fp\"]", "backup.pg-dump-options: pg_dump may not be given -Fp"),
        ("[databases.a]\nurl = \"x\"\ncontent = \"some\"", "databases.a.content: unknown variant `some`"),
    ] {
        assert!(error(text).starts_with(part), "{}", error(text));
    }
}

#[test]
fn a_variable_has_its_name_as_source() {
    let layers = with_variables("", &[("UNISYS_DBA_BACKUP_RECIPIENTS", "age1a, age1b")]).unwrap();
    let entry = layers.entries().into_iter().find(|entry| entry.key == "backup.recipients").unwrap();
    assert_eq!(entry.source, Source::Variable { name: "UNISYS_DBA_BACKUP_RECIPIENTS".into() });
    assert_eq!(layers.settings().unwrap().backup.recipients, ["age1a", "age1b"]);
}

#[test]
fn a_database_has_migrations_of_its_own() {
    let settings =
        read("[databases.a]\nurl = \"x\"\nmigrations = \"sql\"\n[databases.b]\nurl = \"y\"").unwrap();
    assert_eq!(settings.databases["a"].migrations.as_deref(), Some(Path::new("/etc/x/sql")));
    assert_eq!(settings.databases["b"].migrations, None);
}
