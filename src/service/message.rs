//! What people are told: by webhook and by mail.

use serde_json::Value;

use super::letter::Letter;
use crate::settings::Event;

/// What there is to tell about an operation on one database.
pub(crate) struct News {
    pub(super) letter: Letter,
    /// How many runs of its kind had failed before it, one after the other.
    pub(super) failures: u64,
}

impl News {
    /// Returns what happened, as `notify.on` names it.
    pub(super) fn event(&self) -> Event {
        match (self.letter.is_good(), self.failures) {
            (false, _) => Event::Failed,
            (true, 0) => Event::Succeeded,
            (true, _) => Event::Recovered,
        }
    }
}

/// A message, in the forms its receivers take.
pub(super) struct Message {
    /// What it tells of; it is sent to those who want to know of any.
    pub(super) events: Vec<Event>,
    /// The subject of a mail.
    pub(super) headline: String,
    /// The body of a mail.
    pub(super) text: String,
    /// What a webhook is posted.
    pub(super) document: Value,
}

impl Message {
    /// Returns the message about one database.
    pub(super) fn of(news: &News) -> Self {
        let event = news.event();
        let headline = news.letter.headline(news.failures);
        let mut document = news.letter.document(event.name());
        document["text"] = headline.as_str().into();
        Self { events: vec![event], text: news.letter.text(news.failures), headline, document }
    }
}
