//! Backups as plain text: RESTORE.txt followed to the letter, the script and the pieces of `backup decrypt`.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use rstest::rstest;
use unisys_db::Session;
use unisys_ops::OpsError;
use unisys_ops::backup::{Layout, decrypt_pieces, decrypt_sql};
use unisys_ops::progress::{Progress, Silent};
use unisys_testkit::search;

use crate::world::{BESIDE_A_SCRIPT, ODD, World, assert_equal, command, empty_server};

fn silent() -> Arc<dyn Progress> {
    Arc::new(Silent)
}

fn succeeded(output: &Output) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}: {text}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout)
    );
}

fn copy_directory(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").arg(from).arg(to).status().unwrap().success());
}

/// The only indented line of RESTORE.txt that is no step: how to run all steps.
fn run_all(text: &str) -> &str {
    text.lines().find(|line| line.starts_with("  sed ")).unwrap().trim()
}

#[rstest]
#[case(Layout::Parallel, "zoo")]
#[case(Layout::Single, "zoo")]
#[case(Layout::Parallel, ODD)]
#[tokio::test]
async fn restore_txt_is_true(#[case] layout: Layout, #[case] name: &str) {
    let world = World::new(name).await;
    let report = world.back_up(layout).await;
    let place = world.directory.path().join("copy of the backup");
    copy_directory(&world.stored(&report), &place);
    fs::copy(world.identity_file(), place.join("identity.txt")).unwrap();
    let new = empty_server(false).await;
    let text = fs::read_to_string(place.join("RESTORE.txt")).unwrap();
    let scratch = world.directory.path().join("tmp");
    fs::create_dir(&scratch).unwrap();
    // the one change: a test leaves nothing in /tmp
    let all = run_all(&text).replace("/tmp/", &format!("{}/", scratch.display()));
    let output = command("bash", &new.server().target("postgres"))
        .args(["-c", &all])
        .current_dir(&place)
        .env("TMPDIR", &scratch)
        .output();
    succeeded(&output.unwrap());
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 1, "the script alone is left");
    assert_equal(&world.open(&report), &world.target, &new.server().target(name), &[]).await;
}

#[tokio::test]
async fn restore_txt_stops_at_a_damaged_file() {
    let world = World::new("zoo").await;
    let report = world.back_up(Layout::Parallel).await;
    fs::copy(world.identity_file(), world.stored(&report).join("identity.txt")).unwrap();
    let damaged = world.stored(&report).join("data/0001.copy.zst.age");
    let mut bytes = fs::read(&damaged).unwrap();
    bytes.truncate(bytes.len() - 100);
    fs::write(&damaged, bytes).unwrap();
    let new = empty_server(false).await;
    let text = fs::read_to_string(world.stored(&report).join("RESTORE.txt")).unwrap();
    let all = run_all(&text).replace("/tmp/", &format!("{}/", world.directory.path().display()));
    let output = command("bash", &new.server().target("postgres"))
        .args(["-c", &all])
        .current_dir(world.stored(&report))
        .env("TMPDIR", world.directory.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("DAMAGED: data/0001.copy.zst.age"));
    assert!(Session::open(&new.server().target("zoo")).await.is_err(), "nothing was restored");
}

#[test]
fn restore_txt_is_readable() {
    // the commands that name columns are as long as these are
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let text = runtime.block_on(async {
        let world = World::new("zoo").await;
        fs::read_to_string(world.stored(&world.back_up(Layout::Parallel).await).join("RESTORE.txt")).unwrap()
    });
    for line in text.lines().filter(|line| !line.contains(" -c 'copy ") && !line.contains(" -c $'copy ")) {
        assert!(line.chars().count() <= 110, "{line}");
    }
    assert!(text.lines().all(|line| !line.contains('\t')));
}

#[rstest]
#[case(Layout::Parallel, "zoo")]
#[case(Layout::Single, ODD)]
#[tokio::test]
async fn a_decrypted_script_rebuilds_the_database(#[case] layout: Layout, #[case] name: &str) {
    let world = World::new(name).await;
    let report = world.back_up(layout).await;
    let backup = world.open(&report);
    let script = world.directory.path().join("plain.sql");
    let size = decrypt_sql(&backup, &search(), &script, &silent()).await.unwrap();
    assert_eq!(size, fs::metadata(&script).unwrap().len());
    assert!(unisys_ops::platform::is_private(&script).unwrap());
    let new = empty_server(true).await;
    let admin = Session::open(&new.server().target("postgres")).await.unwrap();
    let database = backup.facts.database.create_sql(name);
    admin.batch_execute(&database).await.unwrap();
    let target = new.server().target(name);
    let mut psql = command("psql", &target);
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d"])
        .arg(target.child_dbname_arg())
        .arg("-f")
        .arg(&script);
    succeeded(&psql.output().unwrap());
    assert_equal(&backup, &world.target, &target, BESIDE_A_SCRIPT).await;

    let again = decrypt_sql(&backup, &search(), &script, &silent()).await;
    assert!(matches!(again, Err(OpsError::Refused(_))), "{again:?}");
}

#[tokio::test]
async fn nothing_stays_of_a_script_whose_backup_is_damaged() {
    let world = World::new("zoo").await;
    let report = world.back_up(Layout::Parallel).await;
    let backup = world.open(&report);
    let folder = world.directory.path().join("out");
    fs::create_dir(&folder).unwrap();
    for name in ["data/0002.copy.zst.age", "database.dump.zst.age", "globals.sql.zst.age"] {
        let path = world.stored(&report).join(name);
        let sound = fs::read(&path).unwrap();
        // what is left decrypts well up to its end
        fs::write(&path, &sound[..sound.len() - 1]).unwrap();
        if !name.starts_with("globals") {
            assert!(
                decrypt_sql(&backup, &search(), &folder.join("a.sql"), &silent()).await.is_err(),
                "{name}"
            );
        }
        assert!(decrypt_pieces(&backup, &folder.join("pieces"), &silent()).is_err(), "{name}");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0, "{name}");
        fs::write(&path, sound).unwrap();
    }
    decrypt_pieces(&backup, &folder.join("pieces"), &silent()).unwrap();
    assert!(unisys_ops::platform::is_private(&folder.join("pieces")).unwrap());
    let rows = fs::read(folder.join("pieces/data/0001.copy")).unwrap();
    assert!(rows.ends_with(b"\n") && folder.join("pieces/globals.sql").exists());
    let again = decrypt_pieces(&backup, &folder.join("pieces"), &silent());
    assert!(matches!(again, Err(OpsError::Refused(_))), "{again:?}");
}
