//! A PostgreSQL program as a child process whose output or input is a stream.

use std::process::{Command, ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use unisys_db::copy::BATCH;

use crate::OpsError;

/// How many of a program's last lines are kept for the error.
const TAIL_LINES: usize = 20;

/// A running program. Dropped before its end, it is killed.
pub(crate) struct Running {
    name: &'static str,
    child: Child,
    stderr: JoinHandle<String>,
}

impl Running {
    /// Starts a program whose output is read by the caller.
    pub(crate) fn start_reading(
        command: Command,
        name: &'static str,
    ) -> Result<(Self, ChildStdout), OpsError> {
        let mut running = Self::start(command, name, Stdio::null(), Stdio::piped())?;
        let stdout = running.child.stdout.take();
        stdout.map(|stdout| (running, stdout)).ok_or_else(|| lost_pipe(name))
    }

    /// Starts a program whose input is written by the caller.
    pub(crate) fn start_writing(
        command: Command,
        name: &'static str,
    ) -> Result<(Self, ChildStdin), OpsError> {
        let mut running = Self::start(command, name, Stdio::piped(), Stdio::null())?;
        let stdin = running.child.stdin.take();
        stdin.map(|stdin| (running, stdin)).ok_or_else(|| lost_pipe(name))
    }

    /// Starts a program whose input is written by the caller and whose output goes into a file.
    pub(crate) fn start_writing_into(
        command: Command,
        name: &'static str,
        output: std::fs::File,
    ) -> Result<(Self, ChildStdin), OpsError> {
        let mut running = Self::start(command, name, Stdio::piped(), Stdio::from(output))?;
        let stdin = running.child.stdin.take();
        stdin.map(|stdin| (running, stdin)).ok_or_else(|| lost_pipe(name))
    }

    /// Starts a program whose input is written and whose output is read by the caller.
    pub(crate) fn start_both(
        command: Command,
        name: &'static str,
    ) -> Result<(Self, ChildStdin, ChildStdout), OpsError> {
        let mut running = Self::start(command, name, Stdio::piped(), Stdio::piped())?;
        match (running.child.stdin.take(), running.child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok((running, stdin, stdout)),
            _ => Err(lost_pipe(name)),
        }
    }

    /// Runs a program to its end and returns its whole output; for small ones.
    pub(crate) async fn output(command: Command, name: &'static str) -> Result<Vec<u8>, OpsError> {
        let (running, mut stdout) = Self::start_reading(command, name)?;
        let mut output = Vec::new();
        let read = stdout.read_to_end(&mut output).await;
        running.finish().await?;
        read.map_err(|source| OpsError::Spawn { program: name.into(), source })?;
        Ok(output)
    }

    /// Runs a program that has neither input nor output.
    pub(crate) async fn run(command: Command, name: &'static str) -> Result<(), OpsError> {
        Self::start(command, name, Stdio::null(), Stdio::null())?.finish().await
    }

    fn start(command: Command, name: &'static str, stdin: Stdio, stdout: Stdio) -> Result<Self, OpsError> {
        let mut command = tokio::process::Command::from(command);
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|source| OpsError::Spawn { program: name.into(), source })?;
        let stderr = child.stderr.take().ok_or_else(|| lost_pipe(name))?;
        Ok(Self { name, child, stderr: tokio::spawn(tail_of(stderr)) })
    }

    /// Waits for the end; anything but success is an error with the program's last words.
    pub(crate) async fn finish(mut self) -> Result<(), OpsError> {
        let status = self.child.wait().await;
        let status: ExitStatus =
            status.map_err(|source| OpsError::Spawn { program: self.name.into(), source })?;
        let stderr = self.stderr.await.unwrap_or_default();
        if status.success() {
            Ok(())
        } else {
            Err(OpsError::Program { program: self.name.into(), status, stderr })
        }
    }
}

fn lost_pipe(name: &str) -> OpsError {
    OpsError::Spawn { program: name.into(), source: std::io::Error::other("its pipe was not opened") }
}

/// Reads stderr while the program runs, so that it never waits for us, and keeps the last lines.
async fn tail_of(stderr: ChildStderr) -> String {
    let mut lines = std::collections::VecDeque::new();
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line).await {
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
    Vec::from(lines).join("\n")
}

/// Fills `batch` from a child's output; returns whether more may come.
pub(crate) async fn fill(stdout: &mut ChildStdout, batch: &mut Vec<u8>) -> std::io::Result<bool> {
    batch.reserve(BATCH);
    while batch.len() < BATCH {
        if stdout.read_buf(batch).await? == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}
