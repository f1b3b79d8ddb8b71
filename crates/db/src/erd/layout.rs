//! Where each table stands: what others refer to on the left, what refers to it on its right, in columns of even height.
//!
//! The layers of Sugiyama, Tagawa and Toda ("Methods for Visual Understanding of Hierarchical System Structures", 1981), cut into
//! columns of a picture one can read on a screen.

use super::{Diagram, Entity};

pub(super) const LINE: usize = 15;
pub(super) const HEAD: usize = 24;
pub(super) const WIDTH: usize = 250;
const GAP: usize = 22;
const GUTTER: usize = 80;
/// A column of tables is not made higher than this if it can be helped.
const TALLEST: usize = 1500;

/// The upper left corner of each table, by its place in the diagram, and the size of the whole.
pub(super) struct Layout {
    pub(super) at: Vec<(usize, usize)>,
    pub(super) width: usize,
    pub(super) height: usize,
}

pub(super) fn height(entity: &Entity) -> usize {
    HEAD + entity.shown().count() * LINE + 6
}

pub(super) fn arrange(diagram: &Diagram, top: usize) -> Layout {
    let layers = layers(diagram);
    let mut columns: Vec<Vec<usize>> = vec![];
    let mut order: Vec<usize> = vec![usize::MAX; diagram.entities.len()];
    for layer in layers {
        let sorted = by_neighbours(diagram, layer, &order);
        let mut column = vec![];
        let mut filled = 0;
        for entity in sorted {
            let needed = height(&diagram.entities[entity]) + GAP;
            if filled + needed > TALLEST && !column.is_empty() {
                columns.push(std::mem::take(&mut column));
                filled = 0;
            }
            order[entity] = filled;
            filled += needed;
            column.push(entity);
        }
        columns.push(column);
    }
    let mut layout = Layout { at: vec![(0, 0); diagram.entities.len()], width: GAP, height: 0 };
    for column in columns.iter().filter(|column| !column.is_empty()) {
        let mut y = top;
        for entity in column {
            layout.at[*entity] = (layout.width, y);
            y += height(&diagram.entities[*entity]) + GAP;
        }
        layout.width += WIDTH + GUTTER;
        layout.height = layout.height.max(y);
    }
    layout.width = layout.width.saturating_sub(GUTTER) + GAP;
    layout
}

/// Each table one layer after the last of those it refers to; the ones tied to nothing at the end.
fn layers(diagram: &Diagram) -> Vec<Vec<usize>> {
    let count = diagram.entities.len();
    let mut depth = vec![0_usize; count];
    // A circle of references would never end: a path has no more steps than there are tables.
    for _ in 0..count {
        let mut moved = false;
        for line in diagram.lines().filter(|line| line.from != line.to) {
            if depth[line.from] <= depth[line.to] && depth[line.to] < count {
                depth[line.from] = depth[line.to] + 1;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    let tied = |entity: usize| diagram.lines().any(|line| line.from == entity || line.to == entity);
    let last = depth.iter().max().copied().unwrap_or(0) + 1;
    let mut layers = vec![vec![]; last + 1];
    for (entity, depth) in depth.into_iter().enumerate() {
        let layer = if tied(entity) || diagram.is_hub(entity) { depth } else { last };
        layers[layer].push(entity);
    }
    layers
}

/// A table stands beside those it refers to: by the middle of their places, then by schema and name.
fn by_neighbours(diagram: &Diagram, mut layer: Vec<usize>, order: &[usize]) -> Vec<usize> {
    let middle = |entity: usize| {
        let mut places: Vec<usize> = diagram
            .lines()
            .filter(|line| line.from == entity && order[line.to] != usize::MAX)
            .map(|line| order[line.to])
            .collect();
        places.sort_unstable();
        places.get(places.len() / 2).copied().unwrap_or(usize::MAX)
    };
    layer.sort_by_key(|entity| (middle(*entity), *entity));
    layer
}
