//! The program in trouble: killed, interrupted, crowded out, out of space, spied on.

#![allow(clippy::unwrap_used, reason = "what a test needs and does not get has failed it")]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use unisys_db::Session;
use unisys_ops::server::Scratch;

const SOURCE: &str = "
create table bulk (id integer, filler text);
insert into bulk select g, (select string_agg(md5(random()::text), '') from generate_series(1, 20) where g > 0)
    from generate_series(1, 4000) g;
create table small (id serial primary key, word text);
insert into small (word) values ('a'), ('b');";

const PASSWORD: &str = "pass-word-of-the-source-4711";

/// A database, a store, a key and a configuration, in a directory of their own.
struct Site {
    server: Scratch,
    directory: TempDir,
    port: u16,
}

impl Site {
    fn new() -> Self {
        let server = unisys_testkit::own_server(unisys_testkit::free_port(), &[]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        for path in ["", "scratch", "slow"] {
            let path = directory.path().join(path);
            fs::create_dir_all(&path).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        let site = Self { server, directory, port: unisys_testkit::free_port() };
        let pair = unisys_ops::keys::KeyPair::generate();
        pair.write(&site.path("identity.txt"), "a test").unwrap();
        site.execute(SOURCE);
        let (pg, socket) = (site.server.server(), site.server.server().socket.clone().unwrap());
        let config = format!(
            "[databases.app]\nurl = \"postgresql://postgres:{PASSWORD}@/postgres?host={}&port={}\"\n\
             [backup]\nstore = \"store\"\nrecipients = [\"{}\"]\n\
             [drill]\nport = {}\ndirectory = \"scratch\"\nidentities = [\"identity.txt\"]\nwait = \"1s\"\n",
            socket.display(),
            pg.port,
            pair.recipient(),
            site.port,
        );
        fs::write(site.path("unisys-dba.toml"), config).unwrap();
        site
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn execute(&self, sql: &str) {
        let target = self.server.server().target("postgres");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { Session::open(&target).await.unwrap().batch_execute(sql).await.unwrap() });
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unisys-dba"));
        self.prepare(&mut command);
        command.args(words);
        command
    }

    fn prepare(&self, command: &mut Command) {
        command.current_dir(self.directory.path()).env_clear().env("HOME", self.directory.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        if let Some(directory) = unisys_testkit::search().directory {
            command.env("UNISYS_DBA_PROGRAMS_DIRECTORY", directory);
        }
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Starts the program with a `slow` PostgreSQL program, which never ends by itself, and waits until `sign` is there.
    fn start_slow(&self, slow: &str, words: &[&str], sign: impl Fn(&Self) -> bool) -> Child {
        let directory = self.path("slow");
        for entry in fs::read_dir(unisys_testkit::programs().bin()).unwrap().flatten() {
            let link = directory.join(entry.file_name());
            let _ = fs::remove_file(&link);
            symlink(entry.path(), &link).unwrap();
        }
        let real = unisys_testkit::programs().path(slow);
        let path = directory.join(slow);
        fs::remove_file(&path).unwrap();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && exec '{}' --version\n: > '{}'\nexec sleep 30\n",
            real.display(),
            self.path("started").display()
        );
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        // what an earlier one left would be taken for the sign of this one
        let _ = fs::remove_file(self.path("started"));
        let mut command = self.command(words);
        command.env("UNISYS_DBA_PROGRAMS_DIRECTORY", &directory);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        wait_until("the program to be under way", || sign(self));
        child
    }

    fn names(&self, directory: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(directory)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn partial(&self) -> Vec<String> {
        self.names("store").into_iter().filter(|name| name.starts_with(".partial")).collect()
    }

    fn backups(&self) -> Vec<String> {
        self.names("store").into_iter().filter(|name| name.starts_with("postgres_")).collect()
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn send(child: &Child, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), signal).unwrap();
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "{}", stderr(output));
}

#[test]
fn a_backup_that_is_killed_or_interrupted_leaves_no_backup_and_the_next_run_works() {
    let site = Site::new();
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGKILL] {
        let child = site.start_slow("pg_dump", &["backup", "run"], |site| !site.partial().is_empty());
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        assert!(site.backups().is_empty());
        if signal == Signal::SIGKILL {
            assert!(!site.partial().is_empty(), "nobody could clean up");
        } else {
            assert_exit(&output, 1);
            assert!(site.partial().is_empty(), "{signal}: {:?}", site.partial());
        }
    }
    assert_exit(&site.run(&["backup", "run"]), 0);
    assert_eq!((site.partial(), site.backups().len()), (Vec::new(), 1));
    assert_exit(&site.run(&["drill"]), 0);
}

#[test]
fn a_drill_that_is_killed_or_interrupted_leaves_no_server_no_data_and_no_proof() {
    let site = Site::new();
    assert_exit(&site.run(&["backup", "run"]), 0);
    for signal in [Signal::SIGKILL, Signal::SIGTERM, Signal::SIGINT] {
        fs::set_permissions(site.directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let child = site.start_slow("pg_restore", &["drill"], |site| site.path("started").exists());
        let scratch = site.path("scratch").join(&site.names("scratch")[0]);
        let pid = fs::read_to_string(scratch.join("data/postmaster.pid")).unwrap();
        let pid = PathBuf::from("/proc").join(pid.lines().next().unwrap()).join("cwd");
        assert!(fs::read_link(&pid).is_ok_and(|cwd| cwd.starts_with(&scratch)), "the server runs");
        send(&child, signal);
        let output = child.wait_with_output().unwrap();
        if signal != Signal::SIGKILL {
            assert_exit(&output, 1);
        }
        wait_until("the scratch server's end", || {
            site.names("scratch").is_empty() && fs::read_link(&pid).is_err()
        });
        let backup = site.path("store").join(&site.backups()[0]);
        let proofs = fs::read_dir(backup).unwrap().flatten();
        let proofs = proofs.filter(|file| file.file_name().to_string_lossy().starts_with("drill-"));
        assert_eq!(proofs.count(), 0);
    }
    assert_exit(&site.run(&["drill"]), 0);
}

#[test]
fn two_at_once_and_a_busy_port_are_told_by_name() {
    let site = Site::new();
    let first = site.start_slow("pg_dump", &["backup", "run"], |site| !site.partial().is_empty());
    let second = site.run(&["backup", "run"]);
    assert_exit(&second, 1);
    assert!(stderr(&second).contains("another run of postgres holds the lock"), "{}", stderr(&second));
    assert!(stderr(&second).contains(".lock-postgres"));
    assert!(!site.partial().is_empty(), "the second run took the first one's files");
    send(&first, Signal::SIGTERM);
    first.wait_with_output().unwrap();
    assert_exit(&site.run(&["backup", "run"]), 0);

    fs::set_permissions(site.directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let first = site.start_slow("pg_restore", &["drill"], |site| site.path("started").exists());
    let second = site.run(&["drill"]);
    assert_exit(&second, 1);
    assert!(
        stderr(&second).contains(&format!("port {} on 127.0.0.1 is in use", site.port)),
        "{}",
        stderr(&second)
    );
    assert_eq!(site.names("scratch").len(), 1, "the first drill's server");
    send(&first, Signal::SIGTERM);
    first.wait_with_output().unwrap();
    wait_until("the first drill's end", || site.names("scratch").is_empty());

    let _listener = std::net::TcpListener::bind(("127.0.0.1", site.port)).unwrap();
    let busy = site.run(&["drill"]);
    assert_exit(&busy, 1);
    assert!(
        stderr(&busy).contains(&site.port.to_string()) && stderr(&busy).contains("drill.port"),
        "{}",
        stderr(&busy)
    );
}

#[test]
fn a_store_without_room_is_named_and_left_as_it_was() {
    let site = Site::new();
    // a limit on the size of files stands for a full disk: the write fails in the same way, for anybody
    let mut command = Command::new("/bin/sh");
    site.prepare(&mut command);
    let limited = "trap '' XFSZ; ulimit -f 200; exec \"$@\"";
    command.args(["-c", limited, "sh", env!("CARGO_BIN_EXE_unisys-dba"), "backup", "run"]);
    let output = command.output().unwrap();
    assert_exit(&output, 1);
    let told = stderr(&output);
    assert!(
        told.contains("could not write data/0001.copy.zst.age to the store") && told.contains("too large"),
        "{told}"
    );
    assert_eq!((site.partial(), site.backups()), (Vec::new(), Vec::new()));
    assert_exit(&site.run(&["backup", "run"]), 0);
}

#[cfg(target_os = "linux")]
#[test]
fn a_scratch_server_without_room_says_nothing_about_the_backup() {
    if !unisys_ops::platform::is_root() {
        return; // only root can mount a small file system
    }
    let site = Site::new();
    site.execute(
        "create table large as select g, repeat(md5(g::text), 30) as filler from generate_series(1, 60000) g",
    );
    assert_exit(&site.run(&["backup", "run"]), 0);
    let small = site.path("scratch");
    let mounted =
        Command::new("mount").args(["-t", "tmpfs", "-o", "size=75m,mode=755", "tmpfs"]).arg(&small).status();
    if !mounted.is_ok_and(|status| status.success()) {
        return; // a container that may not mount
    }
    let output = site.run(&["drill"]);
    let left = site.names("scratch");
    let unmounted = Command::new("umount").arg(&small).status().unwrap();
    assert_exit(&output, 1);
    let told = stderr(&output);
    assert!(told.contains("No space left on device"), "{told}");
    assert!(left.is_empty() && unmounted.success(), "{left:?}");
    let backup = site.path("store").join(&site.backups()[0]);
    let names = fs::read_dir(backup).unwrap().flatten().map(|file| file.file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with("drill-")));
    assert_exit(&site.run(&["drill"]), 0);
}

#[test]
fn a_backup_that_cannot_be_read_is_the_answer_four() {
    let site = Site::new();
    assert_exit(&site.run(&["backup", "run"]), 0);
    unisys_ops::keys::KeyPair::generate().write(&site.path("other.txt"), "another").unwrap();
    let wrong = site.run(&["drill", "--identity", "other.txt"]);
    assert_exit(&wrong, 4);
    let facts = site.path("store").join(&site.backups()[0]).join("facts.json.zst.age");
    let mut bytes = fs::read(&facts).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&facts, bytes).unwrap();
    assert_exit(&site.run(&["drill"]), 4);
    assert!(site.names("scratch").is_empty());
}

/// Looks for the secrets in every process' arguments until told to stop; returns what showed one.
fn spy(secrets: Vec<String>, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<(Vec<String>, u64)> {
    std::thread::spawn(move || {
        let (mut seen, mut looks) = (Vec::new(), 0);
        while !stop.load(Ordering::Relaxed) {
            for entry in fs::read_dir("/proc").unwrap().flatten() {
                let arguments = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                let arguments = String::from_utf8_lossy(&arguments).into_owned();
                looks += u64::from(arguments.contains("pg_dump") || arguments.contains("pg_restore"));
                if secrets.iter().any(|secret| arguments.contains(secret)) {
                    seen.push(arguments);
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        (seen, looks)
    })
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn no_password_and_no_key_is_seen_in_arguments_output_or_files() {
    let site = Site::new();
    site.execute(&format!("alter role postgres password '{PASSWORD}'"));
    let pg = site.server.server();
    fs::write(pg.data.join("pg_hba.conf"), "local all all scram-sha-256\n").unwrap();
    site.execute_with_trust_gone();
    let key = fs::read_to_string(site.path("identity.txt")).unwrap();
    let key = key.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap().to_owned();
    let secrets = vec![PASSWORD.to_owned(), key];
    let stop = Arc::new(AtomicBool::new(false));
    let spying = spy(secrets.clone(), Arc::clone(&stop));
    let outputs =
        [site.run(&["backup", "run", "--verbose"]), site.run(&["drill", "--verbose", "--format", "json"])];
    stop.store(true, Ordering::Relaxed);
    let (seen, looks) = spying.join().unwrap();
    assert!(seen.is_empty() && looks > 0, "{looks} looks: {seen:?}");
    for output in &outputs {
        assert_exit(output, 0);
    }
    // a login that fails is told without what failed
    site.execute_as_nobody();
    let refused = site.run(&["backup", "run"]);
    assert_exit(&refused, 1);
    let mut texts: Vec<(String, Vec<u8>)> = Vec::new();
    for output in outputs.into_iter().chain([refused]) {
        texts.extend([("stdout".into(), output.stdout), ("stderr".into(), output.stderr)]);
    }
    let mut files = Vec::new();
    files_below(site.directory.path(), &mut files);
    let ours = ["identity.txt", "unisys-dba.toml"].map(|name| site.path(name));
    for file in files.into_iter().filter(|file| !ours.contains(file)) {
        texts.push((file.display().to_string(), fs::read(&file).unwrap_or_default()));
    }
    assert!(texts.len() > 10);
    for (place, text) in texts {
        let text = String::from_utf8_lossy(&text).into_owned();
        assert!(secrets.iter().all(|secret| !text.contains(secret)), "{place} shows a secret");
    }
}

impl Site {
    /// Makes the server read its new `pg_hba.conf`, and proves that the password is asked for from now on.
    fn execute_with_trust_gone(&self) {
        self.signal_server(Signal::SIGHUP);
        let mut wrong = self.command(&["backup", "run"]);
        let url = fs::read_to_string(self.path("unisys-dba.toml")).unwrap().replace(PASSWORD, "wrong");
        fs::write(self.path("wrong.toml"), url).unwrap();
        wrong.args(["--config", "wrong.toml"]);
        wait_until("the password to be needed", || {
            let output = wrong.output().unwrap();
            output.status.code() == Some(1) && stderr(&output).contains("password authentication failed")
        });
        let _ = fs::remove_dir_all(self.path("store"));
    }

    /// Makes the server refuse everybody.
    fn execute_as_nobody(&self) {
        fs::write(self.server.server().data.join("pg_hba.conf"), "local all all reject\n").unwrap();
        self.signal_server(Signal::SIGHUP);
        wait_until("everybody to be refused", || {
            self.run(&["backup", "run", "--lint-only"]).status.code() == Some(1)
        });
    }

    fn signal_server(&self, signal: Signal) {
        let pid = self.server.server().pid().unwrap();
        kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_backup_stands_back_when_told_to() {
    let site = Site::new();
    let config = fs::read_to_string(site.path("unisys-dba.toml")).unwrap();
    let polite = config.replace("[backup]\n", "[backup]\nnice = 7\nionice = \"idle\"\n");
    fs::write(site.path("unisys-dba.toml"), polite).unwrap();
    let child = site.start_slow("pg_dump", &["backup", "run"], |site| site.path("started").exists());
    let niceness = |stat: PathBuf| {
        let text = fs::read_to_string(stat).unwrap();
        // after the name, which may hold anything, the 17th field
        text.rsplit_once(") ").unwrap().1.split(' ').nth(16).unwrap().to_owned()
    };
    let process = PathBuf::from("/proc").join(child.id().to_string());
    let threads = fs::read_dir(process.join("task")).unwrap().flatten().map(|entry| entry.path());
    let mut seen: Vec<String> = threads.map(|thread| niceness(thread.join("stat"))).collect();
    let children = fs::read_to_string(process.join("task").join(child.id().to_string()).join("children"));
    let all = fs::read_dir(process.join("task")).unwrap().flatten();
    let children: Vec<String> = all
        .flat_map(|task| fs::read_to_string(task.path().join("children")))
        .chain(children)
        .flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    assert!(!children.is_empty(), "pg_dump runs");
    seen.extend(children.iter().map(|pid| niceness(PathBuf::from("/proc").join(pid).join("stat"))));
    assert!(seen.iter().all(|nice| nice == "7"), "{seen:?}");
    let idle = Command::new("ionice").arg("-p").args(&children).output().unwrap();
    assert!(String::from_utf8_lossy(&idle.stdout).lines().all(|line| line.starts_with("idle")), "{idle:?}");
    send(&child, Signal::SIGTERM);
    child.wait_with_output().unwrap();
}
