//! Roles and privileges: what a policy declares, what a server has, the difference as SQL, and who may really do what.
//!
//! [`inspect()`] reads a server into [`Live`]; everything else is judged from that value alone.

mod access;
mod acl;
mod apply;
mod assertions;
mod change;
mod create_database;
mod difference;
mod error;
mod inspect;
pub mod lint;
mod live;
mod lock;
pub mod matrix;
mod name;
mod options;
pub mod password;
mod policy;
mod privilege;
mod record;
mod retire;
mod saved;
mod scram;
mod state;
mod transaction;
mod undo;
mod view_tree;

pub use access::{
    Ability, Access, Answer, Close, Explanation, Granted, Hop, Path, Rows, Take, Via, Who, WhoCan,
};
pub use acl::{Acl, AclEntry};
pub use apply::{apply, logs_in};
pub use assertions::{Asserted, Broken, assertions};
pub use change::{Change, Phase, Statement};
pub use create_database::{CreatedDatabase, create_database, create_database_sql};
pub use difference::{Difference, Impossible, Notice, difference};
pub use error::RolesError;
pub use inspect::{begin_read_only, inspect};
pub use live::{
    BOOTSTRAP, Column, Database, DefaultAcl, Kind, Live, Membership, Object, Oid, PUBLIC, Password, Relation,
    Role, Routine, RowPolicy, Server, Setting,
};
pub use name::NameError;
pub use options::{Applied, ApplyEvent, ApplyOptions};
pub use policy::{
    Assertion, ColumnName, DatabaseRule, GrantRule, MemberOf, Mode, PasswordSource, Policy, PolicyError,
    PolicyErrors, Retirement, RoleRule, SchemaRule, Scope, Selector, Target, Versions,
};
pub use privilege::{Class, Privilege, Privileges};
pub use record::{Action, RecordEntry, records};
pub use retire::{InDatabase, RetireEvent, RetirementPlan, RoleSession, plan_retirements, retire};
pub use saved::SavedPlan;
pub use state::{Changed, Reach, State, StateDigest};
pub use undo::{UndoPlan, plan_undo, undo};

use record::NewRecord;
