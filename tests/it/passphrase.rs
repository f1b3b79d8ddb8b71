//! Backups with a passphrase: opened by stock age as RESTORE.txt says, and by the program from each place it may come from.

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;
use unisys_ops::backup::Layout;
use unisys_ops::platform;

use crate::world::{World, assert_equal, command, empty_server};

const PHRASE: &str = "correct horse 'battery' $taple";

/// Answers the questions of a program on a terminal of its own: python's pty, because age reads passphrases from a terminal
/// alone. What is typed is the first argument, line by line; the rest is the program.
const TYPIST: &str = r"
import os, pty, re, sys, time
lines = sys.argv[1].split('\n')
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = b''
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
    os.write(1, data)
    if lines and re.search(rb'(passphrase|Passphrase|password|again|secret key)[^\n]*: ?$', seen):
        time.sleep(0.2)
        os.write(terminal, lines.pop(0).encode() + b'\n')
        seen = b''
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

/// Returns a command that runs under [`TYPIST`].
pub(crate) fn typing(lines: &[&str], command: &Command) -> Command {
    let mut typist = Command::new("python3");
    typist.args(["-c", TYPIST, &lines.join("\n")]).arg(command.get_program()).args(command.get_args());
    typist.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        typist.current_dir(directory);
    }
    typist
}

fn program(world: &World, config: &str, args: &[&str]) -> Command {
    let directory = world.directory.path();
    let target = &world.target;
    let socket = &target.hosts[0];
    let head = format!(
        "[databases.zoo]\nurl = \"host={} port={} user={} dbname={}\"\n[drill]\nport = {}\nwait = \"1s\"\n",
        socket.address,
        socket.port,
        target.user,
        target.database,
        unisys_testkit::free_port()
    );
    fs::write(directory.join("unisys-dba.toml"), format!("{head}{config}")).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
    command.current_dir(directory).env("HOME", directory).args(args);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn private(world: &World, name: &str, content: &str) {
    use std::io::Write;
    let path = world.directory.path().join(name);
    platform::private_file().create_new(true).open(path).unwrap().write_all(content.as_bytes()).unwrap();
}

fn key_ids(world: &World) -> Vec<String> {
    let shown = program(world, "[backup]\nstore = \"store\"\n", &["backup", "show", "--format", "json"])
        .output()
        .unwrap();
    let document: Value =
        serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{}", told(&shown)));
    let ids = document["backup"]["recipients"].as_array().unwrap();
    ids.iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn restore_txt_is_true_of_a_passphrase() {
    let world = World::new("zoo").await;
    private(&world, "phrase", &format!("{PHRASE}\n"));
    let config = "[backup]\nstore = \"store\"\npassphrase-file = \"phrase\"\n";
    let made = program(&world, config, &["backup", "run", "--format", "json"]).output().unwrap();
    assert!(made.status.success(), "{}", told(&made));
    assert!(told(&made).contains("whoever forgets it loses the backup") && !told(&made).contains(PHRASE));
    let document: Value = serde_json::from_slice(&made.stdout).unwrap();
    let place = std::path::PathBuf::from(document["backup"]["path"].as_str().unwrap());
    let new = empty_server(false).await;
    let text = fs::read_to_string(place.join("RESTORE.txt")).unwrap();
    let scratch = world.directory.path().join("tmp");
    fs::create_dir(&scratch).unwrap();
    let run_all = text.lines().find(|line| line.starts_with("  sed ")).unwrap().trim();
    let all = run_all.replace("/tmp/", &format!("{}/", scratch.display()));
    let mut bash = command("bash", &new.server().target("postgres"));
    bash.args(["-c", &all]).current_dir(&place).env("TMPDIR", &scratch);
    let output = typing(&[PHRASE], &bash).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 1, "the script alone is left, and no key");
    let identities = unisys_ops::keys::Identities::none()
        .with_passphrase(std::sync::Arc::new(unisys_ops::keys::Passphrase::known(PHRASE.into())));
    let id = unisys_ops::backup::BackupId::parse(document["backup"]["id"].as_str().unwrap()).unwrap();
    let backup = unisys_ops::restore::OpenBackup::open(
        &world.store(),
        &id,
        identities,
        &unisys_ops::evidence::Trust::default(),
    )
    .unwrap();
    assert_equal(&backup, &world.target, &new.server().target("zoo"), &[]).await;
    for line in text.lines().filter(|line| !line.contains(" -c 'copy ") && !line.contains(" -c $'copy ")) {
        assert!(line.chars().count() <= 110, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_comes_from_a_command_a_file_or_a_person() {
    let world = World::new("zoo").await;
    let recipient = world.recipient();
    let store = format!("[backup]\nstore = \"store\"\nrecipients = [\"{recipient}\"]\n");
    // typed, twice
    let command = program(&world, &store, &["backup", "run", "--passphrase"]);
    let differing = typing(&[PHRASE, "another"], &command).output().unwrap();
    assert_eq!(differing.status.code(), Some(1), "{}", told(&differing));
    assert!(told(&differing).contains("are not the same"), "{}", told(&differing));
    let typed = typing(&[PHRASE, PHRASE], &command).output().unwrap();
    assert!(typed.status.success() && !told(&typed).contains(PHRASE), "{}", told(&typed));
    assert_eq!(key_ids(&world).len(), 2);
    let unattended = command_output(&world, &store, &["backup", "run", "--passphrase"]);
    assert_eq!(unattended.status.code(), Some(2), "{}", told(&unattended));

    // read back: typed once, by a command, from a file; never without
    let nothing = "[backup]\nstore = \"store\"\n";
    let check = ["backup", "check", "--read-data", "latest"];
    let typed = typing(&[PHRASE], &program(&world, nothing, &check)).output().unwrap();
    assert!(typed.status.success() && !told(&typed).contains(PHRASE), "{}", told(&typed));
    let wrong = typing(&["wrong"], &program(&world, nothing, &check)).output().unwrap();
    assert_eq!(wrong.status.code(), Some(1), "{}", told(&wrong));
    assert!(told(&wrong).contains("the passphrase typed does not open key.age"), "{}", told(&wrong));
    let none = command_output(&world, nothing, &check);
    assert_eq!(none.status.code(), Some(3), "{}", told(&none));
    private(&world, "phrase", PHRASE);
    for source in ["passphrase-command = [\"cat\", \"phrase\"]", "passphrase-file = \"phrase\""] {
        let checked = command_output(&world, &format!("{nothing}{source}\n"), &check);
        assert!(checked.status.success(), "{source}: {}", told(&checked));
    }
    let failing = format!("{nothing}passphrase-command = [\"false\", \"{PHRASE}\"]\n");
    let failed = command_output(&world, &failing, &check);
    assert_eq!(failed.status.code(), Some(1), "{}", told(&failed));
    assert!(told(&failed).contains("the passphrase command false failed") && !told(&failed).contains(PHRASE));
    let both = format!("{nothing}passphrase-command = [\"true\"]\npassphrase-file = \"phrase\"\n");
    assert_eq!(command_output(&world, &both, &check).status.code(), Some(3));
}

fn command_output(world: &World, config: &str, args: &[&str]) -> Output {
    program(world, config, args).output().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn backups_get_other_keys_by_a_command() {
    let world = World::new("zoo").await;
    for _ in 0..2 {
        world.back_up(Layout::Parallel).await;
    }
    let new = unisys_ops::keys::KeyPair::generate();
    new.write(&world.directory.path().join("new.txt"), "a test").unwrap();
    let old = world.recipient();
    let config = format!("[backup]\nstore = \"store\"\nrecipients = [\"{old}\"]\n");
    let identities = ["--identity", "identity.txt", "--identity", "new.txt"];
    let to = new.recipient();
    let rekey = |more: &[&str]| {
        command_output(&world, &config, &[&["backup", "rekey", "--all", "--to", to.as_str()], more].concat())
    };
    let before = fs::read_dir(world.directory.path().join("store")).unwrap().count();
    let planned = rekey(&["--dry-run", "--format", "json"]);
    let document: Value = serde_json::from_slice(&planned.stdout).unwrap();
    assert_eq!(document["plan"]["backups"].as_array().unwrap().len(), 2, "{document}");
    let refused = rekey(&identities);
    assert_eq!(refused.status.code(), Some(2), "nobody said yes: {}", told(&refused));
    assert_eq!(fs::read_dir(world.directory.path().join("store")).unwrap().count(), before);
    let done = rekey(&[&identities[..], &["--yes", "--format", "json"]].concat());
    assert!(done.status.success(), "{}", told(&done));
    let document: Value = serde_json::from_slice(&done.stdout).unwrap();
    let reports = document["rekeyed"].as_array().unwrap();
    assert!(reports.len() == 2 && reports.iter().all(|report| report["kept"].is_null()), "{document}");
    assert!(told(&done).contains("Whoever has an old key and a copy of the old files"));
    let check = |identity: &str| {
        command_output(&world, &config, &["backup", "check", "--all", "--read-data", "--identity", identity])
    };
    assert!(check("new.txt").status.success());
    assert!(!check("identity.txt").status.success());
    let again = rekey(&[&identities[..], &["--yes"]].concat());
    assert!(again.status.success() && told(&again).contains("No backup got other keys."), "{}", told(&again));
}
