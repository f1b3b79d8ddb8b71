//! The recovery time a drill lets expect: its own restore ran on a server that syncs nothing, a real one must be durable.

use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::copy::RestoredCopy;
use crate::{OpsError, random};

/// How often restored bytes are written to durable storage: once into the write-ahead log, once into their files.
const WRITES: f64 = 2.0;

/// How much is written to see how fast the disk is; less for a smaller copy.
const SAMPLE: u64 = 64 * 1024 * 1024;
const LEAST: u64 = 4 * 1024 * 1024;

/// An estimated recovery time, with what it was estimated from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rto {
    /// The estimate, in seconds: fetch and restore, ANALYZE, and what durability adds.
    pub seconds: f64,
    /// How long ANALYZE of the copy took, in seconds.
    pub analyze_seconds: f64,
    /// The size of the restored database, in bytes.
    pub copy_bytes: u64,
    /// How fast the drill's directory takes synced bytes, in bytes a second, as measured.
    pub synced_bytes_per_second: f64,
    /// How many processors the drill's machine has.
    pub cores: usize,
}

impl Rto {
    /// Returns the estimate for a drill whose restore, which fetched the backup as it went, took `restore_seconds`.
    pub(crate) fn estimate(restore_seconds: f64, measured: &Measured) -> Self {
        let durable = WRITES * measured.copy_bytes as f64 / measured.synced_bytes_per_second.max(1.0);
        Self {
            seconds: restore_seconds + measured.analyze_seconds + durable,
            analyze_seconds: measured.analyze_seconds,
            copy_bytes: measured.copy_bytes,
            synced_bytes_per_second: measured.synced_bytes_per_second,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

/// What was measured on a restored copy.
pub(crate) struct Measured {
    pub(crate) analyze_seconds: f64,
    pub(crate) copy_bytes: u64,
    pub(crate) synced_bytes_per_second: f64,
}

/// Measures a copy that was restored below `parent`.
pub(crate) async fn measure(copy: &RestoredCopy, parent: &Path) -> Result<Measured, OpsError> {
    let started = Instant::now();
    let copy_bytes = copy.analyze().await?;
    let analyze_seconds = started.elapsed().as_secs_f64();
    let parent = parent.to_owned();
    let size = copy_bytes.clamp(LEAST, SAMPLE);
    let speed = tokio::task::spawn_blocking(move || {
        synced_bytes_per_second(&parent, size).map_err(OpsError::io("measure", &parent))
    });
    let speed = speed.await.unwrap_or_else(|_| Err(OpsError::Refused("a thread was stopped".into())))?;
    Ok(Measured { analyze_seconds, copy_bytes, synced_bytes_per_second: speed })
}

/// Writes `size` bytes that no file system can make smaller, syncs them, and returns how fast that was.
fn synced_bytes_per_second(directory: &Path, size: u64) -> io::Result<f64> {
    let block = random::text(1024 * 1024);
    let mut file = tempfile::tempfile_in(directory)?;
    let started = Instant::now();
    let mut written = 0;
    while written < size {
        file.write_all(block.as_bytes())?;
        written += block.len() as u64;
    }
    file.sync_all()?;
    Ok(written as f64 / started.elapsed().as_secs_f64().max(1e-6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_adds_analyze_and_two_synced_writes() {
        let measured = Measured { analyze_seconds: 3.0, copy_bytes: 1000, synced_bytes_per_second: 100.0 };
        assert_eq!(Rto::estimate(40.0, &measured).seconds, 40.0 + 3.0 + 2.0 * 10.0);
    }

    #[test]
    fn a_directory_has_a_speed_and_keeps_nothing() {
        let directory = tempfile::tempdir().unwrap();
        assert!(synced_bytes_per_second(directory.path(), LEAST).unwrap() > 0.0);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
