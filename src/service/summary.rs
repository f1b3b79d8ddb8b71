//! One message about many databases: whoever has fifty wants to read one mail, and find in it the two that failed.

use serde_json::{Value, json};

use super::message::{Message, News};
use crate::exit::Exit;
use crate::settings::Event;
use crate::ui::{SCHEMA_VERSION, printable};

/// How many names a subject has room for.
const NAMED: usize = 5;

/// Returns the message about an operation on several databases, the failed ones first; nothing where there were none.
pub(super) fn of(all: &[News], exit: Exit) -> Option<Message> {
    let first = &all.first()?.letter;
    let mut sorted: Vec<&News> = all.iter().collect();
    sorted.sort_by_key(|news| (rank(news), news.letter.database()));
    let events: Vec<Event> = sorted.iter().map(|news| news.event()).collect();
    let gravest = [Event::Failed, Event::Recovered].into_iter().find(|event| events.contains(event));
    let headline = headline(&sorted);
    let remarkable = sorted.iter().filter(|news| news.event() != Event::Succeeded);
    let lines: Vec<String> =
        remarkable.map(|news| format!("{}: {}", news.letter.database(), what(news))).collect();
    let document = json!({
        "schema_version": SCHEMA_VERSION,
        "event": gravest.unwrap_or(Event::Succeeded).name(),
        "operation": first.operation().name(),
        "host": first.host(),
        "exit": exit as u8,
        "outcome": match sorted.iter().find(|news| news.letter.outcome() == "failed") {
            Some(_) => "failed",
            None => first.outcome(),
        },
        "databases": sorted.iter().map(|news| entry(news)).collect::<Vec<_>>(),
        "text": std::iter::once(&headline).chain(&lines).map(String::as_str).collect::<Vec<_>>().join("\n"),
    });
    Some(Message { events, text: text(&headline, &sorted, exit), headline, document })
}

/// The failed come first, then those whose later steps failed.
fn rank(news: &News) -> u8 {
    match news.letter.exit_code() {
        Some(Exit::Done) if news.failures > 0 => 2,
        Some(Exit::Done) => 3,
        Some(Exit::Later) => 1,
        _ => 0,
    }
}

/// The word for each rank.
const WORDS: [&str; 4] = ["FAILED", "LATER STEP FAILED", "ok again", "ok"];

fn headline(all: &[&News]) -> String {
    let letter = &all[0].letter;
    let databases = if all.len() == 1 { "database" } else { "databases" };
    let what = format!("{} of {} {databases} on {}", letter.operation().name(), all.len(), letter.host());
    let named = |of: u8| {
        let names: Vec<&str> =
            all.iter().filter(|news| rank(news) == of).map(|news| news.letter.database()).collect();
        let rest = names.len().saturating_sub(NAMED);
        let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
        (names.len(), format!("{}{more}", names[..names.len().min(NAMED)].join(", ")))
    };
    let (failed, later, again) = (named(0), named(1), named(2));
    let mut parts = Vec::new();
    if failed.0 > 0 {
        parts.push(format!("{} failed ({})", failed.0, failed.1));
    }
    if later.0 > 0 {
        parts.push(format!("a later step failed for {} ({})", later.0, later.1));
    }
    match (parts.is_empty(), again.0) {
        (false, _) => format!("{what}: {}", parts.join(", ")),
        (true, 0) => format!("{what} succeeded"),
        (true, _) => format!("{what} succeeded, again for {}", again.1),
    }
}

/// Returns what there is to say of one database, on one line.
fn what(news: &News) -> String {
    let letter = &news.letter;
    match news.event() {
        Event::Failed => printable(&letter.reasons().join("; ")),
        Event::Recovered => {
            let failures = if news.failures == 1 { "failure" } else { "failures" };
            format!("{}, after {} {failures}", letter.backup().unwrap_or("succeeded"), news.failures)
        }
        Event::Succeeded => letter.backup().unwrap_or_default().to_owned(),
    }
}

fn text(headline: &str, all: &[&News], exit: Exit) -> String {
    let mut lines = vec![headline.to_owned(), String::new()];
    for news in all {
        let word = WORDS[usize::from(rank(news))];
        lines.push(format!("{word}  {}  {}", news.letter.database(), what(news)).trim_end().to_owned());
        lines.extend(news.letter.newest_proven().map(|id| format!("    newest proven backup: {id}")));
        lines.extend(news.letter.hints().iter().map(|hint| format!("    next: {hint}")));
    }
    lines.extend([String::new(), format!("exit code: {}", exit as u8)]);
    lines.join("\n") + "\n"
}

fn entry(news: &News) -> Value {
    let letter = &news.letter;
    json!({
        "database": letter.database(),
        "event": news.event().name(),
        "outcome": letter.outcome(),
        "exit": letter.exit(),
        "backup": letter.backup(),
        "problems": letter.problems(),
        "causes": letter.causes(),
        "newest_proven": letter.newest_proven(),
        "failures_before": news.failures,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::letter::Letter;

    fn news(name: &str, exit: Exit, problems: &[&str], failures: u64) -> News {
        News { letter: Letter::for_test(name, exit, problems), failures }
    }

    #[test]
    fn the_failed_are_named_first_and_everybody_has_a_line() {
        let all = [
            news("app", Exit::Done, &[], 0),
            news("crm", Exit::Later, &["not copied to s3://b"], 0),
            news("erp", Exit::Done, &[], 3),
            news("gone", Exit::Failed, &["could not connect", "no such host"], 1),
        ];
        let message = of(&all, Exit::Failed).unwrap();
        insta::assert_snapshot!(message.text, @r"
        backup of 4 databases on h: 1 failed (gone), a later step failed for 1 (crm)

        FAILED  gone  could not connect; no such host
            next: Look.
        LATER STEP FAILED  crm  not copied to s3://b
        ok again  erp  erp_1, after 3 failures
        ok  app  app_1

        exit code: 1
        ");
        insta::assert_snapshot!(message.document["text"].as_str().unwrap(), @r"
        backup of 4 databases on h: 1 failed (gone), a later step failed for 1 (crm)
        gone: could not connect; no such host
        crm: not copied to s3://b
        erp: erp_1, after 3 failures
        ");
        assert_eq!(message.document["event"], "failed");
        assert_eq!(message.document["outcome"], "failed");
        assert_eq!(message.document["databases"][3]["database"], "app");
        assert!(message.events.contains(&Event::Recovered) && message.events.contains(&Event::Succeeded));
    }

    #[test]
    fn good_news_are_short() {
        let all = [news("app", Exit::Done, &[], 0), news("crm", Exit::Done, &[], 2)];
        let message = of(&all, Exit::Done).unwrap();
        assert_eq!(message.headline, "backup of 2 databases on h succeeded, again for crm");
        assert_eq!(message.document["event"], "recovered");
        let message = of(&all[..1], Exit::Done).unwrap();
        assert_eq!(message.headline, "backup of 1 database on h succeeded");
        assert!(of(&[], Exit::Done).is_none());
    }

    #[test]
    fn a_subject_does_not_name_fifty() {
        let all: Vec<News> = (10..60).map(|i| news(&format!("d{i}"), Exit::Failed, &["x"], 0)).collect();
        let message = of(&all, Exit::Failed).unwrap();
        assert_eq!(
            message.headline,
            "backup of 50 databases on h: 50 failed (d10, d11, d12, d13, d14 and 45 more)"
        );
        assert_eq!(message.text.matches("FAILED  d").count(), 50);
    }
}
