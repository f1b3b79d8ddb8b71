//! The kinds of objects an inventory tells apart.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// What an object is, by the words `pg_identify_object` has for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Kind {
            $($(#[doc = $doc])+ #[serde(rename = $text)] $variant,)+
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the words for this kind.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            /// Returns the kind that `text` names, if this version knows it.
            pub fn from_text(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

kinds! {
    /// The database connected to.
    Database = "database",
    /// A role of the server; `ALL` stands for all of them.
    Role = "role",
    /// A tablespace of the server.
    Tablespace = "tablespace",
    /// A server parameter that somebody was granted.
    Parameter = "parameter",
    /// A schema.
    Schema = "schema",
    /// An extension.
    Extension = "extension",
    /// A table, partitioned or not.
    Table = "table",
    /// A view.
    View = "view",
    /// A materialised view.
    MaterializedView = "materialized view",
    /// A foreign table.
    ForeignTable = "foreign table",
    /// A column of a table, a view or a composite type.
    Column = "column",
    /// A constraint of a table.
    TableConstraint = "table constraint",
    /// A constraint of a domain.
    DomainConstraint = "domain constraint",
    /// An index.
    Index = "index",
    /// A sequence.
    Sequence = "sequence",
    /// A trigger.
    Trigger = "trigger",
    /// A rewrite rule.
    Rule = "rule",
    /// A row-security policy.
    Policy = "policy",
    /// A function or window function.
    Function = "function",
    /// A procedure.
    Procedure = "procedure",
    /// An aggregate.
    Aggregate = "aggregate",
    /// A type or domain.
    Type = "type",
    /// A cast.
    Cast = "cast",
    /// A transform.
    Transform = "transform",
    /// An operator.
    Operator = "operator",
    /// An operator class.
    OperatorClass = "operator class",
    /// An operator family.
    OperatorFamily = "operator family",
    /// A table or index access method.
    AccessMethod = "access method",
    /// A procedural language.
    Language = "language",
    /// A collation.
    Collation = "collation",
    /// An encoding conversion.
    Conversion = "conversion",
    /// A text search configuration.
    TextSearchConfiguration = "text search configuration",
    /// A text search dictionary.
    TextSearchDictionary = "text search dictionary",
    /// A text search parser.
    TextSearchParser = "text search parser",
    /// A text search template.
    TextSearchTemplate = "text search template",
    /// An extended statistics object.
    StatisticsObject = "statistics object",
    /// An event trigger.
    EventTrigger = "event trigger",
    /// A publication.
    Publication = "publication",
    /// A subscription.
    Subscription = "subscription",
    /// A foreign-data wrapper.
    ForeignDataWrapper = "foreign-data wrapper",
    /// A foreign server.
    Server = "server",
    /// A user mapping.
    UserMapping = "user mapping",
    /// Privileges on an object of the server's own or of an extension, which are not those it was made with.
    SystemPrivileges = "system privileges",
    /// Default privileges.
    DefaultAcl = "default acl",
}

impl Kind {
    /// Whether it is a role or something granted to one, outside of every database: what `pg_dumpall` dumps.
    pub fn is_of_roles(self) -> bool {
        matches!(self, Self::Role | Self::Parameter)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_the_kind_they_came_from() {
        assert_eq!(Kind::from_text(Kind::MaterializedView.as_str()), Some(Kind::MaterializedView));
        assert_eq!(Kind::from_text("large object"), None);
    }
}
