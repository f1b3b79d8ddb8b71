//! Hooks: the administrator's own programs, run beside an operation.
//!
//! A hook is a program with its arguments, without a shell. It gets an environment of its own, a document on its input and a
//! time limit; past that, it ends with everything it has started.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Child;

use crate::{OpsError, platform};

/// How long what is told to end may take before it is killed.
const GRACE: Duration = Duration::from_secs(5);

/// How long the output of an ended hook is read on: what it left running may hold the pipe for ever.
const REST: Duration = Duration::from_millis(500);

/// A line longer than this, in bytes, is cut.
const LINE: usize = 4096;

/// A program to run.
#[derive(Clone, Debug)]
pub struct Hook {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// Its whole environment.
    pub variables: BTreeMap<String, String>,
    /// Where it runs; where we do, if `None`.
    pub directory: Option<PathBuf>,
    /// What it reads on its input.
    pub input: Vec<u8>,
    /// How long it may take.
    pub limit: Duration,
}

/// Where a hook wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Its standard output.
    Output,
    /// Its standard error.
    Error,
}

/// Somebody who is told each line.
pub type Listener<'a> = &'a (dyn Fn(Stream, &str) + Sync);

/// Runs a hook to its end and passes on each line it writes.
///
/// # Errors
/// [`OpsError::Spawn`]; [`OpsError::Program`] when it failed; [`OpsError::TimedOut`] when it had to be ended.
pub async fn run(hook: &Hook, tell: Listener<'_>) -> Result<(), OpsError> {
    let [program, arguments @ ..] = hook.command.as_slice() else { return Ok(()) };
    let mut command = Command::new(program);
    command.args(arguments).env_clear().envs(&hook.variables);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(directory) = &hook.directory {
        command.current_dir(directory);
    }
    platform::lead_group(&mut command);
    let spawn = |source| OpsError::Spawn { program: program.clone(), source };
    let mut running =
        Running { child: tokio::process::Command::from(command).spawn().map_err(spawn)?, ended: false };
    let (stdin, stdout, stderr) =
        (running.child.stdin.take(), running.child.stdout.take(), running.child.stderr.take());
    let input = async {
        if let Some(mut stdin) = stdin {
            // a hook need not read its input
            let _ = stdin.write_all(&hook.input).await;
        }
    };
    let output = async {
        tokio::join!(
            pass_on(stdout, |line| tell(Stream::Output, line)),
            pass_on(stderr, |line| tell(Stream::Error, line)),
            input
        )
    };
    tokio::pin!(output);
    let deadline = tokio::time::sleep(hook.limit);
    tokio::pin!(deadline);
    let mut silent = false;
    let status = loop {
        tokio::select! {
            // one that has ended in time is no other's fault for having been looked at late
            biased;
            status = running.child.wait() => break status.map_err(spawn)?,
            _ = &mut output, if !silent => silent = true,
            () = &mut deadline => {
                running.end().await;
                return Err(OpsError::TimedOut { program: program.clone(), limit: hook.limit });
            }
        }
    };
    running.ended = true;
    if !silent {
        let _ = tokio::time::timeout(REST, output).await;
    }
    match status.success() {
        true => Ok(()),
        false => Err(OpsError::Program { program: program.clone(), status, stderr: String::new() }),
    }
}

/// A hook with all it has started. Dropped before its end, it is killed.
struct Running {
    child: Child,
    ended: bool,
}

impl Running {
    /// Asks the group to end, and kills what is left of it after a while.
    async fn end(&mut self) {
        let Some(group) = self.child.id() else { return };
        platform::end_group(group);
        let _ = tokio::time::timeout(GRACE, self.child.wait()).await;
        platform::kill_group(group);
        let _ = self.child.wait().await;
        self.ended = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let (false, Some(group)) = (self.ended, self.child.id()) {
            platform::kill_group(group);
        }
    }
}

/// Passes on a stream line by line until its end.
async fn pass_on(stream: Option<impl AsyncRead + Unpin>, tell: impl Fn(&str)) {
    let Some(mut stream) = stream else { return };
    let (mut line, mut buffer) = (Vec::new(), [0; LINE]);
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        for &byte in &buffer[..read] {
            if byte != b'\n' {
                line.push(byte);
            }
            if byte == b'\n' || line.len() >= LINE {
                tell(String::from_utf8_lossy(&line).trim_end());
                line.clear();
            }
        }
    }
    if !line.is_empty() {
        tell(String::from_utf8_lossy(&line).trim_end());
    }
}

#[cfg(all(test, unix))]
mod tests;
