//! Who may do what where, as a grid of roles and places.

use serde::Serialize;

use super::{Access, Class, Granted, Kind, Object, Oid, Privilege, Privileges};

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
    /// On how many of them only after SET ROLE.
    pub by_set_role: usize,
    /// How many there are.
    pub of: usize,
}

impl Held {
    /// Returns whether it is there for all of them, as the role is.
    pub fn is_everywhere(self) -> bool {
        self.whole == self.of
    }

    /// Returns whether it is there for some of them, as the role is.
    pub fn is_somewhere(self) -> bool {
        self.whole + self.columns > 0
    }
}

/// What a cell counts in a schema; partitions belong to their parent, functions of triggers and extensions to nobody.
const CLASSES: [Class; 4] = [Class::Schema, Class::Table, Class::Sequence, Class::Routine];

/// Returns the grid of these roles and, beside the database, these schemas.
pub fn by_schema(access: &Access<'_>, roles: &[Oid], schemas: &[String]) -> Matrix {
    let live = access.live();
    let database: Vec<&Object> = live.objects.iter().filter(|object| object.kind == Kind::Database).collect();
    let mut places = vec![("database".to_owned(), database)];
    for schema in schemas {
        let here = |object: &&Object| match object.kind {
            Kind::Schema => object.name == *schema,
            _ => object.schema.as_deref() == Some(schema) && is_counted(object),
        };
        places.push((schema.clone(), live.objects.iter().filter(here).collect()));
    }
    grid(access, None, roles, &places)
}

/// Returns the grid of these roles and the relations of one schema.
pub fn by_table(access: &Access<'_>, roles: &[Oid], schema: &str) -> Matrix {
    let live = access.live();
    let here = |object: &&Object| object.schema.as_deref() == Some(schema) && is_counted(object);
    let table = |object: &&Object| matches!(object.kind.class(), Class::Table | Class::Sequence);
    let tables = live.objects.iter().filter(here).filter(table);
    let places: Vec<_> = tables.map(|object| (object.name.clone(), vec![object])).collect();
    grid(access, Some(schema), roles, &places)
}

fn is_counted(object: &Object) -> bool {
    CLASSES.contains(&object.kind.class())
        && object.extension.is_none()
        && object.relation.as_ref().is_none_or(|relation| relation.partition_of.is_none())
        && object.routine.as_ref().is_none_or(|routine| !routine.trigger)
}

fn grid(
    access: &Access<'_>,
    schema: Option<&str>,
    roles: &[Oid],
    places: &[(String, Vec<&Object>)],
) -> Matrix {
    let live = access.live();
    let row = |role: &Oid| MatrixRow {
        role: live.role_name(*role),
        cells: places.iter().map(|(_, objects)| cell(access, *role, objects)).collect(),
    };
    Matrix {
        database: live.server.database.clone(),
        schema: schema.map(str::to_owned),
        places: places.iter().map(|(name, _)| name.clone()).collect(),
        roles: roles.iter().map(row).collect(),
    }
}

fn cell(access: &Access<'_>, role: Oid, objects: &[&Object]) -> MatrixCell {
    let mut held = Vec::new();
    for class in [&[Class::Database], &CLASSES[..]].concat() {
        let of_class = objects.iter().filter(|object| object.kind.class() == class);
        let granted: Vec<Granted> = of_class.map(|object| access.granted(role, object)).collect();
        for privilege in class.privileges(access.live().server.version).iter() {
            let count = |of: fn(&Granted) -> Privileges| {
                granted.iter().filter(|granted| of(granted).contains(privilege)).count()
            };
            let whole = count(|granted| granted.automatic);
            let columns = count(|granted| granted.on_columns);
            let by_set_role = count(|granted| granted.by_set_role);
            if whole + columns + by_set_role > 0 {
                held.push(Held { class, privilege, whole, columns, by_set_role, of: granted.len() });
            }
        }
    }
    MatrixCell { held }
}
