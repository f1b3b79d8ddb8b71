//! Which objects a selector takes.

use super::Selector;
use crate::pattern::NamePattern;
use crate::roles::{Class, Object};

impl Selector {
    /// Returns whether an object is taken: itself, or the table `root` it is a part of; what is excepted, is so in both ways.
    pub fn takes(&self, object: &Object, root: Option<&Object>) -> bool {
        let these = || [Some(object), root].into_iter().flatten();
        these().any(|object| self.includes(object))
            && (self.except.is_empty() || !these().any(|object| named(&self.except, object)))
    }

    fn includes(&self, object: &Object) -> bool {
        if object.kind.class() != self.class {
            return false;
        }
        match self.class {
            Class::Schema => {
                self.schemas.contains(&object.name)
                    || named(&self.names, object)
                    || (self.schemas.is_empty() && self.names.is_empty())
            }
            Class::Database => self.names.is_empty() || named(&self.names, object),
            Class::Table | Class::Sequence | Class::Routine | Class::Type => {
                object.schema.as_ref().is_some_and(|schema| self.schemas.contains(schema))
                    && (self.names.is_empty() || named(&self.names, object))
            }
            _ => named(&self.names, object),
        }
    }
}

fn named(patterns: &[NamePattern], object: &Object) -> bool {
    let matches = |pattern: &NamePattern| {
        pattern.matches(&object.name)
            || (object.schema.is_some() || object.arguments.is_some())
                && full_names(object).iter().any(|name| pattern.matches(name))
    };
    patterns.iter().any(matches)
}

/// Returns the longer names a pattern may mean: with the schema, and a routine's with its arguments.
fn full_names(object: &Object) -> Vec<String> {
    let (schema, name) = (object.schema.as_deref().unwrap_or_default(), &object.name);
    let mut names = vec![format!("{schema}.{name}")];
    if let Some(arguments) = &object.arguments {
        names.push(format!("{name}({arguments})"));
        names.push(format!("{schema}.{name}({arguments})"));
    }
    names
}
