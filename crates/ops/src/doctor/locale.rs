//! Whether this machine knows the database's locale.

use unisys_db::catalog::DatabaseFacts;

use super::Finding;

pub(super) const LOCALE: &str = "locale";

/// Returns the finding that a database of the source's locale was made.
pub(super) fn known(facts: &DatabaseFacts) -> Finding {
    Finding::ok(LOCALE, format!("a copy can have the database's {}", named(facts)))
}

/// Returns the finding that it could not be made, with the server's `reason`.
pub(super) fn unknown(facts: &DatabaseFacts, reason: &str) -> Finding {
    Finding::fail(
        LOCALE,
        format!("a copy cannot have the database's {}: {reason}", named(facts)),
        repair(facts),
    )
}

fn named(facts: &DatabaseFacts) -> String {
    match &facts.locale {
        Some(locale) => format!("locale {locale}"),
        None if facts.collate == facts.ctype => format!("locale {}", facts.collate),
        None => format!("locale {} (characters: {})", facts.collate, facts.ctype),
    }
}

/// glibc's locales are compiled by `localedef` from a language and a character set.
fn repair(facts: &DatabaseFacts) -> String {
    let harmless = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "._-@".contains(c));
    match facts.collate.split_once('.') {
        Some((language, charset)) if harmless(&facts.collate) => {
            let charset = if charset.eq_ignore_ascii_case("utf8") { "UTF-8" } else { charset };
            format!("localedef -i {language} -f {charset} {}", facts.collate)
        }
        _ => "Install the source's locale on this machine, or drill on one that has it.".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    #[rstest::rstest]
    #[case("de_DE.UTF-8", "localedef -i de_DE -f UTF-8 de_DE.UTF-8")]
    #[case("en_US.utf8", "localedef -i en_US -f UTF-8 en_US.utf8")]
    #[case(
        "German_Germany.1252; rm",
        "Install the source's locale on this machine, or drill on one that has it."
    )]
    fn a_missing_locale_is_made_by_one_line(#[case] collate: &str, #[case] repair: &str) {
        let facts = DatabaseFacts { collate: collate.into(), ..samples::preflight().database };
        assert_eq!(unknown(&facts, "no").repair.as_deref(), Some(repair));
    }
}
