//! The store: can it be written, does it survive the server's disk, is there room, who else reads it?

use std::path::Path;

use super::{Finding, Level, finding};
use crate::store::Store;
use crate::{OpsError, platform};

const STORE: &str = "store";
const COPY: &str = "copy";
const SPACE: &str = "store's space";
const REMOVAL: &str = "store's removal";
const PRIVACY: &str = "store's privacy";
const PLACE: &str = "store's place";

/// What was found out about a store.
#[derive(Debug, Default)]
pub(super) struct StoreFacts {
    /// Where it is.
    pub(super) location: String,
    /// What was done to try it.
    pub(super) done: &'static str,
    /// Why it cannot be written; nothing where it can.
    pub(super) unwritable: Option<String>,
    /// What to do about that, where it is known.
    pub(super) repair: Option<String>,
    /// Why nothing can be removed, where all the rest works.
    pub(super) undeletable: Option<String>,
    /// Whether it is a bucket.
    pub(super) bucket: bool,
    /// Whether only its owner may read it; unknown where it does not exist yet.
    pub(super) private: Option<bool>,
    /// The free space, in bytes.
    pub(super) free: Option<u64>,
    /// The file system it is on.
    pub(super) device: Option<u64>,
    /// The file system of the server's data directory, where that is on this machine and can be looked at.
    pub(super) server_device: Option<u64>,
}

/// Tries the store.
pub(super) fn probe(
    store: &dyn Store,
    data_directory: Option<&Path>,
    explain: fn(&OpsError) -> Option<String>,
) -> StoreFacts {
    let trial = store.try_out();
    StoreFacts {
        location: store.location(),
        done: trial.done,
        private: trial.private,
        repair: trial.unwritable.as_ref().and_then(explain),
        unwritable: trial.unwritable.map(|error| finding::reason(&error)),
        undeletable: trial.undeletable.map(|error| finding::reason(&error)),
        bucket: trial.directory.is_none(),
        free: store.free_bytes(),
        device: trial.directory.as_deref().and_then(platform::device_of),
        server_device: data_directory.and_then(platform::device_of),
    }
}

/// Judges a store for backups that take `needed` bytes each, where that is known.
pub(super) fn judge(facts: &StoreFacts, needed: Option<u64>, user: &str) -> Vec<Finding> {
    let root = &facts.location;
    let mut findings = vec![match &facts.unwritable {
        None => Finding::ok(STORE, format!("{root}: {}", facts.done)),
        Some(reason) => {
            let repair = || format!("install -d -m 700 -o {user} '{root}'");
            Finding::fail(STORE, reason, facts.repair.clone().unwrap_or_else(repair))
        }
    }];
    if let (None, Some(reason)) = (&facts.unwritable, &facts.undeletable) {
        let text = format!("{reason}; a test object stays, and nothing can be pruned from here");
        findings.push(Finding::warn(
            REMOVAL,
            text,
            "Nothing, where the bucket keeps objects on purpose; else grant s3:DeleteObject.",
        ));
    }
    findings.push(judge_space(facts, needed));
    if facts.private == Some(false) {
        let text = format!("{root} can be read by others: manifests name tables and count rows");
        findings.push(Finding::warn(PRIVACY, text, format!("chmod 700 '{root}'")));
    } else if facts.bucket {
        findings.push(Finding::ok(
            PRIVACY,
            "who reads a bucket is set there; all but names and counts is encrypted",
        ));
        findings.push(Finding::ok(PLACE, "in a bucket"));
        return findings;
    } else {
        findings.push(Finding::ok(PRIVACY, "only its owner reads it"));
    }
    findings.push(match (facts.device, facts.server_device) {
        (Some(here), Some(there)) if here == there => Finding::warn(
            PLACE,
            "on the same file system as the server's data: one broken disk takes both",
            "Put the store on another disk or machine, and set store in the configuration.",
        ),
        (Some(_), Some(_)) => Finding::ok(PLACE, "on another file system than the server's data"),
        _ => Finding::ok(PLACE, "the server's data is not seen from here"),
    });
    findings
}

/// Judges a store backups are copied to, in one finding.
pub(super) fn judge_copy(facts: &StoreFacts, needed: Option<u64>, user: &str) -> Finding {
    let mut findings = judge(facts, needed, user);
    let worst = findings.iter().position(|finding| finding.level == Level::Fail);
    let chosen = findings.swap_remove(worst.unwrap_or(0));
    Finding { check: COPY, ..chosen }
}

fn judge_space(facts: &StoreFacts, needed: Option<u64>) -> Finding {
    if facts.bucket {
        let needed = needed.map(|needed| format!("; a backup takes about {}", size(needed)));
        return Finding::ok(SPACE, format!("a bucket tells no limit{}", needed.unwrap_or_default()));
    }
    let (Some(free), Some(needed)) = (facts.free, needed) else {
        return Finding::skipped(SPACE, if needed.is_none() { "connection" } else { STORE });
    };
    let text = format!("{} free, a backup takes about {}", size(free), size(needed));
    let repair = "Free some space, or name a larger place as store.";
    if free < needed {
        Finding::fail(SPACE, text, repair)
    } else if free / 3 < needed {
        Finding::warn(SPACE, text, repair)
    } else {
        Finding::ok(SPACE, text)
    }
}

/// Returns a size as people read it: `1.2 GB`, by thousands.
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let (mut size, mut unit) = (bytes as f64 / 1000.0, 0);
    while size >= 999.95 && unit + 1 < UNITS.len() {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(facts: &StoreFacts, needed: Option<u64>) -> Vec<Level> {
        judge(facts, needed, "dba").iter().map(|finding| finding.level).collect()
    }

    fn sound() -> StoreFacts {
        StoreFacts {
            location: "/store".into(),
            done: "written",
            private: Some(true),
            free: Some(1000),
            device: Some(1),
            server_device: Some(2),
            unwritable: None,
            repair: None,
            undeletable: None,
            bucket: false,
        }
    }

    #[test]
    fn a_copy_is_one_finding() {
        let level = |facts: &StoreFacts, needed| judge_copy(facts, needed, "dba").level;
        assert_eq!(level(&sound(), Some(100)), Level::Ok);
        assert_eq!(level(&sound(), Some(1001)), Level::Fail);
        assert_eq!(level(&StoreFacts { unwritable: Some("no".into()), ..sound() }, None), Level::Fail);
    }

    #[test]
    fn each_fault_of_a_store_is_its_own_finding() {
        use Level::{Fail, Ok, Skipped, Warn};
        assert_eq!(levels(&sound(), Some(100)), [Ok, Ok, Ok, Ok]);
        let unwritable = StoreFacts { unwritable: Some("no".into()), ..sound() };
        assert_eq!(levels(&unwritable, Some(100)), [Fail, Ok, Ok, Ok]);
        assert_eq!(levels(&sound(), Some(1001)), [Ok, Fail, Ok, Ok]);
        assert_eq!(levels(&sound(), Some(500)), [Ok, Warn, Ok, Ok]);
        assert_eq!(levels(&sound(), None), [Ok, Skipped, Ok, Ok]);
        let keeps = StoreFacts { undeletable: Some("no".into()), ..sound() };
        assert_eq!(levels(&keeps, Some(100)), [Ok, Warn, Ok, Ok, Ok]);
        let bucket = StoreFacts { bucket: true, free: None, private: None, device: None, ..sound() };
        assert_eq!(levels(&bucket, None), [Ok, Ok, Ok, Ok]);
        assert_eq!(levels(&StoreFacts { private: Some(false), ..sound() }, Some(1)), [Ok, Ok, Warn, Ok]);
        assert_eq!(levels(&StoreFacts { server_device: Some(1), ..sound() }, Some(1)), [Ok, Ok, Ok, Warn]);
    }
}
