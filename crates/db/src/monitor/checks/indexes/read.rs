//! One index as the catalog describes it.

use crate::monitor::{Row, Unreadable};
use crate::quote_ident;

/// An index, and what leans on it.
#[derive(Clone, Debug)]
pub(super) struct Index<'s> {
    pub(super) schema: &'s str,
    pub(super) name: &'s str,
    pub(super) table: (&'s str, &'s str),
    pub(super) oid: i64,
    pub(super) method: &'s str,
    pub(super) unique: bool,
    pub(super) valid: bool,
    pub(super) keys: Vec<&'s str>,
    pub(super) included: Vec<&'s str>,
    pub(super) predicate: Option<&'s str>,
    pub(super) nulls_not_distinct: bool,
    pub(super) definition: &'s str,
    pub(super) scans: Option<i64>,
    pub(super) bytes: Option<i64>,
    pub(super) serves_foreign_key: bool,
    /// Why it stays whatever others there are.
    pub(super) stays: Option<&'static str>,
}

impl<'s> Index<'s> {
    pub(super) fn read(row: &Row<'s>) -> Result<Self, Unreadable> {
        let parts = |text: Option<&'s str>| text.map_or_else(Vec::new, |text| text.split('\u{1}').collect());
        let reasons = [
            ("primary", "a primary key"),
            ("exclusion", "an exclusion constraint"),
            ("of_constraint", "a constraint"),
            ("referred_to", "a foreign key that refers to it"),
            ("replica_identity", "logical replication"),
            ("clustered", "CLUSTER"),
            ("attached", "the partitioned index it is a part of"),
            ("partitioned", "the partitions"),
        ];
        let mut stays = None;
        for (column, reason) in reasons {
            if row.bool(column)? && stays.is_none() {
                stays = Some(reason);
            }
        }
        Ok(Self {
            schema: row.text("schema")?,
            name: row.text("name")?,
            table: (row.text("table_schema")?, row.text("table")?),
            oid: row.int("oid")?,
            method: row.text("method")?,
            unique: row.bool("is_unique")?,
            valid: row.bool("valid")?,
            keys: parts(row.maybe_text("keys")?),
            included: parts(row.maybe_text("included")?),
            predicate: row.maybe_text("predicate")?,
            nulls_not_distinct: row.bool("nulls_not_distinct")?,
            definition: row.text("definition")?,
            scans: row.maybe_int("scans")?,
            bytes: row.maybe_int("bytes")?,
            serves_foreign_key: row.bool("serves_foreign_key")?,
            stays,
        })
    }

    pub(super) fn sql(&self) -> String {
        format!("{}.{}", quote_ident(self.schema), quote_ident(self.name))
    }

    /// Whether every query this one serves, and every promise it keeps, is served and kept by the other.
    pub(super) fn is_covered_by(&self, other: &Self) -> bool {
        let equal = self.keys == other.keys;
        // Only a B-tree serves its leading keys alone.
        let leads = self.method == "btree" && other.keys.starts_with(&self.keys);
        let promise =
            !self.unique || equal && other.unique && self.nulls_not_distinct == other.nulls_not_distinct;
        let carries = self.included.iter().all(|column| {
            let as_key = other.keys.iter().any(|key| key.split(' ').next() == Some(column));
            as_key || other.included.contains(column)
        });
        other.valid
            && self.oid != other.oid
            && self.table == other.table
            && self.method == other.method
            && self.predicate == other.predicate
            && (equal || leads)
            && promise
            && carries
    }
}
