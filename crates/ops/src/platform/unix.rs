//! Linux, macOS and their kin.

use std::collections::BTreeMap;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::{IoPriority, SystemUser};
use crate::OpsError;

/// Whether this process is root, under which PostgreSQL refuses to start.
pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Returns the user this process runs as, where the system knows its name.
pub fn current_user(_environment: &BTreeMap<String, String>) -> Option<String> {
    nix::unistd::User::from_uid(nix::unistd::geteuid()).ok().flatten().map(|user| user.name)
}

/// Returns the system user called `name`.
///
/// # Errors
/// [`OpsError::NoSuchUser`].
pub fn find_user(name: &str) -> Result<SystemUser, OpsError> {
    let user = nix::unistd::User::from_name(name).ok().flatten();
    let user = user.ok_or_else(|| OpsError::NoSuchUser(name.to_owned()))?;
    Ok(SystemUser { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() })
}

/// Makes `command` run as `user`; std drops root's supplementary groups with it.
pub fn run_as(command: &mut Command, user: &SystemUser) {
    command.uid(user.uid).gid(user.gid);
}

/// Gives `path` to `user`.
///
/// # Errors
/// [`OpsError::Io`].
pub fn give(path: &Path, user: &SystemUser) -> Result<(), OpsError> {
    chown(path, Some(user.uid), Some(user.gid)).map_err(OpsError::io("change the owner of", path))
}

/// Creates a directory only its owner may enter, and its parents.
///
/// # Errors
/// [`OpsError::Io`].
pub fn create_private_dir(path: &Path) -> Result<(), OpsError> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(OpsError::io("create", path))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(OpsError::io("protect", path))
}

/// Creates a directory, and its parents, that others may pass through without listing it: a server that runs as another user
/// has its own directory inside.
///
/// # Errors
/// [`OpsError::Io`].
pub fn create_passable_dir(path: &Path) -> Result<(), OpsError> {
    DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(OpsError::io("create", path))?;
    std::fs::set_permissions(path, Permissions::from_mode(0o711)).map_err(OpsError::io("open", path))
}

/// Checks that another user can pass through every directory on the way to `path`.
///
/// # Errors
/// [`OpsError::Refused`] naming the directory that stops them.
pub fn check_passable(path: &Path, user: &SystemUser) -> Result<(), OpsError> {
    use std::os::unix::fs::MetadataExt;
    for directory in path.ancestors() {
        let Ok(metadata) = std::fs::metadata(directory) else { continue };
        let bit = match () {
            () if metadata.uid() == user.uid => 0o100,
            () if metadata.gid() == user.gid => 0o010,
            () => 0o001,
        };
        if metadata.mode() & bit == 0 {
            return Err(OpsError::Refused(format!(
                "the system user {} cannot pass through {}, and the server must be in {}",
                user.name,
                directory.display(),
                path.display()
            )));
        }
    }
    Ok(())
}

/// Returns options for creating a file only its owner may read.
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    options
}

/// Lets every user read a file.
///
/// # Errors
/// [`OpsError::Io`].
pub fn make_readable(path: &Path) -> Result<(), OpsError> {
    std::fs::set_permissions(path, Permissions::from_mode(0o644))
        .map_err(OpsError::io("open to readers", path))
}

/// Whether a process with this id exists.
pub fn process_exists(pid: u32) -> bool {
    let Ok(pid) = i32::try_from(pid) else { return false };
    !matches!(nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), None), Err(nix::errno::Errno::ESRCH))
}

/// Waits until the pipe closes (its writer is gone, however it died), shuts the server down at once, removes the directory.
/// SIGQUIT is PostgreSQL's immediate shutdown; `pg_ctl` would refuse to run as root. The server is gone when its pid file is:
/// its process may stay as a zombie for seconds, where the first process of a container is slow to bury the dead.
const SUPERVISOR: &str = r#"
trap '' INT TERM HUP
cat >/dev/null
runs() { [ -e "$file" ] && kill -0 "$pid" 2>/dev/null; }
file=$1/postmaster.pid
for attempt in 1 2 3; do
  pid=$(head -n 1 "$file" 2>/dev/null) || break
  kill -QUIT "$pid" 2>/dev/null || break
  i=0; while runs && [ $i -lt 100 ]; do i=$((i+1)); sleep 0.05; done
  runs || break
done
rm -rf "$2"
"#;

/// Starts a process that outlives this one: when this one ends, however it ends, it stops the server of `data` and removes
/// `directory`. Returns `None` where the system has no such means; then only an orderly end cleans up.
///
/// # Errors
/// [`OpsError::Spawn`].
pub fn supervise(data: &Path, directory: &Path) -> Result<Option<Child>, OpsError> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SUPERVISOR, "unisys-dba-supervisor"]).arg(data).arg(directory);
    command.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.process_group(0); // a Ctrl-C at the terminal must not reach it
    command
        .spawn()
        .map(Some)
        .map_err(|source| OpsError::Spawn { program: "the supervisor (/bin/sh)".into(), source })
}

/// Syncs a directory, so that a rename in it survives a power cut.
///
/// # Errors
/// [`OpsError::Io`].
pub fn sync_dir(path: &Path) -> Result<(), OpsError> {
    std::fs::File::open(path).and_then(|dir| dir.sync_all()).map_err(OpsError::io("sync", path))
}

/// Reads whether others than the owner may use a file.
///
/// # Errors
/// The system's.
pub fn is_private(path: &Path) -> io::Result<bool> {
    Ok(std::fs::metadata(path)?.permissions().mode() & 0o077 == 0)
}

/// Returns the file system `path` is on, as a number that is equal for two paths on the same one.
pub fn device_of(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(path).ok().map(|metadata| metadata.dev())
}

/// Whether jobs are run by Windows' Task Scheduler here.
pub fn has_task_scheduler() -> bool {
    false
}

/// Makes `command` the first of a process group of its own, which [`end_group`] and [`kill_group`] reach as a whole.
pub fn lead_group(command: &mut Command) {
    command.process_group(0);
}

/// Asks every process of the group that `leader` leads to end.
pub fn end_group(leader: u32) {
    signal_group(leader, nix::sys::signal::Signal::SIGTERM);
}

/// Ends every process of the group that `leader` leads.
pub fn kill_group(leader: u32) {
    signal_group(leader, nix::sys::signal::Signal::SIGKILL);
}

fn signal_group(leader: u32, signal: nix::sys::signal::Signal) {
    if let Ok(leader) = i32::try_from(leader) {
        // a group that is gone needs no signal
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(leader), signal);
    }
}
/// Lowers the priority of this process, and of the programs it starts from now on, to `nice` (1 to 19). It cannot be taken back.
///
/// # Errors
/// [`OpsError::Refused`] where there is no `renice`, or with its words.
pub fn set_nice(nice: i32) -> Result<(), OpsError> {
    lower("renice", &[&nice.to_string(), "-p"])
}

/// Lets others read and write first: those of this process, and of the programs it starts from now on.
///
/// # Errors
/// [`OpsError::Refused`] where there is no `ionice`, or with its words.
pub fn set_io_priority(priority: IoPriority) -> Result<(), OpsError> {
    match priority {
        IoPriority::Idle => lower("ionice", &["-c", "3", "-p"]),
        IoPriority::BestEffort => lower("ionice", &["-c", "2", "-n", "7", "-p"]),
    }
}

/// Runs the system's program for all threads: Linux keeps priorities with each, and whoever is started later inherits them.
fn lower(program: &str, arguments: &[&str]) -> Result<(), OpsError> {
    let mut command = Command::new(program);
    command.args(arguments).args(threads().iter().map(ToString::to_string)).stdin(Stdio::null());
    let refused =
        |reason: String| OpsError::Refused(format!("could not lower the priority: {program}: {reason}"));
    let output = command.output().map_err(|error| refused(error.to_string()))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(refused(String::from_utf8_lossy(&output.stderr).trim().to_owned())),
    }
}

/// Returns the ids of this process' threads; where they are not listed, of the process.
fn threads() -> Vec<i32> {
    let listed = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let mut ids: Vec<i32> = listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    if ids.is_empty() {
        ids.push(nix::unistd::getpid().as_raw());
    }
    ids
}
