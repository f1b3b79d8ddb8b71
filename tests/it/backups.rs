//! Stored backups through the program: listed, shown, checked, decrypted.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use unisys_ops::backup::Layout;

use crate::world::World;

/// Runs the program in a world, on a configuration that knows its store and its key.
fn run(world: &World, args: &[&str]) -> Output {
    let directory = world.directory.path();
    let config = format!(
        "[backup]\nstore = \"store\"\nrecipients = [\"{}\"]\n[drill]\nidentities = [\"identity.txt\"]\n",
        world.recipient()
    );
    fs::write(directory.join("unisys-dba.toml"), config).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    command.current_dir(directory).env_clear().env("HOME", directory);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).args(args).output().unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", stderr(output)))
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the findings of a check, file and problem, and its exit code.
fn findings(world: &World, args: &[&str]) -> (Vec<(String, String)>, Option<i32>) {
    let args = [&["backup", "check", "--format", "json"], args].concat();
    let output = run(world, &args);
    let document = json(&output);
    let all = document["backups"].as_array().unwrap().iter().flat_map(|b| b["findings"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (all.map(|f| (text(&f["file"]), text(&f["problem"]))).collect(), output.status.code())
}

fn damage(path: &Path, how: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let sound = fs::read(path).unwrap();
    let mut bytes = sound.clone();
    how(&mut bytes);
    fs::write(path, bytes).unwrap();
    sound
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_each_file_and_what_is_wrong_with_it() {
    let world = World::new("zoo").await;
    let report = world.back_up(Layout::Parallel).await;
    let deep = ["--read-data", "latest"];
    assert_eq!(findings(&world, &[]), (vec![], Some(0)));
    assert_eq!(findings(&world, &deep), (vec![], Some(0)));

    let part = world.stored(&report).join("data/0001.copy.zst.age");
    let middle = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    for (name, shallow_problem) in [
        ("data/0001.copy.zst.age", "its SHA-256 is "),
        ("database.dump.zst.age", "its SHA-256 is "),
        ("facts.json.zst.age", "its SHA-256 is "),
        ("globals.sql.zst.age", "its SHA-256 is "),
        ("RESTORE.txt", "its SHA-256 is "),
    ] {
        let sound = damage(&world.stored(&report).join(name), middle);
        for args in [&[][..], &deep] {
            let (found, code) = findings(&world, args);
            assert_eq!(code, Some(4), "{name} {args:?}");
            assert_eq!(found.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), [name], "{args:?} {found:?}");
            assert!(!args.is_empty() || found[0].1.starts_with(shallow_problem), "{found:?}");
        }
        fs::write(world.stored(&report).join(name), sound).unwrap();
    }

    let sound = damage(&part, |bytes| bytes.truncate(1000));
    let (found, _) = findings(&world, &[]);
    assert!(found[0].1.starts_with("it has 1000 bytes, the manifest says "), "{found:?}");
    fs::remove_file(&part).unwrap();
    for args in [&[][..], &deep] {
        assert_eq!(
            findings(&world, args).0,
            [("data/0001.copy.zst.age".to_owned(), "it is missing".to_owned())]
        );
    }
    fs::write(&part, sound).unwrap();

    fs::write(world.stored(&report).join("data/0099.copy"), "x").unwrap();
    let stranger = ("data/0099.copy".to_owned(), "it does not belong to the backup".to_owned());
    assert_eq!(findings(&world, &[]), (vec![stranger], Some(4)));
    fs::remove_file(world.stored(&report).join("data/0099.copy")).unwrap();

    let manifest = world.stored(&report).join("manifest.json");
    let sound = fs::read_to_string(&manifest).unwrap();
    fs::write(&manifest, sound.replace("\"rows\": 15000", "\"rows\": 15001")).unwrap();
    assert_eq!(findings(&world, &[]).1, Some(0), "the bytes are those of the manifest");
    let (found, code) = findings(&world, &deep);
    assert_eq!((found[0].0.as_str(), code), ("manifest.json", Some(4)), "{found:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_does_not_fit_tells_nothing_about_the_backup() {
    let world = World::new("zoo").await;
    world.back_up(Layout::Single).await;
    let other = world.directory.path().join("other.txt");
    unisys_ops::keys::KeyPair::generate().write(&other, "another").unwrap();
    let output = run(&world, &["backup", "check", "--read-data", "--identity", "other.txt"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("--identity FILE"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_are_listed_shown_and_found_by_short_names() {
    let world = World::new("zoo").await;
    let first = world.back_up(Layout::Parallel).await;
    let second = world.back_up(Layout::Single).await;
    let (first, second) = (first.manifest.id.as_str(), second.manifest.id.as_str());
    fs::create_dir(world.store().root().join(".partial-zoo_20261121T020000Z_0000")).unwrap();

    let document = json(&run(&world, &["backup", "list", "--format", "json"]));
    let ids: Vec<&str> =
        document["backups"].as_array().unwrap().iter().map(|b| b["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [second, first]);
    assert_eq!(document["backups"][0]["state"], "unproven");
    assert_eq!(document["backups"][0]["database"], "zoo");
    let csv = String::from_utf8(run(&world, &["backup", "list", "--format", "csv"]).stdout).unwrap();
    assert!(csv.lines().nth(1).unwrap().starts_with(&format!("{second},")), "{csv}");

    let shown = json(&run(&world, &["backup", "show", "--format", "json"]));
    assert_eq!(shown["backup"]["id"], second, "the latest, though both are of one minute");
    let output = run(&world, &["backup", "show", &first[..first.len() - 1]]);
    assert!(String::from_utf8_lossy(&output.stdout).contains(&format!("Backup      {first}")));
    let ambiguous = run(&world, &["backup", "show", &first[.."zoo_20261121".len()]]);
    assert_eq!(ambiguous.status.code(), Some(2), "{}", stderr(&ambiguous));
    assert!(stderr(&ambiguous).contains(first) && stderr(&ambiguous).contains(second));
    let unknown = run(&world, &["backup", "show", "zoo_20011121T020000Z_0000"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("Choose one of zoo_2"), "{}", stderr(&unknown));
    assert!(stderr(&unknown).contains("newest proven backup: none\n"), "{}", stderr(&unknown));

    // put in its place, as a copy that went wrong would be: an index does not see what is changed within a file
    let manifest = world.store().root().join(second).join("manifest.json");
    fs::remove_file(&manifest).unwrap();
    fs::write(&manifest, "{").unwrap();
    let output = run(&world, &["backup", "list"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(4));
    assert!(text.contains("damaged") && text.contains("unproven"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    assert!(stderr(&output).contains("the manifest of"), "{}", stderr(&output));
    let output = run(&world, &["backup", "check", second]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn decrypting_says_that_the_result_is_plain_text() {
    let world = World::new("zoo").await;
    world.back_up(Layout::Parallel).await;
    let none = run(&world, &["backup", "decrypt", "latest"]);
    assert_eq!(none.status.code(), Some(2), "{}", stderr(&none));
    let output = run(&world, &["backup", "decrypt", "latest", "--output", "plain.sql"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("plain.sql is plain text"), "{}", stderr(&output));
    let again = run(&world, &["backup", "decrypt", "latest", "--output", "plain.sql"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(stderr(&again).contains("exists already"), "{}", stderr(&again));
    let pieces = run(&world, &["backup", "decrypt", "latest", "--pieces", "pieces"]);
    assert_eq!(pieces.status.code(), Some(0), "{}", stderr(&pieces));
    assert!(world.directory.path().join("pieces/database.dump").exists());
}
