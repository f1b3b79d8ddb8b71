//! Ways around a privilege: what may be used acts as somebody who has it.

use super::{Ability, Access, Class, Close, Column, Kind, Object, Oid, Path, Privilege, Rows, Via};

impl<'a> Access<'a> {
    /// Returns the ways around that work: views, copies, parents, functions. None for a superuser, who needs none.
    pub fn through(
        &self,
        role: Oid,
        privilege: Privilege,
        object: &'a Object,
        column: Option<&Column>,
    ) -> Vec<Path> {
        // who has it without a limit needs no way around
        let own = self.may(role, privilege, object, column) == Ability::Automatic;
        if self.is_superuser(role) || own && !self.secures_rows(role, object) {
            return Vec::new();
        }
        let mut paths = Vec::new();
        if object.relation.is_some() {
            let mut views = Views { access: self, role, privilege, table: object, paths: &mut paths };
            views.of(object, column.map(|column| column.number), &mut Vec::new());
            self.parents(role, privilege, object, column, &mut paths);
        }
        if matches!(object.kind.class(), Class::Table | Class::Sequence | Class::LargeObject) {
            self.functions(role, privilege, object, column, &mut paths);
        }
        paths.sort_by_key(|path| path.reach != Ability::Automatic);
        paths
    }

    /// Returns the ways around that break an assertion: what is allowed on a table this is a part of, and changes through a view.
    pub(crate) fn around(
        &self,
        role: Oid,
        privilege: Privilege,
        object: &'a Object,
        column: Option<&Column>,
    ) -> Vec<Path> {
        let mut paths = Vec::new();
        if object.relation.is_some() && !self.is_superuser(role) {
            self.parents(role, privilege, object, column, &mut paths);
            if privilege != Privilege::Select {
                let mut views = Views { access: self, role, privilege, table: object, paths: &mut paths };
                views.of(object, column.map(|column| column.number), &mut Vec::new());
            }
        }
        paths
    }

    /// Returns the ways by which a role reads a column through views, which may or may not show it.
    pub(crate) fn shown(&self, role: Oid, object: &'a Object, column: &Column) -> Vec<Path> {
        let mut paths = Vec::new();
        if !self.is_superuser(role) {
            let mut views =
                Views { access: self, role, privilege: Privilege::Select, table: object, paths: &mut paths };
            views.of(object, Some(column.number), &mut Vec::new());
        }
        paths
    }

    fn parents(
        &self,
        role: Oid,
        privilege: Privilege,
        object: &'a Object,
        column: Option<&Column>,
        paths: &mut Vec<Path>,
    ) {
        let mut above = vec![object];
        let mut next = 0;
        while let Some(relation) = above.get(next).and_then(|object| object.relation.as_ref()) {
            let tables = relation.partition_of.iter().chain(&relation.inherits);
            for parent in tables.filter_map(|oid| self.relations.get(oid).copied()) {
                if above.iter().all(|known| known.oid != parent.oid) {
                    above.push(parent);
                }
            }
            next += 1;
        }
        let partition = object.relation.as_ref().is_some_and(|relation| relation.partition_of.is_some());
        let passes = match privilege {
            Privilege::Select | Privilege::Update | Privilege::Delete | Privilege::Truncate => true,
            Privilege::Insert => partition,
            _ => false,
        };
        for parent in above[1..].iter().filter(|_| passes) {
            let same = column.map(|column| parent.columns.iter().find(|same| same.name == column.name));
            let column = match same {
                Some(None) => continue,
                Some(same) => same,
                None => None,
            };
            let via = Via::Parent { table: parent.to_string() };
            paths.extend(
                self.working(role, privilege, parent, column).map(|path| Path { via: via.clone(), ..path }),
            );
        }
    }

    /// The ways to a privilege that nothing hinders.
    fn working(
        &self,
        role: Oid,
        privilege: Privilege,
        object: &Object,
        column: Option<&Column>,
    ) -> impl Iterator<Item = Path> + use<'a> {
        let (paths, _) = self.paths(role, privilege, object, column);
        paths.into_iter().filter(|path| path.hindrance.is_none())
    }

    /// Functions that act as an owner who may do it himself. One way for each owner.
    fn functions(
        &self,
        role: Oid,
        privilege: Privilege,
        object: &'a Object,
        column: Option<&Column>,
        paths: &mut Vec<Path>,
    ) {
        let acts = |routine: &&&Object| {
            let is = routine.routine.as_ref();
            is.is_some_and(|is| is.definer && !is.trigger)
                && !self.inherits(role, routine.owner)
                && self.holds(routine.owner, privilege, object, column)
        };
        let mut routines: Vec<&&Object> = self.routines.values().filter(acts).collect();
        routines.sort_by_key(|routine| (routine.owner, routine.to_string()));
        for same in routines.chunk_by(|a, b| a.owner == b.owner) {
            for reach in [Ability::Automatic, Ability::BySetRole] {
                // by SET ROLE the owner itself is nearer
                let nearer = reach == Ability::BySetRole
                    && same.first().is_some_and(|routine| self.may_set_role(role, routine.owner));
                let callable =
                    |routine: &&&&Object| self.may(role, Privilege::Execute, routine, None) == reach;
                let functions: Vec<&&&Object> = same.iter().filter(callable).collect();
                let Some(first) = functions.first().filter(|_| !nearer) else { continue };
                let ways =
                    functions.iter().flat_map(|f| self.working(role, Privilege::Execute, f, None).take(1));
                let mut close: Vec<Close> = Vec::new();
                for one in ways.flat_map(|path| path.close) {
                    if close.iter().all(|known| known.sql != one.sql) {
                        close.push(one);
                    }
                }
                let Some(way) =
                    self.working(role, Privilege::Execute, first, None).find(|way| way.reach == reach)
                else {
                    continue;
                };
                let via = Via::Function {
                    owner: self.live.role_name(first.owner),
                    functions: functions.iter().map(ToString::to_string).collect(),
                };
                let rows = self.rows(first.owner, privilege, object);
                paths.push(Path { via, close, rows, ..way });
            }
        }
    }
}

struct Views<'v, 'a> {
    access: &'v Access<'a>,
    role: Oid,
    privilege: Privilege,
    table: &'a Object,
    paths: &'v mut Vec<Path>,
}

impl<'a> Views<'_, 'a> {
    /// Follows the views that read a relation (of a table asked for with a column: that column, or no column by name) upwards.
    fn of(&mut self, relation: &'a Object, column: Option<i16>, above: &mut Vec<&'a Object>) {
        let access = self.access;
        for view in access.readers.get(&relation.oid).into_iter().flatten().copied() {
            let reads = reads(view, relation.oid);
            let meant = column.is_none_or(|column| reads.contains(&column) || reads == [0]);
            if !meant || above.iter().any(|known| known.oid == view.oid) || !self.passes(view, relation) {
                continue;
            }
            above.insert(0, view);
            self.by(above);
            // which of a view's columns shows it is not known: any may
            self.of(view, None, above);
            above.remove(0);
        }
    }

    /// Whether a view lets this through to what it reads.
    fn passes(&self, view: &Object, relation: &Object) -> bool {
        let passes_on = view.relation.as_ref().is_some_and(|r| r.passes_on.contains(self.privilege));
        let base = || self.access.base(view).is_some_and(|base| base.oid == relation.oid);
        self.privilege == Privilege::Select || passes_on && base()
    }

    /// The ways to use the first of these views; the last reads the table.
    fn by(&mut self, views: &[&'a Object]) {
        let ([first, ..], Some(last)) = (views, views.last()) else { return };
        let copy = views.iter().any(|view| view.kind == Kind::MaterializedView);
        let invoker = last.relation.as_ref().is_some_and(|relation| relation.security_invoker);
        if invoker && !copy {
            // as who asks: that is no way around
            return;
        }
        let (access, table) = (self.access, self.table);
        let names: Vec<String> = views.iter().map(ToString::to_string).collect();
        let numbers = reads(last, table.oid);
        let read = table.columns.iter().filter(|column| numbers.contains(&column.number));
        let reads = read.map(|column| column.name.clone()).collect();
        let via = match copy {
            true => Via::Copy { views: names, reads },
            false => Via::View { views: names, acts_as: Some(access.live.role_name(last.owner)), reads },
        };
        let rows = if copy { Rows::All } else { access.rows(last.owner, self.privilege, table) };
        for way in access.working(self.role, self.privilege, first, None).collect::<Vec<_>>() {
            let mut close = way.close.clone();
            if access.live.server.version >= 150_000 && !copy {
                close.push(Close {
                    as_role: None,
                    sql: format!("alter view {} set (security_invoker = true)", last.sql()),
                    also: Some("the view's rows for everybody who may not read the table".into()),
                });
            }
            self.paths.push(Path { via: via.clone(), rows: rows.clone(), close, ..way });
        }
    }
}

/// The numbers of the columns a view reads of a relation.
fn reads(view: &Object, of: Oid) -> Vec<i16> {
    let reads = view.relation.iter().flat_map(|relation| &relation.reads);
    reads.filter(|(oid, _)| *oid == of).map(|(_, number)| *number).collect()
}
