//! The checks, one file each.

mod archiver;
mod cache;
mod checkpoints;
mod connections;
mod databases;
mod foreign_keys;
mod horizon;
mod indexes;
mod invalid_indexes;
mod locks;
mod replicas;
mod sequences;
mod slots;
mod statements;
mod tables;
mod transactions;
mod vacuum;
mod wraparound;

use super::Check;

/// Every check, in the order of a report: what hurts now, what will, what is.
const ALL: [&Check; 18] = [
    &locks::CHECK,
    &transactions::CHECK,
    &connections::CHECK,
    &horizon::CHECK,
    &archiver::CHECK,
    &slots::CHECK,
    &replicas::CHECK,
    &wraparound::CHECK,
    &sequences::CHECK,
    &vacuum::CHECK,
    &invalid_indexes::CHECK,
    &foreign_keys::CHECK,
    &indexes::CHECK,
    &statements::CHECK,
    &cache::CHECK,
    &checkpoints::CHECK,
    &databases::CHECK,
    &tables::CHECK,
];

/// Returns every check.
pub fn all() -> &'static [&'static Check] {
    &ALL
}

/// Returns the check of this name.
pub fn find(id: &str) -> Option<&'static Check> {
    ALL.into_iter().find(|check| check.id == id)
}
