//! What `pg_restore --list` says of an archive. Entries are told apart by their numbers, because a name in the list may hold
//! anything but a line end.

use crate::OpsError;

/// One entry of an archive's table of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The whole line, as `pg_restore --use-list` takes it back.
    pub(crate) line: String,
    /// The object's id in the source; for the rows of a table, the table's.
    pub(crate) oid: u32,
    /// The rest of the line: kind, schema, name, owner.
    text: String,
}

impl Entry {
    /// Returns kind, schema, name and owner, as the list writes them.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Whether it is of one of these kinds, such as `TABLE DATA`.
    pub(crate) fn is(&self, kinds: &[&str]) -> bool {
        kinds.iter().any(|kind| self.text.strip_prefix(kind).is_some_and(|rest| rest.starts_with(' ')))
    }
}

impl Entry {
    /// Whether it starts and ends with these, in which a line end stands for the blank that the list has in its place.
    pub(crate) fn is_between(&self, start: &str, end: &str) -> bool {
        let in_list = |text: &str| text.replace(['\n', '\r'], " ");
        self.text.starts_with(&in_list(start)) && self.text.ends_with(&in_list(end))
    }
}

/// Returns the entries of a list.
pub(crate) fn entries(list: &str) -> Vec<Entry> {
    list.lines().filter(|line| !line.starts_with(';')).filter_map(entry).collect()
}

/// `3452; 0 16385 TABLE DATA app students app_owner`
fn entry(line: &str) -> Option<Entry> {
    let (number, rest) = line.split_once("; ")?;
    number.parse::<u32>().ok()?;
    let mut words = rest.splitn(3, ' ');
    let (_class, oid, text) = (words.next()?, words.next()?, words.next()?);
    Some(Entry { line: line.to_owned(), oid: oid.parse().ok()?, text: text.to_owned() })
}

/// Where a sequence stands, as the archive says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SequenceValue {
    /// Its name, qualified and quoted for SQL.
    pub(crate) name: String,
    /// The value.
    pub(crate) value: i64,
    /// Whether that value was given out already.
    pub(crate) called: bool,
}

/// Returns the sequence values in the script of an archive's SEQUENCE SET entries.
///
/// # Errors
/// [`OpsError::Corrupt`] for a call that is not of pg_dump's form.
pub(crate) fn sequence_values(script: &str) -> Result<Vec<SequenceValue>, OpsError> {
    const CALL: &str = "SELECT pg_catalog.setval(";
    let mut values = Vec::new();
    let mut rest = script;
    while let Some(at) = find_call(rest, CALL) {
        let (value, after) = parse_call(&rest[at + CALL.len()..]).ok_or_else(|| {
            OpsError::Corrupt("the archive sets a sequence in a way that is not known".into())
        })?;
        values.push(value);
        rest = after;
    }
    Ok(values)
}

/// Finds a call at the start of a line.
fn find_call(text: &str, call: &str) -> Option<usize> {
    if text.starts_with(call) { Some(0) } else { text.find(&format!("\n{call}")).map(|at| at + 1) }
}

/// `'app.students_id_seq', 50, true);`, or with ` E'…'` when the name holds a backslash.
fn parse_call(text: &str) -> Option<(SequenceValue, &str)> {
    let escaped = text.trim_start().starts_with('E');
    let open = text.find('\'')?;
    let mut name = String::new();
    let mut chars = text[open + 1..].char_indices();
    let close = loop {
        let (at, c) = chars.next()?;
        let next = || text[open + 1 + at + c.len_utf8()..].chars().next();
        match c {
            '\'' if next() == Some('\'') => {
                chars.next();
                name.push('\'');
            }
            '\'' => break open + 1 + at,
            '\\' if escaped => name.push(chars.next()?.1),
            c => name.push(c),
        }
    };
    let (arguments, after) = text[close + 1..].split_once(");")?;
    let mut arguments = arguments.split(',').map(str::trim).filter(|argument| !argument.is_empty());
    let value = SequenceValue {
        name,
        value: arguments.next()?.parse().ok()?,
        called: arguments.next()?.parse().ok()?,
    };
    Some((value, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_keep_their_line_and_kind() {
        let list = ";\n; Archive created at x\n3452; 0 16385 TABLE DATA app TABLE students app_owner\n3453; 0 16390 SEQUENCE SET app s o\n2; 3079 16388 EXTENSION - citext \n";
        let entries = entries(list);
        assert_eq!(entries.iter().map(|e| e.oid).collect::<Vec<_>>(), [16385, 16390, 16388]);
        assert!(entries[0].is(&["TABLE DATA"]) && !entries[0].is(&["SEQUENCE SET"]));
        assert!(entries[1].is(&["SEQUENCE SET", "BLOBS"]));
    }

    #[test]
    fn sequence_values_are_read_whatever_the_name() {
        let script = "-- x\nSELECT pg_catalog.setval('app.s', 50, true);\n\nSELECT pg_catalog.setval('app.\"it''s, (odd)\"', -7, false);\nSELECT pg_catalog.setval( E'app.\"a\\\\b\"', 1, true);\n";
        let values = sequence_values(script).unwrap();
        let value = |name: &str, value, called| SequenceValue { name: name.into(), value, called };
        assert_eq!(
            values,
            [
                value("app.s", 50, true),
                value("app.\"it's, (odd)\"", -7, false),
                value("app.\"a\\b\"", 1, true)
            ]
        );
    }
}
