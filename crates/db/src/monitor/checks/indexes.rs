//! Indexes that cost writes and serve nothing another does not: duplicates, prefixes of others, and those never used.
//!
//! Advice is only what is safe: never both of two equal ones, nothing a constraint, a foreign key, replication or CLUSTER leans
//! on, nothing that is attached to a partitioned index; and each with the statement that brings it back.

mod judge;
mod read;

use crate::monitor::check::{Query, Since};
use crate::monitor::{Check, Needs, Threshold, Unit};

pub(super) const CHECK: Check = Check {
    id: "indexes",
    title: "Indexes that serve nothing",
    meaning: "Each index is written with each row and read by VACUUM; one that no query needs is only cost.",
    advice: "Look at the counters of replicas too before you drop an unused one: each server counts for itself.",
    needs: Needs::Nothing,
    queries: &[Query {
        since: Since::Server(140_000),
        sql: include_str!("../../../../../sql/monitor/indexes.sql"),
    }],
    thresholds: &[
        // Below this age counters say nothing about use.
        Threshold { name: "counted", unit: Unit::Seconds, warning: 30.0 * 86_400.0, critical: None },
        // Smaller ones cost too little to speak of.
        Threshold { name: "unused", unit: Unit::Bytes, warning: 1_048_576.0, critical: None },
    ],
    judge: judge::judge,
};
