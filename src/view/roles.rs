//! Roles and privileges as reports, one file for each.

pub(crate) mod apply;
pub(crate) mod explain;
pub(crate) mod matrix;
pub(crate) mod passwd;
pub(crate) mod plan;
pub(crate) mod undo;
pub(crate) mod verify;
pub(crate) mod who_can;
