//! Windows. Files inherit the profile directory's access list, which is the owner's alone.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::process::{Child, Command};

use super::{IoPriority, SystemUser};
use crate::OpsError;

/// Whether this process may not start a server: PostgreSQL on Windows drops administrator rights by itself.
pub fn is_root() -> bool {
    false
}

/// Returns the user this process runs as, as the session's environment names it.
pub fn current_user(environment: &BTreeMap<String, String>) -> Option<String> {
    environment.get("USERNAME").cloned()
}

/// Returns the system user called `name`; changing users needs a password on Windows, so there is none to find.
///
/// # Errors
/// [`OpsError::NoSuchUser`].
pub fn find_user(name: &str) -> Result<SystemUser, OpsError> {
    Err(OpsError::NoSuchUser(name.to_owned()))
}

/// Leaves `command` with the user of this process.
pub fn run_as(_command: &mut Command, _user: &SystemUser) {}

/// Leaves `path` with its owner.
///
/// # Errors
/// None.
pub fn give(_path: &Path, _user: &SystemUser) -> Result<(), OpsError> {
    Ok(())
}

/// Creates a directory and its parents.
///
/// # Errors
/// [`OpsError::Io`].
pub fn create_private_dir(path: &Path) -> Result<(), OpsError> {
    std::fs::create_dir_all(path).map_err(OpsError::io("create", path))
}

/// Creates a directory and its parents; the server runs as the same user.
///
/// # Errors
/// [`OpsError::Io`].
pub fn create_passable_dir(path: &Path) -> Result<(), OpsError> {
    create_private_dir(path)
}

/// Nothing to check: the server runs as the same user.
///
/// # Errors
/// None.
pub fn check_passable(_path: &Path, _user: &SystemUser) -> Result<(), OpsError> {
    Ok(())
}

/// Returns options for creating a file.
pub fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    options
}

/// Leaves a file to the access list of its directory.
///
/// # Errors
/// None.
pub fn make_readable(_path: &Path) -> Result<(), OpsError> {
    Ok(())
}

/// Whether a process with this id exists, as `tasklist` sees it.
pub fn process_exists(pid: u32) -> bool {
    let output =
        Command::new("tasklist").args(["/nh", "/fo", "csv", "/fi", &format!("PID eq {pid}")]).output();
    output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains(&format!("\"{pid}\"")))
}

/// No process outlives this one here: an orderly end cleans up, and the next run sweeps what a crash left.
///
/// # Errors
/// None.
pub fn supervise(_data: &Path, _directory: &Path) -> Result<Option<Child>, OpsError> {
    Ok(None)
}

/// Directories cannot be synced on Windows; NTFS journals the rename.
///
/// # Errors
/// None.
pub fn sync_dir(_path: &Path) -> Result<(), OpsError> {
    Ok(())
}

/// Windows has no mode bits to check.
///
/// # Errors
/// None.
pub fn is_private(_path: &Path) -> io::Result<bool> {
    Ok(true)
}

/// Not told here: the standard library gives no volume's number.
pub fn device_of(_path: &Path) -> Option<u64> {
    None
}

/// Whether jobs are run by Windows' Task Scheduler here.
pub fn has_task_scheduler() -> bool {
    true
}

/// Nothing to prepare: `taskkill` finds what a process has started by itself.
pub fn lead_group(_command: &mut Command) {}

/// Nothing here asks a process without a window to end; [`kill_group`] follows.
pub fn end_group(_leader: u32) {}

/// Ends `leader` and all it has started, as far as `taskkill` finds it: not what outlived its own parent.
pub fn kill_group(leader: u32) {
    // what is gone already needs no end
    let _ = Command::new("taskkill").args(["/f", "/t", "/pid", &leader.to_string()]).output();
}

/// Not done here: Windows has priority classes instead, which its Task Scheduler sets.
///
/// # Errors
/// [`OpsError::Refused`].
pub fn set_nice(_nice: i32) -> Result<(), OpsError> {
    Err(OpsError::Refused("this system has no nice".into()))
}

/// Not done here, see [`set_nice`].
///
/// # Errors
/// [`OpsError::Refused`].
pub fn set_io_priority(_priority: IoPriority) -> Result<(), OpsError> {
    Err(OpsError::Refused("this system has no ionice".into()))
}
