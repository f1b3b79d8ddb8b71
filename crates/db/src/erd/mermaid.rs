//! The diagram as Mermaid's text.

use std::fmt::Write as _;

use super::{Diagram, Reference};

pub(super) fn write(diagram: &Diagram) -> String {
    let mut text = String::from("erDiagram\n");
    for entity in &diagram.entities {
        let _ = writeln!(text, "    {} {{", name(diagram, &entity.schema, &entity.name));
        for column in &entity.columns {
            let references = diagram
                .references
                .iter()
                .any(|r| diagram.entities[r.from] == *entity && r.column == column.name);
            let marks = match (column.is_key, references) {
                (true, true) => " PK, FK",
                (true, false) => " PK",
                (false, true) => " FK",
                (false, false) => "",
            };
            // A type is one word there.
            let kind: String =
                column.kind.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            let _ = writeln!(text, "        {} {}{marks}", kind.trim_end_matches('_'), column.name);
        }
        text.push_str("    }\n");
    }
    for reference in &diagram.references {
        let (from, to) = (&diagram.entities[reference.from], &diagram.entities[reference.to]);
        let _ = writeln!(
            text,
            "    {} {} {} : {}",
            name(diagram, &to.schema, &to.name),
            ends(reference),
            name(diagram, &from.schema, &from.name),
            reference.column
        );
    }
    text
}

fn ends(reference: &Reference) -> &'static str {
    match (reference.required, reference.is_unique) {
        (true, true) => "||--o|",
        (true, false) => "||--o{",
        (false, true) => "|o--o|",
        (false, false) => "|o--o{",
    }
}

/// The first schema's tables go by their name alone.
fn name(diagram: &Diagram, schema: &str, name: &str) -> String {
    let first = diagram.entities.first().map(|entity| entity.schema.as_str());
    if first == Some(schema) { name.to_owned() } else { format!("{schema}_{name}") }
}
