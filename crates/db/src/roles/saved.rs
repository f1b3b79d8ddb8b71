//! A plan that was looked at: what it was made from, and what it would do. It is applied to nothing else.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Change, Live, Policy, Reach, State, StateDigest};

/// A plan as `roles plan --out` writes it and `roles apply` takes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SavedPlan {
    /// The form of this file: 1.
    pub schema_version: u32,
    /// The cluster (`pg_control_system`).
    pub system_identifier: i64,
    /// The database.
    pub database: String,
    /// SHA-256 of the policy's file.
    pub policy: String,
    /// What the roles and privileges were.
    pub state: StateDigest,
    /// What is to be done.
    pub changes: Vec<Change>,
}

impl SavedPlan {
    /// Returns the plan that was made from this state.
    pub fn new(policy: &Policy, live: &Live, changes: Vec<Change>) -> Self {
        Self {
            schema_version: 1,
            system_identifier: live.server.system_identifier,
            database: live.server.database.clone(),
            policy: policy.sha256.clone(),
            state: State::of(&Reach::of(policy, live), live).digest(),
            changes,
        }
    }

    /// Returns why this plan, which somebody agreed to, is not the one that would be made `now`, a line for each difference: another
    /// server, database or policy, another state, other statements.
    pub fn differs(&self, now: &Self) -> Vec<String> {
        if self.system_identifier != now.system_identifier {
            let (then, here) = (self.system_identifier, now.system_identifier);
            return vec![format!("it was made on cluster {then}, and this is cluster {here}")];
        }
        if self.database != now.database {
            return vec![format!("it was made for database {}, and this is {}", self.database, now.database)];
        }
        let mut differs = Vec::new();
        if self.policy != now.policy {
            differs.push("the policy was changed since".to_owned());
        }
        let parts = self.state.parts_that_differ(&now.state);
        differs.extend(parts.into_iter().map(|part| format!("{part}: changed since the plan was made")));
        let statements = |plan: &Self| -> BTreeSet<(Option<String>, String)> {
            plan.changes.iter().map(|change| (change.as_role.clone(), change.sql.clone())).collect()
        };
        let (then, today) = (statements(self), statements(now));
        let only = |these: &BTreeSet<(Option<String>, String)>, others: &BTreeSet<_>, what: &str| {
            these.difference(others).map(|(_, sql)| format!("{what}: {sql}")).collect::<Vec<_>>()
        };
        differs.extend(only(&then, &today, "only in the plan"));
        differs.extend(only(&today, &then, "not in the plan"));
        if differs.is_empty() && self.changes.iter().map(|c| &c.sql).ne(now.changes.iter().map(|c| &c.sql)) {
            differs.push("the statements come in another order".to_owned());
        }
        differs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roles::Phase;

    fn change(sql: &str) -> Change {
        let (sql, reason) = (sql.to_owned(), "why".to_owned());
        Change { phase: Phase::Grants, as_role: None, sql, reason, line: None, undo: vec![] }
    }

    fn plan() -> SavedPlan {
        SavedPlan {
            schema_version: 1,
            system_identifier: 7,
            database: "uni".into(),
            policy: "abc".into(),
            state: serde_json::from_str(r#"{"roles": "1", "schema app": "2"}"#).unwrap(),
            changes: vec![change("a"), change("b")],
        }
    }

    fn refusal(change: impl FnOnce(&mut SavedPlan)) -> Vec<String> {
        let mut now = plan();
        change(&mut now);
        plan().differs(&now)
    }

    #[test]
    fn a_plan_is_for_one_server_one_database_one_policy_one_state() {
        assert_eq!(plan().differs(&plan()), [""; 0]);
        assert_eq!(refusal(|p| p.system_identifier = 8), ["it was made on cluster 7, and this is cluster 8"]);
        assert_eq!(refusal(|p| p.database = "b".into()), ["it was made for database uni, and this is b"]);
        assert_eq!(refusal(|p| p.policy = "abd".into()), ["the policy was changed since"]);
        let other = serde_json::from_str(r#"{"roles": "1", "schema app": "3"}"#).unwrap();
        assert_eq!(refusal(|p| p.state = other), ["schema app: changed since the plan was made"]);
        assert_eq!(refusal(|p| p.changes[0] = change("c")), ["only in the plan: a", "not in the plan: c"]);
        assert_eq!(refusal(|p| p.changes.reverse()), ["the statements come in another order"]);
    }
}
