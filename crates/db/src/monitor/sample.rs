//! What a query brought, as values that can be written down and judged again.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// All that one run asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recording {
    /// What is true for all checks.
    pub facts: Facts,
    /// What each check was told, in the order asked.
    pub checks: Vec<Recorded>,
}

/// What is true for all checks of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// `server_version_num`
    pub version: u32,
    /// The database asked.
    pub database: String,
    /// Who asked.
    pub login: String,
    /// The server's clock, in seconds since 1970-01-01 UTC.
    pub now: f64,
    /// When the server started, the same way.
    pub started: f64,
    /// When this database's counters began; `None`: with the server.
    pub stats_reset: Option<f64>,
    /// A standby, or a server that is being restored.
    pub in_recovery: bool,
    /// The installed version and schema of `pg_stat_statements`, if it is there.
    pub statements: Option<(String, String)>,
}

/// What one check was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recorded {
    /// The check.
    pub check: String,
    /// What came.
    pub outcome: Outcome,
    /// How long that took, in seconds.
    pub seconds: f64,
}

/// What came of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Rows; possibly none.
    Rows(Sample),
    /// The server refused the login: its words.
    NotPermitted(String),
    /// This server has nothing to ask: why not.
    Unsupported(String),
    /// No answer in time, or another error: its words.
    Failed(String),
}

/// Rows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The columns' names.
    pub columns: Vec<String>,
    /// The values, as many in each row.
    pub rows: Vec<Vec<Value>>,
}

/// A value. Moments are seconds since 1970-01-01 UTC, lengths of time seconds, sizes bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[expect(missing_docs, reason = "each is what it says")]
pub enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Ints(Vec<i64>),
}

/// A value that is not there, or is of another kind, than the check was written for. An error, never a zero.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("column {column} {problem}")]
pub struct Unreadable {
    column: String,
    problem: &'static str,
}

/// One row, by column name.
#[derive(Clone, Copy, Debug)]
pub struct Row<'s> {
    columns: &'s [String],
    values: &'s [Value],
}

impl Sample {
    /// Returns the rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }
}

impl<'s> Row<'s> {
    fn value(&self, column: &str) -> Result<&'s Value, Unreadable> {
        let place = self.columns.iter().position(|name| name == column);
        place.and_then(|place| self.values.get(place)).ok_or_else(|| unreadable(column, "is not there"))
    }

    /// Returns a whole number.
    pub fn int(&self, column: &str) -> Result<i64, Unreadable> {
        self.maybe_int(column)?.ok_or_else(|| unreadable(column, "is null"))
    }

    /// Returns a whole number, or nothing for null.
    pub fn maybe_int(&self, column: &str) -> Result<Option<i64>, Unreadable> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(*value)),
            _ => Err(unreadable(column, "is no whole number")),
        }
    }

    /// Returns a number.
    pub fn float(&self, column: &str) -> Result<f64, Unreadable> {
        self.maybe_float(column)?.ok_or_else(|| unreadable(column, "is null"))
    }

    /// Returns a number, or nothing for null.
    pub fn maybe_float(&self, column: &str) -> Result<Option<f64>, Unreadable> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Int(value) => Ok(Some(*value as f64)),
            Value::Float(value) => Ok(Some(*value)),
            _ => Err(unreadable(column, "is no number")),
        }
    }

    /// Returns whether it is true.
    pub fn bool(&self, column: &str) -> Result<bool, Unreadable> {
        match self.value(column)? {
            Value::Bool(value) => Ok(*value),
            _ => Err(unreadable(column, "is neither true nor false")),
        }
    }

    /// Returns a text.
    pub fn text(&self, column: &str) -> Result<&'s str, Unreadable> {
        self.maybe_text(column)?.ok_or_else(|| unreadable(column, "is null"))
    }

    /// Returns a text, or nothing for null.
    pub fn maybe_text(&self, column: &str) -> Result<Option<&'s str>, Unreadable> {
        match self.value(column)? {
            Value::Null => Ok(None),
            Value::Text(value) => Ok(Some(value)),
            _ => Err(unreadable(column, "is no text")),
        }
    }

    /// Returns a list of whole numbers.
    pub fn ints(&self, column: &str) -> Result<&'s [i64], Unreadable> {
        match self.value(column)? {
            Value::Ints(values) => Ok(values),
            _ => Err(unreadable(column, "is no list of numbers")),
        }
    }
}

fn unreadable(column: &str, problem: &'static str) -> Unreadable {
    Unreadable { column: column.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Sample {
        let columns = ["n", "f", "t", "b", "l", "nothing"].map(str::to_owned).to_vec();
        let row = vec![
            Value::Int(3),
            Value::Float(0.5),
            Value::Text("x".into()),
            Value::Bool(true),
            Value::Ints(vec![1, 2]),
            Value::Null,
        ];
        Sample { columns, rows: vec![row] }
    }

    #[test]
    fn a_value_is_what_it_is_and_nothing_else() {
        let sample = sample();
        let row = sample.rows().next().unwrap();
        assert_eq!((row.int("n"), row.float("n"), row.float("f")), (Ok(3), Ok(3.0), Ok(0.5)));
        assert_eq!((row.text("t"), row.bool("b"), row.ints("l")), (Ok("x"), Ok(true), Ok(&[1, 2][..])));
        assert_eq!(row.maybe_int("nothing"), Ok(None));
        let told = |error: Unreadable| error.to_string();
        assert_eq!(row.int("nothing").map_err(told), Err("column nothing is null".into()));
        assert_eq!(row.int("f").map_err(told), Err("column f is no whole number".into()));
        assert_eq!(row.text("gone").map_err(told), Err("column gone is not there".into()));
    }

    #[test]
    fn what_is_written_down_is_read_back() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert_eq!(serde_json::from_str::<Sample>(&text).unwrap(), sample());
    }
}
