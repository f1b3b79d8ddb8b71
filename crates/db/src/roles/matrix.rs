//! Who may do what where, as a grid of roles and places.

use serde::Serialize;

use super::{Class, Kind, Live, Object, Oid, Privilege, Privileges};

/// How much of an object a role may do something with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// Nothing of it.
    Nothing,
    /// Some columns.
    Columns,
    /// All of it.
    Whole,
}

/// A grid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Matrix {
    /// The database.
    pub database: String,
    /// The schema whose relations the places are; `None`: they are the database and schemas.
    pub schema: Option<String>,
    /// The places: what a cell is about.
    pub places: Vec<String>,
    /// The roles, with a cell for each place.
    pub roles: Vec<MatrixRow>,
}

/// What one role may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatrixRow {
    /// The role.
    pub role: String,
    /// Its cells, in the order of the places.
    pub cells: Vec<MatrixCell>,
}

/// What a role may in one place; what it may with nothing there is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MatrixCell {
    /// By class and privilege, in this order.
    pub held: Vec<Held>,
}

/// One privilege on the objects of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Which objects.
    pub class: Class,
    /// What.
    pub privilege: Privilege,
    /// On how many of them, in whole.
    pub whole: usize,
    /// On how many of them for some columns only.
    pub columns: usize,
    /// How many there are.
    pub of: usize,
}

impl Held {
    /// Returns whether it is there for all of them.
    pub fn is_everywhere(self) -> bool {
        self.whole == self.of
    }
}

/// What a cell counts in a schema; partitions belong to their parent, functions of triggers and extensions to nobody.
const CLASSES: [Class; 4] = [Class::Schema, Class::Table, Class::Sequence, Class::Routine];

/// Returns the grid of these roles and, beside the database, these schemas.
pub fn by_schema(
    live: &Live,
    roles: &[Oid],
    schemas: &[String],
    may: impl Fn(Oid, &Object, Privilege) -> Extent,
) -> Matrix {
    let database: Vec<&Object> = live.objects.iter().filter(|object| object.kind == Kind::Database).collect();
    let mut places = vec![("database".to_owned(), database)];
    for schema in schemas {
        let here = |object: &&Object| match object.kind {
            Kind::Schema => object.name == *schema,
            _ => object.schema.as_deref() == Some(schema) && is_counted(object),
        };
        places.push((schema.clone(), live.objects.iter().filter(here).collect()));
    }
    grid(live, None, roles, &places, may)
}

/// Returns the grid of these roles and the relations of one schema.
pub fn by_table(
    live: &Live,
    roles: &[Oid],
    schema: &str,
    may: impl Fn(Oid, &Object, Privilege) -> Extent,
) -> Matrix {
    let here = |object: &&Object| object.schema.as_deref() == Some(schema) && is_counted(object);
    let table = |object: &&Object| matches!(object.kind.class(), Class::Table | Class::Sequence);
    let tables = live.objects.iter().filter(here).filter(table);
    let places: Vec<_> = tables.map(|object| (object.name.clone(), vec![object])).collect();
    grid(live, Some(schema), roles, &places, may)
}

fn is_counted(object: &Object) -> bool {
    CLASSES.contains(&object.kind.class())
        && object.extension.is_none()
        && object.relation.as_ref().is_none_or(|relation| relation.partition_of.is_none())
        && object.routine.as_ref().is_none_or(|routine| !routine.trigger)
}

fn grid(
    live: &Live,
    schema: Option<&str>,
    roles: &[Oid],
    places: &[(String, Vec<&Object>)],
    may: impl Fn(Oid, &Object, Privilege) -> Extent,
) -> Matrix {
    let cell = |role: Oid, objects: &[&Object]| {
        let mut held = Vec::new();
        for class in [&[Class::Database], &CLASSES[..]].concat() {
            let objects = || objects.iter().filter(|object| object.kind.class() == class);
            for privilege in class.privileges(live.server.version).iter() {
                let count =
                    |extent| objects().filter(|object| may(role, object, privilege) == extent).count();
                let (whole, columns) = (count(Extent::Whole), count(Extent::Columns));
                if whole + columns > 0 {
                    held.push(Held { class, privilege, whole, columns, of: objects().count() });
                }
            }
        }
        MatrixCell { held }
    };
    let row = |role: &Oid| MatrixRow {
        role: live.role_name(*role),
        cells: places.iter().map(|(_, objects)| cell(*role, objects)).collect(),
    };
    Matrix {
        database: live.server.database.clone(),
        schema: schema.map(str::to_owned),
        places: places.iter().map(|(name, _)| name.clone()).collect(),
        roles: roles.iter().map(row).collect(),
    }
}

/// Returns what access lists say of a role itself, PUBLIC, owners and superusers; memberships are not followed.
pub fn granted(live: &Live, role: Oid, object: &Object, privilege: Privilege) -> Extent {
    let holds = |acl: &super::Acl| {
        acl.iter()
            .filter(|entry| entry.grantee == role || entry.grantee == super::PUBLIC)
            .fold(Privileges::NONE, |all, entry| all.union(entry.privileges))
            .contains(privilege)
    };
    if live.roles.get(&role).is_some_and(|role| role.superuser) || holds(&object.acl) {
        Extent::Whole
    } else if object.columns.iter().filter_map(|column| column.acl.as_ref()).any(holds) {
        Extent::Columns
    } else {
        Extent::Nothing
    }
}
