//! A small shop with a policy: what the tests of applying and undoing work on.

use std::time::Duration;

use unisys_db::Target;
use unisys_db::roles::{Applied, ApplyOptions, Policy, RolesError, SavedPlan, apply, difference};

use super::live;
use crate::support::session;

/// A policy over `shop`, whose roles begin with a prefix: roles are the whole server's.
pub(crate) const POLICY: &str = r#"
version = 1
[database]
connection_limit = 50
[role.P_owner]
comment = "owns the shop"
[role.P_reader]
[role.P_writer]
login = true
connection_limit = 7
settings = { statement_timeout = "30s" }
settings_here = { search_path = "shop" }
member_of = ["P_reader"]
[schema.shop]
owner = "P_owner"
create = true
[[grant]]
to = ["P_reader", "P_writer"]
privileges = "connect"
on = "database"
[[grant]]
to = "P_reader"
privileges = "usage"
on = "schema shop"
[[grant]]
to = "P_reader"
privileges = "select"
on = "table shop.*"
[[grant]]
to = "P_writer"
privileges = ["insert", "update"]
on = "table shop.*"
"#;

/// The schema as somebody left it: owned by the login, open to everybody, with a partition, a view and a routine.
pub(crate) const SHOP: &str = "
    create schema shop;
    create table shop.items (id int primary key, name text, price int) partition by range (id);
    create table shop.items_1 partition of shop.items for values from (0) to (1000);
    insert into shop.items select i, 'item ' || i, i from generate_series(1, 100) as i;
    create view shop.cheap as select id, name from shop.items where price < 10;
    create function shop.total() returns bigint stable language sql as 'select sum(price) from shop.items';
    grant select, delete on shop.items to public;
    grant create on schema shop to public;";

/// Returns the policy with roles of this prefix, and more rules.
pub(crate) fn policy(prefix: &str, more: &str) -> Policy {
    let text = format!("{POLICY}{more}").replace("P_", &format!("{prefix}_"));
    Policy::parse(&text, "policy.toml").unwrap_or_else(|errors| panic!("{errors}"))
}

/// Waits long enough for whoever comes before.
pub(crate) fn options() -> ApplyOptions {
    ApplyOptions { wait: Duration::from_secs(120), ..ApplyOptions::default() }
}

/// Applies a policy without a look at the plan.
pub(crate) async fn reach(target: &Target, policy: &Policy) -> Result<Applied, RolesError> {
    apply(target, policy, None, &options(), &|_| {}).await
}

/// Returns the plan somebody would agree to now.
pub(crate) async fn plan(target: &Target, policy: &Policy) -> SavedPlan {
    let live = live(target).await;
    let changes = difference(policy, &live).changes;
    SavedPlan::new(policy, &live, changes)
}

/// Makes the shop in a database; returns the prefix of its roles.
pub(crate) async fn make(target: &Target) -> String {
    session(target).await.batch_execute(SHOP).await.unwrap();
    target.database.clone()
}
