//! Keys of kinds the `age` crate does not know itself, with the real plugins; `scripts/age-plugins` fetches them, and
//! `UNISYS_TEST_AGE` says where they are. Where they cannot be had, nothing is tried.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use unisys_testkit::free_port;

use crate::world::World;

/// Where the plugins are.
#[expect(clippy::print_stdout, reason = "a test that does nothing says so")]
fn plugins() -> Option<PathBuf> {
    let found = std::env::var_os("UNISYS_TEST_AGE").map(PathBuf::from);
    if found.is_none() {
        println!("not tried: UNISYS_TEST_AGE names no directory with plugins");
    }
    found
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn output(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// Makes a key of age's own post-quantum kind, as a plugin's identity in `pq.txt`; returns the recipient.
fn post_quantum(world: &World, plugins: &Path) -> String {
    let [native, file] = ["native.txt", "pq.txt"].map(|name| world.directory.path().join(name));
    output(Command::new(plugins.join("age-keygen")).args(["-pq", "-o"]).arg(&native));
    let identity = output(Command::new(plugins.join("age-plugin-pq")).arg("-identity").arg(&native));
    fs::write(&file, identity).unwrap();
    output(Command::new(plugins.join("age-keygen")).arg("-y").arg(&native)).trim().to_owned()
}

/// Runs the program with these recipients and identities, and with `path` before the PATH's directories.
fn run(
    world: &World,
    path: Option<&Path>,
    recipients: &[&str],
    identities: &[&str],
    args: &[&str],
) -> Output {
    let directory = world.directory.path();
    let host = &world.target.hosts[0];
    let config = format!(
        "[databases.zoo]\nurl = \"host={} port={} user={} dbname=zoo\"\n[backup]\nstore = \"store\"\nrecipients = {recipients:?}\n\
         [drill]\nport = {}\nidentities = {identities:?}\ndirectory = \"scratch\"\n",
        host.address,
        host.port,
        world.target.user,
        free_port()
    );
    fs::write(directory.join("unisys-dba.toml"), config).unwrap();
    let directories = std::env::var_os("PATH").unwrap_or_default();
    let mut all: Vec<PathBuf> = std::env::split_paths(&directories).collect();
    all.splice(0..0, path.map(Path::to_owned));
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    command.current_dir(directory).env_clear().env("HOME", directory).args(args);
    command.env("PATH", std::env::join_paths(all).unwrap()).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_quantum_backup_is_made_read_and_rekeyed_and_shares_with_its_own_kind_alone() {
    let Some(plugins) = plugins() else { return };
    let world = World::new("zoo").await;
    let (pq, ordinary) = (post_quantum(&world, &plugins), world.recipient());
    let path = Some(plugins.as_path());
    let made = run(&world, path, &[&pq], &["pq.txt"], &["backup", "run"]);
    assert!(made.status.success(), "{}", told(&made));
    let read = ["backup", "check", "--read-data", "latest"];
    let checked = run(&world, path, &[&pq], &["pq.txt"], &read);
    assert!(checked.status.success(), "{}", told(&checked));
    let ordinary_key = run(&world, path, &[&pq], &["identity.txt"], &read);
    assert_eq!(ordinary_key.status.code(), Some(1), "{}", told(&ordinary_key));

    let missing = run(&world, None, &[&pq], &["pq.txt"], &read);
    assert_eq!(missing.status.code(), Some(1), "{}", told(&missing));
    assert!(told(&missing).contains("age-plugin-pq, which is not on the PATH"), "{}", told(&missing));
    assert!(told(&missing).contains("Install age-plugin-pq"), "{}", told(&missing));

    let mixed = run(&world, path, &[&pq, &ordinary], &["pq.txt"], &["backup", "run"]);
    assert_eq!(mixed.status.code(), Some(1), "{}", told(&mixed));
    assert!(told(&mixed).contains("post-quantum recipients do not share a backup"), "{}", told(&mixed));
    let doctor = run(&world, path, &[&pq], &["pq.txt"], &["doctor", "--format", "json"]);
    let found: serde_json::Value = serde_json::from_slice(&doctor.stdout).unwrap();
    let of = |check: &str| {
        found["findings"].as_array().unwrap().iter().find(|f| f["check"] == check).unwrap().clone()
    };
    assert_eq!(
        (&of("identities")["level"], &of("newest backup's keys")["level"]),
        (&"ok".into(), &"ok".into())
    );

    let rekey =
        ["backup", "rekey", "latest", "--to", &ordinary, "--yes", "-i", "pq.txt", "-i", "identity.txt"];
    let rekeyed = run(&world, path, &[&pq], &["pq.txt"], &rekey);
    assert!(rekeyed.status.success(), "{}", told(&rekeyed));
    let checked = run(&world, None, &[&ordinary], &["identity.txt"], &read);
    assert!(checked.status.success(), "without any plugin: {}", told(&checked));
    let back = ["backup", "rekey", "latest", "--to", &pq, "--yes", "-i", "pq.txt", "-i", "identity.txt"];
    let back = run(&world, path, &[&pq], &["pq.txt"], &back);
    assert!(back.status.success(), "{}", told(&back));
    assert!(run(&world, path, &[&pq], &["pq.txt"], &read).status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_with_a_plugin_s_key_proves_and_says_which_keys_opened_the_backup() {
    let Some(plugins) = plugins() else { return };
    let world = World::new("zoo").await;
    let scratch = world.directory.path().join("scratch");
    for path in [world.directory.path(), &scratch] {
        unisys_ops::platform::create_passable_dir(path).unwrap();
    }
    let pq = post_quantum(&world, &plugins);
    let (path, identities) = (Some(plugins.as_path()), ["pq.txt", "identity.txt"]);
    let made = run(&world, path, &[&pq], &identities, &["backup", "run", "--quiet"]);
    assert!(made.status.success(), "{}", told(&made));

    let drill = ["drill", "--format", "json"];
    let without = run(&world, None, &[&pq], &["pq.txt"], &drill);
    assert_eq!(without.status.code(), Some(1), "no plugin is no fault of the backup: {}", told(&without));
    assert!(told(&without).contains("Install age-plugin-pq"), "{}", told(&without));

    let drilled = run(&world, path, &[&pq], &identities, &drill);
    assert!(drilled.status.success(), "{}", told(&drilled));
    let record: serde_json::Value = serde_json::from_slice(&drilled.stdout).unwrap();
    assert_eq!(record["outcome"], "proven", "{record:#}");
    let named = |what: &str| record["keys"][what].as_array().unwrap().len();
    assert_eq!((named("proved"), named("not_proved"), named("elsewhere")), (1, 1, 0), "{:#}", record["keys"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_s_question_without_a_terminal_is_an_error_that_says_so() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new("zoo").await;
    let made = run(&world, None, &[&world.recipient()], &["identity.txt"], &["backup", "run"]);
    assert!(made.status.success(), "{}", told(&made));
    // a plugin that asks for a PIN, does not get it, and says so: https://c2sp.org/age-plugin
    let script = r#"#!/bin/sh
while read -r line; do [ "$line" = '-> done' ] && read -r line && break; done
printf -- '-> request-secret\nUElOIG9mIHlvdXIga2V5\n'
read -r answer; read -r body
printf -- '-> error identity 0\nbm8gUElO\n'
read -r answer; read -r body
printf -- '-> done\n\n'
"#;
    let directory = world.directory.path().join("bin");
    fs::create_dir(&directory).unwrap();
    let plugin = directory.join("age-plugin-nonesuch");
    fs::write(&plugin, script).unwrap();
    fs::set_permissions(&plugin, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(world.directory.path().join("asking.txt"), "AGE-PLUGIN-NONESUCH-1QYPQXKTRJ2Z\n").unwrap();
    let asked =
        run(&world, Some(&directory), &[], &["asking.txt"], &["backup", "check", "--read-data", "latest"]);
    assert_eq!(asked.status.code(), Some(1), "{}", told(&asked));
    assert!(
        told(&asked).contains("age-plugin-nonesuch asks \"PIN of your key\", and there is no terminal"),
        "{}",
        told(&asked)
    );
}
