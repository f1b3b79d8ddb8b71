//! How much of a server a backup may take, and when it has to give up. Pure.

use std::time::Duration;

use unisys_db::replication::Replica;

/// What a backup may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes a second that all sessions together read.
    pub bytes_per_second: Option<u64>,
    /// How long the whole run may last.
    pub runtime: Option<Duration>,
    /// How long the snapshot may be held: as long as it is, the server's vacuum cannot remove a dead row.
    pub snapshot_age: Option<Duration>,
    /// How far a replica may fall behind.
    pub replication_lag: Option<ReplicationLag>,
    /// How long the server may be silent before a connection counts as lost.
    pub network_timeout: Duration,
    /// How long a server that cannot be reached is tried again.
    pub connect_wait: Duration,
}

/// A distance between a server and its replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicationLag {
    /// In bytes of write-ahead log.
    Bytes(u64),
    /// In time.
    Time(Duration),
}

impl Default for Limits {
    /// No limit but the network's.
    fn default() -> Self {
        Self {
            bytes_per_second: None,
            runtime: None,
            snapshot_age: None,
            replication_lag: None,
            network_timeout: Duration::from_secs(90),
            connect_wait: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// Says which limit a backup has passed that has run for `run` and holds its snapshot for `snapshot`.
    pub(super) fn passed(&self, run: Duration, snapshot: Duration) -> Option<String> {
        let over = |limit: Option<Duration>, found: Duration| limit.filter(|limit| found >= *limit);
        if let Some(limit) = over(self.runtime, run) {
            return Some(format!("the backup is not done after {}, the longest it may run", seconds(limit)));
        }
        let limit = over(self.snapshot_age, snapshot)?;
        Some(format!("the backup's snapshot is {} old, the oldest it may get", seconds(limit)))
    }

    /// Returns the replica that is too far behind, in words.
    pub(super) fn lagging(&self, replicas: &[Replica]) -> Option<String> {
        let limit = self.replication_lag?;
        replicas.iter().find_map(|replica| {
            let (behind, allowed) = match limit {
                ReplicationLag::Bytes(limit) => {
                    let bytes = replica.bytes.filter(|bytes| *bytes > limit)?;
                    (format!("{bytes} bytes"), format!("{limit}"))
                }
                ReplicationLag::Time(limit) => {
                    let time = replica.time.filter(|time| *time > limit)?;
                    (seconds(time), seconds(limit))
                }
            };
            Some(format!("the replica {} is {behind} behind, more than the {allowed} allowed", replica.name))
        })
    }

    /// Whether replicas are there of which the login may not see how far they are behind.
    pub(super) fn is_blind(&self, replicas: &[Replica]) -> bool {
        self.replication_lag.is_some()
            && replicas.iter().any(|replica| replica.bytes.is_none() && replica.time.is_none())
    }
}

fn seconds(time: Duration) -> String {
    format!("{} s", (time.as_secs_f64() * 10.0).round() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_limit_that_is_passed_is_told() {
        let limits =
            Limits { runtime: Some(60 * SECOND), snapshot_age: Some(50 * SECOND), ..Limits::default() };
        assert_eq!(limits.passed(59 * SECOND, 49 * SECOND), None);
        assert_eq!(
            limits.passed(59 * SECOND, 50 * SECOND).unwrap(),
            "the backup's snapshot is 50 s old, the oldest it may get"
        );
        assert_eq!(
            limits.passed(60 * SECOND, 50 * SECOND).unwrap(),
            "the backup is not done after 60 s, the longest it may run"
        );
        assert_eq!(Limits::default().passed(Duration::MAX, Duration::MAX), None);
    }

    #[rstest::rstest]
    #[case(Some(ReplicationLag::Bytes(100)), Some(100), None, None)]
    #[case(
        Some(ReplicationLag::Bytes(100)),
        Some(101),
        None,
        Some("the replica b is 101 bytes behind, more than the 100 allowed")
    )]
    #[case(Some(ReplicationLag::Time(SECOND)), Some(1 << 40), Some(1), None)]
    #[case(
        Some(ReplicationLag::Time(SECOND)),
        Some(0),
        Some(3),
        Some("the replica b is 3 s behind, more than the 1 s allowed")
    )]
    #[case(Some(ReplicationLag::Time(SECOND)), None, None, None)]
    #[case(None, Some(1 << 40), Some(1000), None)]
    fn a_replica_too_far_behind_is_named(
        #[case] limit: Option<ReplicationLag>,
        #[case] bytes: Option<u64>,
        #[case] time: Option<u32>,
        #[case] told: Option<&str>,
    ) {
        let near = Replica { name: "a".into(), bytes: Some(0), time: Some(Duration::ZERO) };
        let far = Replica { name: "b".into(), bytes, time: time.map(|seconds| seconds * SECOND) };
        let limits = Limits { replication_lag: limit, ..Limits::default() };
        assert_eq!(limits.lagging(&[near.clone(), far.clone()]).as_deref(), told);
        assert_eq!(limits.is_blind(&[near, far]), limit.is_some() && bytes.is_none() && time.is_none());
    }
}
