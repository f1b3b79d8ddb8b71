//! Roles and privileges: what a policy declares, what a server has, the difference as SQL, and who may really do what.
//!
//! [`inspect`] reads a server into [`Live`]; everything else is judged from that value alone.

mod access;
mod acl;
mod change;
mod difference;
mod inspect;
pub mod lint;
mod live;
pub mod matrix;
mod name;
pub mod password;
mod policy;
mod privilege;
mod saved;
mod scram;
mod state;
mod view_tree;

pub use access::{
    Ability, Access, Answer, Close, Explanation, Granted, Hop, Path, Rows, Take, Via, Who, WhoCan,
};
pub use acl::{Acl, AclEntry};
pub use change::{Change, Phase, Statement};
pub use difference::{Difference, Impossible, Notice, difference};
pub use inspect::{begin_read_only, inspect};
pub use live::{
    BOOTSTRAP, Column, Database, DefaultAcl, Kind, Live, Membership, Object, Oid, PUBLIC, Password, Relation,
    Role, Routine, RowPolicy, Server, Setting,
};
pub use name::NameError;
pub use policy::{
    Assertion, ColumnName, DatabaseRule, GrantRule, MemberOf, Mode, PasswordSource, Policy, PolicyError,
    PolicyErrors, Retirement, RoleRule, SchemaRule, Scope, Selector, Target, Versions,
};
pub use privilege::{Class, Privilege, Privileges};
pub use saved::SavedPlan;
pub use state::{Changed, Reach, State, StateDigest};
