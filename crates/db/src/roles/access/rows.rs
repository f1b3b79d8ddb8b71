//! Which rows a user sees or may change, as far as row-level security says.

use super::hinder::by_row;
use super::{Access, Object, Oid, Privilege, Rows};

impl Access<'_> {
    /// Returns which rows a role, as itself, can use a privilege on: what row-level security leaves of a table.
    pub fn rows(&self, role: Oid, privilege: Privilege, object: &Object) -> Rows {
        if !by_row(privilege) || !self.secures_rows(role, object) {
            return Rows::All;
        }
        let of = |permissive: bool| -> Vec<String> {
            let policies = self.policies(role, privilege, object);
            policies
                .filter(|policy| policy.permissive == permissive)
                .map(|policy| policy.name.clone())
                .collect()
        };
        let allowing = of(true);
        if allowing.is_empty() {
            return Rows::None;
        }
        let everything = |using: &Option<String>| using.as_deref() == Some("true");
        let restricting = of(false);
        let open = restricting.is_empty()
            && self.policies(role, privilege, object).any(|policy| match privilege {
                Privilege::Insert => {
                    everything(&policy.check) || policy.check.is_none() && everything(&policy.using)
                }
                _ => everything(&policy.using),
            });
        match open {
            true => Rows::AllByPolicy { allowing },
            false => Rows::Policies { allowing, restricting },
        }
    }
}
