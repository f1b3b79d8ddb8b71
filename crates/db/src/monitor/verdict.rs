//! What a check says of what it was told.

use serde::Serialize;

use super::{State, Unit};

/// What one check says.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// The worst of all.
    pub state: State,
    /// One sentence: what is, with the figure that decided.
    pub summary: String,
    /// The columns of `items`.
    pub columns: Vec<Column>,
    /// What was looked at, the worst first.
    pub items: Vec<Item>,
    /// How many more there were than are in `items`.
    pub left_out: usize,
    /// Figures for a time series, few and of bounded number.
    pub metrics: Vec<Metric>,
    /// What a person would type now.
    pub actions: Vec<Action>,
}

impl Verdict {
    /// Returns a verdict that all is well, so far.
    pub fn new(summary: impl Into<String>) -> Self {
        Self {
            state: State::Ok,
            summary: summary.into(),
            columns: Vec::new(),
            items: Vec::new(),
            left_out: 0,
            metrics: Vec::new(),
            actions: Vec::new(),
        }
    }

    /// Makes it at least as bad as this.
    pub fn at_least(&mut self, state: State) {
        self.state = self.state.max(state);
    }

    /// Adds what was looked at; the verdict is at least as bad.
    pub fn item(&mut self, state: State, cells: impl IntoIterator<Item = Cell>) {
        self.at_least(state);
        self.items.push(Item { state, cells: cells.into_iter().collect() });
    }

    /// Puts the worst first and keeps this many; what is wrong is never left out.
    pub fn keep(&mut self, limit: usize) {
        self.items.sort_by_key(|item| std::cmp::Reverse(item.state));
        let wrong = self.items.iter().filter(|item| item.state > State::Ok).count();
        let kept = limit.max(wrong).min(self.items.len());
        self.left_out = self.items.len() - kept;
        self.items.truncate(kept);
    }

    /// Returns how many items are in this state.
    pub fn count(&self, state: State) -> usize {
        self.items.iter().filter(|item| item.state == state).count()
    }

    /// Adds a figure.
    pub fn metric(&mut self, name: &'static str, unit: Unit, value: f64) {
        self.metrics.push(Metric { name, unit, labels: Vec::new(), value });
    }
}

/// A column of items.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// The unit of numbers in it.
    pub unit: Unit,
}

/// Something that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Item {
    /// What is with it.
    pub state: State,
    /// A value for each column.
    pub cells: Vec<Cell>,
}

/// A value of an item.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Cell {
    /// Not known.
    Unknown,
    /// A text.
    Text(String),
    /// A number, in the column's unit.
    Number(f64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<f64> for Cell {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number as f64)
    }
}

impl<T: Into<Self>> From<Option<T>> for Cell {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, Into::into)
    }
}

/// A figure for a time series. Its name is an interface: `unisys_dba_` and the unit are added.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Metric {
    /// What it counts, such as `connections`.
    pub name: &'static str,
    /// In what.
    pub unit: Unit,
    /// What of several it is about. Never names that grow without bound: no query texts, no tables.
    pub labels: Vec<(&'static str, String)>,
    /// The value.
    pub value: f64,
}

/// What a person would do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Why, as a sentence.
    pub why: String,
    /// The statement.
    pub sql: String,
    /// What takes it back, where something does.
    pub undo: Option<String>,
}
