//! Roles and privileges as reports, one file for each.

pub(crate) mod matrix;
pub(crate) mod passwd;
pub(crate) mod plan;
