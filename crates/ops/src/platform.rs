//! What differs between operating systems, and nothing else: system users, permissions, orphaned servers.

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

/// Returns this machine's name, for people.
pub fn host_name() -> String {
    hostname::get().map(|name| name.to_string_lossy().into_owned()).unwrap_or_else(|_| "?".into())
}

/// A user of the operating system a server can run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemUser {
    /// The login name.
    pub name: String,
    /// The user id (0 where the system has none).
    pub uid: u32,
    /// The primary group's id (0 where the system has none).
    pub gid: u32,
}

/// How far reading and writing stand back behind others'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IoPriority {
    /// Only when nobody else reads or writes.
    Idle,
    /// Behind others of the same class.
    BestEffort,
}
