//! How far a long operation is, told to whoever wants to show it.
//!
//! An operation begins a phase, then starts an item for each table or file and advances it as data passes, from any
//! thread. Nothing here may fail, and [`Item::advance`] is cheap enough for every buffer of 256 KB.

/// How much there will be, where that is known beforehand. Estimates are welcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Bytes, of whatever [`Item::advance`] counts.
    pub bytes: Option<u64>,
    /// Rows.
    pub rows: Option<u64>,
}

impl Expected {
    /// Nothing is known beforehand.
    pub const UNKNOWN: Self = Self { bytes: None, rows: None };

    /// Returns an expectation of bytes.
    pub fn bytes(bytes: u64) -> Self {
        Self { bytes: Some(bytes), rows: None }
    }

    /// Returns the expectation with rows added.
    pub fn and_rows(self, rows: u64) -> Self {
        Self { rows: Some(rows), ..self }
    }
}

/// Somebody who shows how far an operation is.
pub trait Progress: Send + Sync {
    /// Begins a phase, such as "backup" or "verify"; the one before it is over. `expected` is for all its items.
    fn begin(&self, phase: &str, expected: Expected);

    /// Starts one item of the phase: a table, a file. Items may run side by side.
    fn start(&self, item: &str, expected: Expected) -> Box<dyn Item>;

    /// Tells a person one thing, in a sentence, that is neither the result nor an error.
    fn message(&self, text: &str);
}

/// One item under way.
///
/// Dropped without [`Item::finish`] it did not succeed, and what it had counted is taken back: it may start again.
pub trait Item: Send + Sync {
    /// Counts more data of this item.
    fn advance(&self, bytes: u64, rows: u64);

    /// Says that all of the item is done.
    fn finish(self: Box<Self>);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _phase: &str, _expected: Expected) {}

    fn start(&self, _item: &str, _expected: Expected) -> Box<dyn Item> {
        Box::new(Self)
    }

    fn message(&self, _text: &str) {}
}

impl Item for Silent {
    fn advance(&self, _bytes: u64, _rows: u64) {}

    fn finish(self: Box<Self>) {}
}
