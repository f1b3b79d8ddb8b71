//! One access list against what is wanted of it, grantor by grantor.
//!
//! What counts is what the owner gave, and on the whole of an object (not on a column) what a role gave that the policy lets give
//! it on. Where a grantor will lose that right, what it gave is given by the owner first, to roles out of reach too, and then
//! taken back by the grantor, who alone can: dependents before those they depend on, so that nothing falls unseen.

use super::draft::Draft;
use super::wanted::Want;
use crate::roles::{AclEntry, Oid, PUBLIC, Privileges};

/// One list, and how to judge it.
pub(super) struct Chain<'c> {
    pub(super) owner: Oid,
    pub(super) entries: &'c [AclEntry],
    /// A column's: the list of its table, whose grant options count here too. Only the owner's gifts count on columns.
    pub(super) table: Option<&'c [AclEntry]>,
}

/// What is to be done about a list.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) gives: Vec<Give>,
    pub(super) takes: Vec<Take>,
    /// What grantees out of reach have.
    pub(super) foreign: Vec<Oid>,
    /// What is there beside the policy, where nothing is taken away.
    pub(super) left: Vec<(Oid, Privileges)>,
}

/// What the owner gives.
pub(super) struct Give {
    pub(super) grantee: Oid,
    pub(super) privileges: Privileges,
    pub(super) option: bool,
    /// Whether the grantee has it from the owner, without the option.
    pub(super) upgrade: bool,
    pub(super) line: Option<usize>,
    /// The grantor that gave it, and will not be able to.
    pub(super) instead_of: Option<Oid>,
}

/// What a grantor takes back.
pub(super) struct Take {
    pub(super) grantee: Oid,
    pub(super) grantor: Oid,
    pub(super) privileges: Privileges,
    /// Which of these it could give on.
    pub(super) grantable: Privileges,
    /// Only the right to give it on.
    pub(super) option: bool,
    /// How many stand between the grantor and the owner.
    pub(super) depth: usize,
    /// Whether others fall with it who cannot be named, or cannot be spoken for.
    pub(super) cascade: Vec<Oid>,
    /// Whether it goes because the grantor may not give it any more.
    pub(super) lost: bool,
}

impl Chain<'_> {
    pub(super) fn compare(&self, draft: &Draft<'_>, wants: &[&Want]) -> Outcome {
        let mut outcome = Outcome::default();
        let lawful = self.lawful(draft, wants);
        self.missing(wants, &lawful, &mut outcome);
        for entry in self.others() {
            if draft.is_dropped(entry.grantee) || !draft.in_scope(entry.grantee) {
                outcome.foreign.push(entry.grantee);
            }
            self.excess(draft, wants, entry, &mut outcome);
        }
        self.fall(draft, &mut outcome);
        outcome
    }

    /// All but what the owner has by itself.
    fn others(&self) -> impl Iterator<Item = &AclEntry> {
        self.entries.iter().filter(|entry| (entry.grantee, entry.grantor) != (self.owner, self.owner))
    }

    /// Returns what each grantor's gifts count for.
    fn lawful(&self, draft: &Draft<'_>, wants: &[&Want]) -> Vec<(Oid, Privileges)> {
        let mut lawful = vec![(self.owner, all())];
        if self.table.is_some() {
            return lawful;
        }
        loop {
            let count = (lawful.len(), size(&lawful));
            for entry in self.others().filter(|entry| !entry.grantable.is_empty()) {
                let may = if draft.takes() { sum(wants, entry.grantee).1 } else { all() };
                let gained = entry.grantable.intersection(of(&lawful, entry.grantor)).intersection(may);
                match lawful.iter_mut().find(|(role, _)| *role == entry.grantee) {
                    Some((_, has)) => *has = has.union(gained),
                    None => lawful.push((entry.grantee, gained)),
                }
            }
            if (lawful.len(), size(&lawful)) == count {
                return lawful;
            }
        }
    }

    fn missing(&self, wants: &[&Want], lawful: &[(Oid, Privileges)], outcome: &mut Outcome) {
        let mut given: Vec<(Oid, Privileges, Privileges)> = Vec::new();
        for want in wants {
            let entries = || self.entries.iter().filter(|entry| entry.grantee == want.grantee);
            let counts = |entry: &AclEntry| of(lawful, entry.grantor);
            let (had, could) = given
                .iter()
                .find(|(grantee, ..)| *grantee == want.grantee)
                .map_or((Privileges::NONE, Privileges::NONE), |(_, had, could)| (*had, *could));
            let has = union(entries().map(|e| e.privileges.intersection(counts(e)))).union(had);
            let can = union(entries().map(|e| e.grantable.intersection(counts(e)))).union(could);
            let option = want.grantable.minus(can);
            let plain = want.privileges.minus(has).minus(option);
            given.retain(|(grantee, ..)| *grantee != want.grantee);
            given.push((want.grantee, had.union(option).union(plain), could.union(option)));
            self.give(want.grantee, plain, option, Some(want.line), None, outcome);
        }
    }

    fn give(
        &self,
        grantee: Oid,
        plain: Privileges,
        option: Privileges,
        line: Option<usize>,
        instead_of: Option<Oid>,
        outcome: &mut Outcome,
    ) {
        let from_owner = union(
            self.entries
                .iter()
                .filter(|e| (e.grantee, e.grantor) == (grantee, self.owner))
                .map(|e| e.privileges),
        );
        let upgrade = option.intersection(from_owner);
        for (privileges, option, upgrade) in
            [(plain, false, false), (option.minus(upgrade), true, false), (upgrade, true, true)]
        {
            if !privileges.is_empty() {
                outcome.gives.push(Give { grantee, privileges, option, upgrade, line, instead_of });
            }
        }
    }

    fn excess(&self, draft: &Draft<'_>, wants: &[&Want], entry: &AclEntry, outcome: &mut Outcome) {
        let grantee = entry.grantee;
        let in_scope = draft.in_scope(grantee);
        let (wanted, grantable) =
            if grantee == self.owner { Default::default() } else { sum(wants, grantee) };
        let excess = if in_scope { entry.privileges.minus(wanted) } else { Privileges::NONE };
        if !draft.takes() {
            if !excess.is_empty() {
                outcome.left.push((grantee, excess));
            }
            return;
        }
        let fallen = entry.privileges.intersection(self.lost_by(draft, wants, entry.grantor));
        if !in_scope && !draft.is_dropped(grantee) {
            self.keep(entry, fallen, outcome);
        }
        let take = |privileges: Privileges, option, lost| Take {
            grantee,
            grantor: entry.grantor,
            privileges,
            grantable: entry.grantable.intersection(privileges),
            option,
            depth: self.depth(entry, 0),
            cascade: Vec::new(),
            lost,
        };
        let whole = excess.union(fallen);
        if !whole.is_empty() {
            outcome.takes.push(take(whole, false, excess.is_empty()));
        }
        let option = if in_scope { entry.grantable.minus(grantable).minus(whole) } else { Privileges::NONE };
        if !option.is_empty() {
            outcome.takes.push(take(option, true, false));
        }
    }

    /// Returns what this grantor's gifts cannot stay for.
    fn lost_by(&self, draft: &Draft<'_>, wants: &[&Want], grantor: Oid) -> Privileges {
        if grantor == self.owner || grantor == PUBLIC || !draft.in_scope(grantor) {
            return Privileges::NONE;
        }
        if self.table.is_some() { all() } else { all().minus(sum(wants, grantor).1) }
    }

    /// Who is out of reach keeps what it has, from the owner.
    fn keep(&self, entry: &AclEntry, fallen: Privileges, outcome: &mut Outcome) {
        let own = || self.entries.iter().filter(|e| (e.grantee, e.grantor) == (entry.grantee, self.owner));
        let given = || outcome.gives.iter().filter(|give| give.grantee == entry.grantee);
        let has = union(own().map(|e| e.privileges)).union(union(given().map(|give| give.privileges)));
        let could = union(given().filter(|give| give.option).map(|give| give.privileges));
        let can = union(own().map(|e| e.grantable)).union(could);
        let option = fallen.intersection(entry.grantable).minus(can);
        let plain = fallen.minus(has).minus(option);
        self.give(entry.grantee, plain, option, None, Some(entry.grantor), outcome);
    }

    /// What cannot be taken back by name falls with what it depends on.
    fn fall(&self, draft: &Draft<'_>, outcome: &mut Outcome) {
        let takes = &mut outcome.takes;
        let (mut named, unnamed): (Vec<Take>, Vec<Take>) = takes.drain(..).partition(|take| {
            !draft.is_dropped(take.grantee)
                && (take.grantor == self.owner || draft.may_speak_as(take.grantor))
        });
        for take in unnamed {
            let above = named.iter_mut().find(|above| {
                above.grantee == take.grantor && take.privileges.minus(above.grantable).is_empty()
            });
            match above {
                Some(above) => above.cascade.push(take.grantee),
                None if draft.is_dropped(take.grantee) => {}
                None => named.push(take),
            }
        }
        *takes = named;
    }

    /// Returns the privileges a role was given on itself with the right to give them on: who it is found as, when it takes back.
    pub(super) fn options_of(&self, role: Oid) -> Privileges {
        let all = self.entries.iter().chain(self.table.into_iter().flatten());
        union(all.filter(|entry| entry.grantee == role).map(|entry| entry.grantable))
    }

    fn depth(&self, entry: &AclEntry, so_far: usize) -> usize {
        let all = || self.entries.iter().chain(self.table.into_iter().flatten());
        if entry.grantor == self.owner || so_far > all().count() {
            return 0;
        }
        let above = all()
            .filter(|e| e.grantee == entry.grantor && !e.grantable.intersection(entry.privileges).is_empty());
        above.map(|e| 1 + self.depth(e, so_far + 1)).max().unwrap_or(1)
    }
}

/// Returns what a grantee shall have, and what of it with grant option.
fn sum(wants: &[&Want], grantee: Oid) -> (Privileges, Privileges) {
    let of = || wants.iter().filter(|want| want.grantee == grantee);
    (union(of().map(|want| want.privileges)), union(of().map(|want| want.grantable)))
}

fn of(of: &[(Oid, Privileges)], role: Oid) -> Privileges {
    of.iter().find(|(oid, _)| *oid == role).map_or(Privileges::NONE, |(_, privileges)| *privileges)
}

fn size(of: &[(Oid, Privileges)]) -> usize {
    of.iter().map(|(_, privileges)| privileges.iter().count()).sum()
}

pub(super) fn union(all: impl Iterator<Item = Privileges>) -> Privileges {
    all.fold(Privileges::NONE, Privileges::union)
}

/// Every privilege there is, on whatever.
fn all() -> Privileges {
    union(crate::roles::Class::ALL.into_iter().map(|class| class.privileges(u32::MAX)))
}
