//! Where systems differ, for the program itself.

use std::fs::Metadata;
use std::path::PathBuf;

/// Returns the directory for the program's own data: the system's for root, the person's otherwise.
///
/// `None` where the system knows no home directory.
pub(crate) fn data_directory() -> Option<PathBuf> {
    if unisys_ops::platform::is_root() {
        return Some(PathBuf::from("/var/lib/unisys-dba"));
    }
    dirs::data_local_dir().map(|dir| dir.join("unisys-dba"))
}

/// Returns the places a configuration is looked for when nobody names one, after the current directory.
pub(crate) fn config_files() -> Vec<PathBuf> {
    let person = dirs::config_dir().map(|dir| dir.join("unisys-dba").join("config.toml"));
    let system = cfg!(unix).then(|| PathBuf::from("/etc/unisys-dba/config.toml"));
    person.into_iter().chain(system).collect()
}

/// Returns whether the terminal understands colours without being asked to.
pub(crate) fn terminal_has_colours() -> bool {
    cfg!(unix) && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Returns whether a file is ours or the administrator's, so that nobody else wrote what it says.
#[cfg(unix)]
pub(crate) fn is_trusted(file: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.uid() == 0 || file.uid() == nix::unistd::geteuid().as_raw()
}

/// Returns whether a file is ours. Not asked here: a person's directories are theirs alone.
#[cfg(not(unix))]
pub(crate) fn is_trusted(_file: &Metadata) -> bool {
    true
}
