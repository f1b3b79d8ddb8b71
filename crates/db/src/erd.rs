//! The entity-relationship diagram, read from the live catalog: as a picture (SVG) and as Mermaid's text.

mod layout;
mod mermaid;
mod svg;

use std::collections::BTreeMap;

use crate::{DbError, Session};

/// The schemas of our own migrations.
pub const SCHEMAS: [&str; 5] = ["app", "qa", "etl", "analysis", "ops"];

/// A table referred to from so many columns is named beside them instead of being tied to each by a line.
const HUB: usize = 8;

/// Columns that nearly every table has.
const STAMPS: [&str; 4] = ["created_at", "updated_at", "created_by", "updated_by"];

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, shortened.
    pub kind: String,
    /// Never null.
    pub required: bool,
    /// Part of the primary key.
    pub is_key: bool,
}

/// A table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// What one row is.
    pub comment: String,
    /// In order.
    pub columns: Vec<Column>,
}

impl Entity {
    /// The columns the picture shows: those every table has are named once for all.
    fn shown(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| !STAMPS.contains(&column.name.as_str()))
    }
}

/// A foreign key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Which table refers, by its place in [`Diagram::entities`].
    pub from: usize,
    /// The column that says to which row: the last one; an institution's id comes before it.
    pub column: String,
    /// Which table it refers to.
    pub to: usize,
    /// Every row refers to one.
    pub required: bool,
    /// At most one row refers to one.
    pub is_unique: bool,
}

/// The tables of some schemas and what ties them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagram {
    /// By schema and name.
    pub entities: Vec<Entity>,
    /// By table and name.
    pub references: Vec<Reference>,
}

impl Diagram {
    /// Reads the catalog; reading it needs no rights on the tables.
    ///
    /// # Errors
    /// The connection, or the server.
    pub async fn read(session: &Session, schemas: &[&str]) -> Result<Self, DbError> {
        let doing = || session.doing("read the tables and what they refer to");
        let tables = session.query(include_str!("../../../sql/erd/tables.sql"), &[&schemas]).await;
        let columns = session.query(include_str!("../../../sql/erd/columns.sql"), &[&schemas]).await;
        let references = session.query(include_str!("../../../sql/erd/references.sql"), &[&schemas]).await;
        let mut places: BTreeMap<u32, usize> = BTreeMap::new();
        let mut diagram = Self::default();
        for row in tables.map_err(doing())? {
            places.insert(row.get("oid"), diagram.entities.len());
            diagram.entities.push(Entity {
                schema: row.get("schema"),
                name: row.get("name"),
                comment: row.get("comment"),
                columns: vec![],
            });
        }
        for row in columns.map_err(doing())? {
            let Some(place) = places.get(&row.get("table_oid")) else { continue };
            diagram.entities[*place].columns.push(Column {
                name: row.get("name"),
                kind: row.get("type"),
                required: row.get("required"),
                is_key: row.get("is_key"),
            });
        }
        for row in references.map_err(doing())? {
            let ends = (places.get(&row.get("from_oid")), places.get(&row.get("to_oid")));
            let (Some(from), Some(to)) = ends else { continue };
            let column = row.get::<_, Vec<String>>("columns").pop().unwrap_or_default();
            let reference = Reference {
                from: *from,
                column,
                to: *to,
                required: row.get("required"),
                is_unique: row.get("is_unique"),
            };
            // A key of two columns and one of three may say the same.
            let same = |other: &Reference| {
                (other.from, other.to, &other.column) == (reference.from, reference.to, &reference.column)
            };
            if !diagram.references.iter().any(same) {
                diagram.references.push(reference);
            }
        }
        Ok(diagram)
    }

    /// Returns the picture. The same catalog gives the same bytes.
    pub fn to_svg(&self) -> String {
        svg::draw(self)
    }

    /// Returns the text for Mermaid, <https://mermaid.js.org/syntax/entityRelationshipDiagram.html>.
    pub fn to_mermaid(&self) -> String {
        mermaid::write(self)
    }

    /// Returns whether a table is referred to from so many places that lines to it would hide the others.
    fn is_hub(&self, entity: usize) -> bool {
        self.references.iter().filter(|reference| reference.to == entity).count() >= HUB
    }

    /// Returns the references drawn as lines.
    fn lines(&self) -> impl Iterator<Item = &Reference> {
        self.references.iter().filter(|reference| !self.is_hub(reference.to))
    }
}
