//! Every chain of memberships from one role to another.

use super::members::Edge;
use super::{Ability, Access, Hop, Oid};

/// A way over memberships: first those that SET ROLE goes along, then those whose rights come by themselves.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    /// Each role on the way, and how it is reached from the one before.
    pub(super) hops: Vec<(Oid, Edge)>,
    /// How many of the hops SET ROLE may go along, the fewest first; 0: none is needed.
    sets: Vec<usize>,
}

/// What is wanted at the end of a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Its rights.
    Rights,
    /// To be that role.
    Become,
}

/// More chains than a person reads: a graph of memberships can have very many.
const MOST: usize = 32;

impl Chain {
    /// Nobody in between.
    pub(super) fn own() -> Self {
        Self { hops: Vec::new(), sets: vec![0] }
    }

    fn of(hops: &[(Oid, Edge)], end: End) -> Option<Self> {
        let all = |hops: &[(Oid, Edge)], is: fn(&Edge) -> bool| hops.iter().all(|(_, edge)| is(edge));
        let works = |set: usize| all(&hops[..set], |edge| edge.set) && all(&hops[set..], |edge| edge.inherit);
        let sets: Vec<usize> = match end {
            End::Become => [hops.len()].into_iter().filter(|set| works(*set)).collect(),
            End::Rights => (0..=hops.len()).filter(|set| works(*set)).collect(),
        };
        (!sets.is_empty()).then(|| Self { hops: hops.to_vec(), sets })
    }

    /// As whom `role` can act on this way, itself first where it can.
    pub(super) fn identities(&self, role: Oid) -> impl Iterator<Item = (Ability, Oid)> {
        self.sets.iter().map(move |set| match set.checked_sub(1) {
            None => (Ability::Automatic, role),
            Some(last) => (Ability::BySetRole, self.hops[last].0),
        })
    }

    /// Returns the hops with names.
    pub(super) fn named(&self, access: &Access<'_>) -> Vec<Hop> {
        let hop = |(role, edge): &(Oid, Edge)| Hop {
            role: access.live.role_name(*role),
            inherit: edge.inherit,
            set: edge.set,
        };
        self.hops.iter().map(hop).collect()
    }
}

impl Access<'_> {
    /// Returns the chains from a role to another, those without SET ROLE first, then the short ones; and how many were left out.
    pub(super) fn chains(&self, role: Oid, to: Oid, end: End) -> (Vec<Chain>, usize) {
        if role == to {
            return (vec![Chain::own()], 0);
        }
        let mut found = Vec::new();
        let mut leading: Vec<Oid> = Vec::new();
        self.leads(role, to, &mut Vec::new(), &mut leading);
        self.walk(to, end, &leading, &mut vec![(role, Edge::default())], &mut found);
        found.sort_by_key(|chain| (chain.sets.first() != Some(&0), chain.hops.len()));
        let more = found.len().saturating_sub(MOST);
        found.truncate(MOST);
        (found, more)
    }

    /// Collects the roles from which `to` is reached at all, so that no blind alley is walked.
    fn leads(&self, from: Oid, to: Oid, seen: &mut Vec<Oid>, leading: &mut Vec<Oid>) -> bool {
        if from == to {
            return true;
        }
        if seen.contains(&from) {
            return leading.contains(&from);
        }
        seen.push(from);
        let mut leads = false;
        for (group, _) in self.members.groups(from) {
            leads |= self.leads(group, to, seen, leading);
        }
        if leads {
            leading.push(from);
        }
        leads
    }

    fn walk(&self, to: Oid, end: End, leading: &[Oid], way: &mut Vec<(Oid, Edge)>, found: &mut Vec<Chain>) {
        let Some((last, _)) = way.last().copied() else { return };
        if last == to {
            found.extend(Chain::of(&way[1..], end));
            return;
        }
        for (group, edge) in self.members.groups(last) {
            let known = group == to || leading.contains(&group);
            // twice what is shown, so that the best of them are among those counted
            if known && found.len() < 2 * MOST && way.iter().all(|(role, _)| *role != group) {
                way.push((group, edge));
                self.walk(to, end, leading, way, found);
                way.pop();
            }
        }
    }
}
