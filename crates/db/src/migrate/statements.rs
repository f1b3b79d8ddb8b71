//! Finds statements that would end the transaction a migration runs in.
//!
//! A `COMMIT` in the middle leaves half a migration behind, unrecorded; the next run then fails on that half. Only as
//! much of SQL's lexical structure is read as is needed to know where a statement begins: comments, quotes, dollar
//! quotes, and `BEGIN ATOMIC` bodies (PostgreSQL documentation, "Lexical Structure" and CREATE FUNCTION).

const ENDS_TRANSACTION: [&str; 8] =
    ["begin", "start", "commit", "end", "rollback", "abort", "prepare", "savepoint"];

/// Returns the line and the word of the first statement that has no place in a migration.
pub(crate) fn forbidden(sql: &str) -> Option<(usize, String)> {
    let mut scan = Scan { rest: sql, first: true, atomic: 0, previous: String::new() };
    while !scan.rest.is_empty() {
        let line = sql[..sql.len() - scan.rest.len()].matches('\n').count() + 1;
        if let Some(word) = scan.step() {
            return Some((line, word));
        }
    }
    None
}

struct Scan<'a> {
    rest: &'a str,
    /// Nothing of the statement was seen yet.
    first: bool,
    /// How many `BEGIN ATOMIC` and `CASE` are open.
    atomic: usize,
    previous: String,
}

impl Scan<'_> {
    /// Takes one token; returns its word where it is forbidden.
    fn step(&mut self) -> Option<String> {
        let rest = self.rest;
        let c = rest.chars().next()?;
        if rest.starts_with("--") {
            self.skip(rest.find('\n').unwrap_or(rest.len()));
        } else if rest.starts_with("/*") {
            self.skip(comment(rest));
        } else if c == '\'' {
            let escapes = self.previous == "e";
            self.token(quoted(rest, '\'', escapes));
        } else if c == '"' {
            self.token(quoted(rest, '"', false));
        } else if c == '$' {
            self.token(dollar(rest));
        } else if c == '\\' && self.first {
            return Some("a psql command".into());
        } else if c.is_alphabetic() || c == '_' {
            return self.word();
        } else if c == ';' {
            self.skip(1);
            self.first = self.atomic == 0;
            self.previous.clear();
        } else if c.is_whitespace() {
            self.skip(c.len_utf8());
        } else {
            self.token(c.len_utf8());
        }
        None
    }

    fn word(&mut self) -> Option<String> {
        let end =
            self.rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '$').unwrap_or(self.rest.len());
        let word = self.rest[..end].to_lowercase();
        // `prepare transaction` ends one, `prepare name as` does not; both are useless here.
        if self.first && ENDS_TRANSACTION.contains(&word.as_str()) {
            return Some(word);
        }
        match word.as_str() {
            "atomic" if self.previous == "begin" => self.atomic += 1,
            "case" if self.atomic > 0 => self.atomic += 1,
            "end" => self.atomic = self.atomic.saturating_sub(1),
            _ => {}
        }
        self.token(end);
        self.previous = word;
        None
    }

    /// Skips what is part of the statement.
    fn token(&mut self, bytes: usize) {
        self.skip(bytes);
        self.first = false;
        self.previous.clear();
    }

    fn skip(&mut self, bytes: usize) {
        self.rest = &self.rest[bytes..];
    }
}

/// Length of the comment at the start; comments nest.
fn comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text.as_bytes()[at..];
        if rest.starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    text.len()
}

/// Length of the quoted text at the start. A doubled quote ends one and begins the next: the sum is the same.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        if escapes && c == '\\' {
            chars.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

/// Length of the dollar-quoted text at the start; 1 where the sign begins no quote.
fn dollar(text: &str) -> usize {
    let Some(end) = text[1..].find('$') else { return 1 };
    let tag = &text[..end + 2];
    let inner = &tag[1..tag.len() - 1];
    if inner.starts_with(|c: char| c.is_ascii_digit())
        || !inner.chars().all(|c| c.is_alphanumeric() || c == '_')
    {
        return 1;
    }
    text[tag.len()..].find(tag).map_or(text.len(), |at| at + 2 * tag.len())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::plain("select 1;\ncommit;", Some((2, "commit")))]
    #[case::upper("BEGIN;", Some((1, "begin")))]
    #[case::after_a_comment("/* a /* b */ */ -- x\nRollback;", Some((2, "rollback")))]
    #[case::start("start transaction;", Some((1, "start")))]
    #[case::psql("select 1;\n\\connect other", Some((2, "a psql command")))]
    #[case::after_atomic("create function f() returns int begin atomic select 1; end; commit;", Some((1, "commit")))]
    #[case::string("select 'a;\ncommit;';", None)]
    #[case::doubled("select 'it''s; commit;';", None)]
    #[case::escape("select e'\\'; commit; ';", None)]
    #[case::ident("select \"; commit; \" from t;", None)]
    #[case::body("create function f() returns trigger as $$ begin; commit; end $$ language plpgsql;", None)]
    #[case::tagged("do $a$ begin; perform $$;commit;$$; end $a$;", None)]
    #[case::parameter("prepared as $1; select 1;", None)]
    #[case::atomic(
        "create function f() returns int begin atomic select case when true then 1 end; select 2; end;",
        None
    )]
    #[case::inner("comment on table t is 'x' ; alter table t add column commit int;", None)]
    fn only_statements_that_end_the_transaction_are_found(
        #[case] sql: &str,
        #[case] expected: Option<(usize, &str)>,
    ) {
        assert_eq!(forbidden(sql), expected.map(|(line, word)| (line, word.to_owned())));
    }
}
