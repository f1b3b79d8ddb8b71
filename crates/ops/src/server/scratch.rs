//! Servers that vanish: a drill's copy, a test's playground.
//!
//! A supervisor process holds the other end of a pipe. However this process ends, the pipe closes, and the supervisor stops
//! the server and removes its directory.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Child;

use super::control::{Access, Server, Setup, running_pid, socket_dir};
use crate::OpsError;
use crate::platform::{self, SystemUser};
use crate::program::Programs;

/// What the directories of scratch servers are called, so that what a crash left can be told apart and swept.
const PREFIX: &str = "unisys-dba-scratch-";

/// How a scratch server is made.
#[derive(Clone, Debug)]
pub struct ScratchOptions {
    /// The programs of the major wanted.
    pub programs: Programs,
    /// The directory to make its own in; it will hold all the restored data.
    pub parent: PathBuf,
    /// The port.
    pub port: u16,
    /// The system user to run as; needed as root.
    pub user: Option<SystemUser>,
    /// The bootstrap superuser's name.
    pub superuser: String,
    /// Settings over the ones for throwing away.
    pub settings: Vec<(String, String)>,
}

/// A running server that is stopped and removed when this value is dropped, and when this process dies.
#[derive(Debug)]
pub struct Scratch {
    server: Server,
    directory: PathBuf,
    supervisor: Option<Child>,
    _alive: File,
}

impl Scratch {
    /// Makes and starts a scratch server: reached through a socket that only its own system user (and root) can open, syncing
    /// nothing to disk, logging no row.
    ///
    /// # Errors
    /// [`OpsError::PortBusy`] before anything is made; [`OpsError::Program`] when initdb or the server fails.
    pub fn start(options: &ScratchOptions) -> Result<Self, OpsError> {
        if !super::control::port_is_free(options.port) {
            return Err(OpsError::PortBusy { port: options.port });
        }
        if let Some(user) = &options.user {
            platform::check_passable(&options.parent, user)?;
        }
        sweep(&options.parent);
        let directory = options.parent.join(format!("{PREFIX}{}", crate::random::text(8)));
        platform::create_private_dir(&directory)?;
        let alive = hold(&directory)?;
        let data = directory.join("data");
        let supervisor = platform::supervise(&data, &directory)?;
        let server = Server {
            programs: options.programs.clone(),
            data,
            socket: socket_dir(&directory),
            port: options.port,
            user: options.user.clone(),
            superuser: options.superuser.clone(),
        };
        let scratch = Self { server, directory, supervisor, _alive: alive };
        if let Some(user) = &options.user {
            platform::give(&scratch.directory, user)?;
        }
        let mut settings = throwaway_settings();
        settings.extend(options.settings.iter().cloned());
        scratch.server.init(&Setup {
            superuser: &options.superuser,
            access: Access::Socket,
            settings,
            durable: false,
        })?;
        scratch.server.start()?;
        Ok(scratch)
    }

    /// Returns the server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Returns its directory: private, removed with the server, the place for files that must not outlive the drill.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        match &mut self.supervisor {
            Some(supervisor) => {
                drop(supervisor.stdin.take());
                // nothing to tell anyone from here: the supervisor does what can be done
                let _ = supervisor.wait();
            }
            None => {
                let _ = self.server.stop();
                let _ = std::fs::remove_dir_all(&self.directory);
            }
        }
    }
}

/// Holds a lock in the directory, by which [`sweep`] sees that its owner lives.
fn hold(directory: &Path) -> Result<File, OpsError> {
    let path = directory.join("alive");
    let file = File::create(&path).map_err(OpsError::io("create", &path))?;
    file.lock().map_err(OpsError::io("lock", &path))?;
    Ok(file)
}

/// Removes what a crash of the whole machine left in `parent`: directories whose owner lives no more. What cannot be removed
/// (another user's) is none of ours.
fn sweep(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let Some(alive) = ours.then(|| File::open(path.join("alive")).ok()).flatten() else { continue };
        if alive.try_lock().is_ok() && running_pid(&path.join("data")).is_none() {
            let _ = std::fs::remove_dir_all(&path);
        }
    }
}

/// Settings for data that exists elsewhere: nothing is synced, nothing is archived, no row reaches the log.
fn throwaway_settings() -> Vec<(String, String)> {
    [
        ("fsync", "off"),
        ("synchronous_commit", "off"),
        ("full_page_writes", "off"),
        ("wal_level", "minimal"),
        ("max_wal_senders", "0"),
        ("max_wal_size", "16GB"),
        ("checkpoint_timeout", "1h"),
        ("autovacuum", "off"),
        ("shared_buffers", "128MB"),
        // measured: what is built after the large indexes is built side by side, and sorts best within a core's cache
        ("maintenance_work_mem", "16MB"),
        ("max_parallel_maintenance_workers", "0"),
        ("max_connections", "40"),
        ("max_locks_per_transaction", "1024"),
        ("log_statement", "none"),
        ("log_min_duration_statement", "-1"),
        ("log_min_error_statement", "panic"),
        ("log_error_verbosity", "terse"),
        ("log_parameter_max_length_on_error", "0"),
        ("jit", "off"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}
