//! One of several operations that run side by side: all it says bears its name.

use unisys_ops::progress::{Expected, Item, Progress};

/// Shows an operation's progress under a name.
pub(crate) struct Named {
    /// With what divides it from the text.
    name: String,
    inner: Box<dyn Progress>,
}

impl Named {
    /// Returns `inner` under a name, with what divides it from the text: "crm: ".
    pub(crate) fn new(name: &str, inner: Box<dyn Progress>) -> Self {
        Self { name: name.to_owned(), inner }
    }
}

impl Progress for Named {
    fn begin(&self, phase: &str, expected: Expected) {
        self.inner.begin(&format!("{}{phase}", self.name), expected);
    }

    fn start(&self, item: &str, expected: Expected) -> Box<dyn Item> {
        self.inner.start(item, expected)
    }

    fn message(&self, text: &str) {
        self.inner.message(&format!("{}{text}", self.name));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use unisys_ops::progress::Silent;

    use super::*;

    struct Heard(Arc<Mutex<Vec<String>>>);

    impl Progress for Heard {
        fn begin(&self, phase: &str, _expected: Expected) {
            self.0.lock().unwrap().push(phase.to_owned());
        }

        fn start(&self, _item: &str, _expected: Expected) -> Box<dyn Item> {
            Box::new(Silent)
        }

        fn message(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }
    }

    #[test]
    fn whatever_is_said_bears_the_name() {
        let heard = Arc::default();
        let named = Named::new("crm: ", Box::new(Heard(Arc::clone(&heard))));
        named.begin("backup", Expected::UNKNOWN);
        named.message("a lock was refused");
        assert_eq!(*heard.lock().unwrap(), ["crm: backup", "crm: a lock was refused"]);
    }
}
