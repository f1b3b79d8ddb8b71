//! The checks, one file each.

mod archiver;
mod cache;
mod connections;
mod databases;
mod invalid_indexes;
mod locks;
mod replicas;
mod sequences;
mod slots;
mod statements;
mod transactions;
mod wraparound;

use super::Check;

/// Every check, in the order of a report: what hurts now, what will, what is.
const ALL: [&Check; 12] = [
    &locks::CHECK,
    &transactions::CHECK,
    &connections::CHECK,
    &archiver::CHECK,
    &slots::CHECK,
    &replicas::CHECK,
    &wraparound::CHECK,
    &sequences::CHECK,
    &invalid_indexes::CHECK,
    &statements::CHECK,
    &cache::CHECK,
    &databases::CHECK,
];

/// Returns every check.
pub fn all() -> &'static [&'static Check] {
    &ALL
}

/// Returns the check of this name.
pub fn find(id: &str) -> Option<&'static Check> {
    ALL.into_iter().find(|check| check.id == id)
}
