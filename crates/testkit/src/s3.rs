//! A real S3 server for a test: `s3s-fs`, which checks signatures and keeps objects as files.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::free_port;

/// The environment variable that names the server's program; `scripts/test` installs it.
pub const VARIABLE: &str = "UNISYS_TEST_S3";

/// The key the server knows, and its secret.
pub const KEY: (&str, &str) = ("AKIATEST", "secret-of-the-test-4711");

/// The bucket there is.
pub const BUCKET: &str = "nightly";

/// A running server. Dropped, it is stopped, and its objects are removed.
pub struct S3Server {
    process: Option<Child>,
    directory: tempfile::TempDir,
    port: u16,
}

impl S3Server {
    /// Starts a server with one empty bucket.
    pub fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory for the objects");
        std::fs::create_dir(directory.path().join(BUCKET)).expect("the bucket's directory");
        let mut server = Self { process: None, directory, port: free_port() };
        server.resume();
        server
    }

    /// Starts the server again, with the objects it had.
    pub fn resume(&mut self) {
        let mut command = Command::new(program());
        command.args(["--host", "127.0.0.1", "--port", &self.port.to_string()]);
        command.args(["--access-key", KEY.0, "--secret-key", KEY.1]).arg(self.directory.path());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("s3s-fs to start"));
        let patience = Instant::now() + Duration::from_secs(20);
        while std::net::TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < patience, "s3s-fs does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the server; its objects stay.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            // it may have ended by itself
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Returns its port of the loopback address.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns its URL.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the directory whose files are the bucket's objects.
    pub fn objects(&self) -> PathBuf {
        self.directory.path().join(BUCKET)
    }

    /// Returns the names of all objects, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        walk(&self.objects(), "", &mut names);
        names.sort();
        names
    }

    /// Returns the parts of uploads that were neither ended nor given up.
    pub fn stray_parts(&self) -> Vec<String> {
        let mut names = Vec::new();
        walk(self.directory.path(), "", &mut names);
        names.retain(|name| name.contains(".upload_id-") && name.contains(".part-"));
        names
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Collects the files below a directory; the server's own begin with a dot.
fn walk(directory: &Path, prefix: &str, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        let name = format!("{prefix}{file}");
        if entry.path().is_dir() {
            walk(&entry.path(), &format!("{name}/"), names);
        } else if !file.starts_with('.') || file.contains(".part-") {
            names.push(name);
        }
    }
}

fn program() -> PathBuf {
    if let Some(path) = std::env::var_os(VARIABLE) {
        return path.into();
    }
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/s3s-fs");
    assert!(installed.exists(), "the tests need s3s-fs; scripts/test installs it and names it in {VARIABLE}");
    installed
}
