//! The diagram as a picture.

use std::fmt::Write as _;

use super::layout::{HEAD, LINE, Layout, WIDTH, arrange, height};
use super::{Diagram, Entity, Reference, STAMPS};

/// Room for the heading.
const TOP: usize = 64;

const STYLE: &str = "text{font:11px sans-serif;fill:#1f2933}.title{font-size:18px;font-weight:600}\
.head{font-size:12px;font-weight:600;fill:#fff}.type,.far{fill:#7b8794}.key{font-weight:600}.far{font-style:italic}\
.box{fill:#fff;stroke:#9aa5b1}.line{fill:none;stroke:#3e6a8f;stroke-width:1.2;opacity:.75}\
.app{fill:#2b5d8a}.qa{fill:#7a4d8a}.etl{fill:#8a6a2b}.analysis{fill:#2b8a5d}.ops{fill:#5f6b76}.other{fill:#444}";

pub(super) fn draw(diagram: &Diagram) -> String {
    let layout = arrange(diagram, TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\">\n\
         <style>{STYLE}</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#f5f7fa\"/>\n",
        layout.width, layout.height
    );
    heading(diagram, &mut svg);
    for line in diagram.lines() {
        connect(diagram, &layout, line, &mut svg);
    }
    for (entity, at) in diagram.entities.iter().zip(&layout.at) {
        table(diagram, entity, *at, &mut svg);
    }
    svg.push_str("</svg>\n");
    svg
}

fn heading(diagram: &Diagram, svg: &mut String) {
    let hubs: Vec<&str> = (0..diagram.entities.len())
        .filter(|entity| diagram.is_hub(*entity))
        .map(|entity| diagram.entities[entity].name.as_str())
        .collect();
    let _ = writeln!(
        svg,
        "<text x=\"22\" y=\"28\" class=\"title\">{} tables, {} foreign keys</text>",
        diagram.entities.len(),
        diagram.references.len()
    );
    let _ = writeln!(
        svg,
        "<text x=\"22\" y=\"48\" class=\"type\">bold: primary key; ?: may be null; → table: refers to it; no line where too many \
         do ({}); not shown: {}</text>",
        escape(&hubs.join(", ")),
        STAMPS.join(", ")
    );
}

/// From the referring column's row to the head of the table it refers to.
fn connect(diagram: &Diagram, layout: &Layout, line: &Reference, svg: &mut String) {
    let row = diagram.entities[line.from].shown().position(|column| column.name == line.column);
    let (from, to) = (layout.at[line.from], layout.at[line.to]);
    let from_y = from.1 + HEAD + row.unwrap_or(0) * LINE + LINE / 2 + 2;
    let to_y = to.1 + HEAD / 2;
    // Out of the side that faces the other table; within one column, round the right side.
    let (from_x, to_x) = match from.0.cmp(&to.0) {
        std::cmp::Ordering::Greater => (from.0, to.0 + WIDTH),
        std::cmp::Ordering::Less => (from.0 + WIDTH, to.0),
        std::cmp::Ordering::Equal => (from.0 + WIDTH, to.0 + WIDTH),
    };
    let bend = 45_i64;
    let sign = |x: usize, left: usize| if x == left { -bend } else { bend };
    let _ = writeln!(
        svg,
        "<path class=\"line\" d=\"M{from_x} {from_y}C{} {from_y} {} {to_y} {to_x} {to_y}\"/>\
         <circle cx=\"{to_x}\" cy=\"{to_y}\" r=\"3\" fill=\"#3e6a8f\"/>",
        from_x as i64 + sign(from_x, from.0),
        to_x as i64 + sign(to_x, to.0),
    );
}

fn table(diagram: &Diagram, entity: &Entity, (x, y): (usize, usize), svg: &mut String) {
    let class = match entity.schema.as_str() {
        known @ ("app" | "qa" | "etl" | "analysis" | "ops") => known,
        _ => "other",
    };
    let _ = writeln!(
        svg,
        "<g><title>{}</title><rect class=\"box\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{}\" rx=\"4\"/>\
         <rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{WIDTH}\" height=\"{HEAD}\" rx=\"4\"/>\
         <text class=\"head\" x=\"{}\" y=\"{}\">{}.{}</text>",
        escape(&entity.comment),
        height(entity),
        x + 8,
        y + 16,
        escape(&entity.schema),
        escape(&entity.name)
    );
    for (column, n) in entity.shown().zip(1..) {
        let far = diagram
            .references
            .iter()
            .find(|r| diagram.entities[r.from] == *entity && r.column == column.name)
            .map(|r| format!("→ {}", diagram.entities[r.to].name));
        let base = y + HEAD + n * LINE - 2;
        let (class, text) = far.map_or(("type", column.kind.clone()), |far| ("far", far));
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{base}\"{}>{}{}</text><text class=\"{class}\" x=\"{}\" y=\"{base}\" text-anchor=\"end\">{}</text>",
            x + 8,
            if column.is_key { " class=\"key\"" } else { "" },
            escape(&column.name),
            if column.required { "" } else { "?" },
            x + WIDTH - 8,
            escape(&text)
        );
    }
    svg.push_str("</g>\n");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
