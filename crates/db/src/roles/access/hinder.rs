//! What stands in the way of a privilege that is held: the schema, what a view needs, what policies call.

use super::{Access, Column, Kind, Object, Oid, PUBLIC, Privilege, Role, RowPolicy};

/// Why a privilege does not help.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hindrance<'a> {
    /// No USAGE on the schema it is in.
    Schema(&'a str),
    /// A view needs of a role what that has not.
    Needs { role: Oid, privilege: Privilege, relation: &'a Object },
    /// A view, or a policy of row-level security, calls a routine that who asks may not execute.
    Calls(&'a Object),
    /// It is a system catalog.
    Catalog,
}

impl<'a> Access<'a> {
    /// Returns why an identity that has this privilege cannot use it.
    pub(super) fn hindrance<'o>(
        &'o self,
        identity: Oid,
        privilege: Privilege,
        object: &'o Object,
    ) -> Option<Hindrance<'o>> {
        if let Some(schema) = object.schema.as_deref().filter(|schema| !self.may_name(identity, schema)) {
            return Some(Hindrance::Schema(schema));
        }
        if self.refused(identity, object).contains(privilege) {
            return Some(Hindrance::Catalog);
        }
        // a large object is opened for reading, too, when it is opened for writing (`inv_open`)
        let opens = object.kind == Kind::LargeObject && privilege == Privilege::Update;
        if opens && !self.held(identity, object).contains(Privilege::Select) {
            return Some(Hindrance::Needs { role: identity, privilege: Privilege::Select, relation: object });
        }
        object.relation.as_ref()?;
        self.below(identity, identity, privilege, object, &mut Vec::new())
    }

    /// Whether an identity may name what is in a schema. One that is not known (of temporary tables) is nobody's hindrance.
    pub(super) fn may_name(&self, identity: Oid, schema: &str) -> bool {
        self.schemas.get(schema).is_none_or(|schema| self.held(identity, schema).contains(Privilege::Usage))
    }

    /// What `user`, in whose name a relation is used, needs beside the privilege on it, when `current` asks.
    fn below<'o>(
        &'o self,
        current: Oid,
        user: Oid,
        privilege: Privilege,
        object: &'o Object,
        seen: &mut Vec<Oid>,
    ) -> Option<Hindrance<'o>> {
        let relation = object.relation.as_ref()?;
        for policy in self.policies(user, privilege, object) {
            if let Some(hindrance) = self.calls(current, &policy.calls) {
                return Some(hindrance);
            }
            if let Some(hindrance) = self.reads(current, user, &policy.reads, seen) {
                return Some(hindrance);
            }
        }
        if object.kind != Kind::View || seen.contains(&object.oid) {
            return None;
        }
        seen.push(object.oid);
        let user = if relation.security_invoker { current } else { object.owner };
        // the conditions of a view are asked of what is changed, too; of what is added they are not
        if privilege != Privilege::Insert
            && let Some(hindrance) = self.calls(current, &relation.calls)
        {
            return Some(hindrance);
        }
        if privilege == Privilege::Select {
            return self.reads(current, user, &relation.reads, seen);
        }
        let base = self.base(object).filter(|_| relation.passes_on.contains(privilege))?;
        let read = |column: &&Column| relation.reads.contains(&(base.oid, column.number));
        let mut columns = base.columns.iter().filter(read).peekable();
        let each =
            columns.peek().is_some() && columns.all(|column| self.holds(user, privilege, base, Some(column)));
        if !self.held(user, base).contains(privilege) && !each {
            return Some(Hindrance::Needs { role: user, privilege, relation: base });
        }
        self.below(current, user, privilege, base, seen)
    }

    /// The one relation a view reads, which is then what its changes go to.
    pub(super) fn base(&self, view: &Object) -> Option<&'a Object> {
        let reads = &view.relation.as_ref()?.reads;
        let (first, _) = reads.first()?;
        let one = reads.iter().all(|(oid, _)| oid == first);
        one.then(|| self.relations.get(first).copied()).flatten()
    }

    fn reads<'o>(
        &'o self,
        current: Oid,
        user: Oid,
        reads: &[(Oid, i16)],
        seen: &mut Vec<Oid>,
    ) -> Option<Hindrance<'o>> {
        let mut last = None;
        for (oid, number) in reads {
            let Some(relation) = self.relations.get(oid).copied() else { continue };
            if !self.reads_column(user, relation, *number) {
                return Some(Hindrance::Needs { role: user, privilege: Privilege::Select, relation });
            }
            if last.replace(*oid) != Some(*oid)
                && let Some(hindrance) = self.below(current, user, Privilege::Select, relation, seen)
            {
                return Some(hindrance);
            }
        }
        None
    }

    /// Whether a user may read a column by its number; 0, the whole or nothing of it, needs at least one column.
    fn reads_column(&self, user: Oid, relation: &Object, number: i16) -> bool {
        let select = |column| self.holds(user, Privilege::Select, relation, Some(column));
        self.held(user, relation).contains(Privilege::Select)
            || match number {
                0 => relation.columns.iter().any(select),
                number => relation.columns.iter().any(|column| column.number == number && select(column)),
            }
    }

    /// Routines are executed as who asks, whoever the view belongs to.
    fn calls<'o>(&'o self, current: Oid, calls: &[Oid]) -> Option<Hindrance<'o>> {
        let called = calls.iter().filter_map(|oid| self.routines.get(oid).copied());
        let mut refused = called.filter(|routine| !self.held(current, routine).contains(Privilege::Execute));
        refused.next().map(Hindrance::Calls)
    }

    /// Whether row-level security is in force for a user on a relation.
    pub(super) fn secures_rows(&self, user: Oid, object: &Object) -> bool {
        let Some(relation) = object.relation.as_ref().filter(|relation| relation.row_security) else {
            return false;
        };
        let exempt = |role: &Role| role.superuser || role.bypass_rls;
        !self.live.roles.get(&user).is_some_and(exempt)
            && (relation.forced || !self.inherits(user, object.owner))
    }

    /// The policies of row-level security a user is under.
    pub(super) fn policies<'o>(
        &'o self,
        user: Oid,
        privilege: Privilege,
        object: &'o Object,
    ) -> impl Iterator<Item = &'o RowPolicy> {
        let secured = self.secures_rows(user, object).then_some(object.relation.as_ref()).flatten();
        let of = move |role: &Oid| *role == PUBLIC || self.inherits(user, *role);
        let command = privilege.word();
        secured
            .into_iter()
            .flat_map(|relation| &relation.policies)
            .filter(move |policy| policy.command == command || (policy.command == "all" && by_row(privilege)))
            .filter(move |policy| policy.roles.iter().any(of))
    }
}

/// Whether row-level security has a say in it.
pub(super) fn by_row(privilege: Privilege) -> bool {
    matches!(privilege, Privilege::Select | Privilege::Insert | Privilege::Update | Privilege::Delete)
}
