//! Whether the text of a function names tables, functions or types without their schema. The text is looked at, not parsed: a
//! name counts where SQL has a relation (`from x`), a call (`x(…)`) or a type (`::x`) and nothing qualifies it.

use std::collections::BTreeSet;

/// The words a relation follows.
const BEFORE_RELATIONS: [&str; 8] = ["from", "join", "into", "update", "table", "only", "truncate", "using"];

/// One thing a text is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// A name as the server reads it: folded, or without its quotes.
    Name(String),
    Sign(char),
}

/// Returns those of `names` that `body` uses without a schema, each once, in order.
pub(super) fn unqualified(body: &str, names: &BTreeSet<String>) -> Vec<String> {
    let tokens = tokens(body);
    let at = |index: usize| tokens.get(index);
    let sign = |index: Option<usize>, sign: char| index.and_then(at) == Some(&Token::Sign(sign));
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Token::Name(name) = token else { continue };
        let before = index.checked_sub(1);
        let qualified = sign(before, '.') || sign(Some(index + 1), '.');
        if qualified || !names.contains(name) || found.contains(name) {
            continue;
        }
        let relation = matches!(before.and_then(at), Some(Token::Name(word)) if BEFORE_RELATIONS.contains(&word.as_str()));
        let cast = sign(before, ':') && sign(index.checked_sub(2), ':');
        if relation || cast || sign(Some(index + 1), '(') {
            found.push(name.clone());
        }
    }
    found
}

/// Returns the names and signs of a text; strings and comments are passed over.
fn tokens(body: &str) -> Vec<Token> {
    let chars: Vec<char> = body.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let rest = &chars[at..];
        at += match rest[0] {
            '\'' => until(rest, 1, &['\'']),
            '-' if rest.get(1) == Some(&'-') => until(rest, 2, &['\n']),
            '/' if rest.get(1) == Some(&'*') => until(rest, 2, &['*', '/']),
            '$' => match dollar_tag(rest) {
                Some(tag) => until(rest, tag.len(), &tag),
                None => 1,
            },
            '"' => {
                let length = until(rest, 1, &['"']);
                tokens.push(Token::Name(rest[1..length.max(2) - 1].iter().collect()));
                length
            }
            c if c.is_alphabetic() || c == '_' => {
                let length =
                    rest.iter().take_while(|c| c.is_alphanumeric() || matches!(c, '_' | '$')).count();
                tokens.push(Token::Name(rest[..length].iter().collect::<String>().to_lowercase()));
                length
            }
            c if c.is_whitespace() => 1,
            c => {
                tokens.push(Token::Sign(c));
                1
            }
        };
    }
    tokens
}

/// Returns how far it is to behind the next `end`, looked for from `from` on; to the text's end where there is none.
fn until(text: &[char], from: usize, end: &[char]) -> usize {
    let found = text.get(from..).and_then(|rest| rest.windows(end.len()).position(|part| part == end));
    found.map_or(text.len(), |at| from + at + end.len())
}

/// `$$` or `$word$` at the start of a text.
fn dollar_tag(text: &[char]) -> Option<Vec<char>> {
    let length = text.iter().skip(1).take_while(|c| c.is_alphanumeric() || **c == '_').count();
    (text.get(length + 1) == Some(&'$')).then(|| text[..length + 2].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rstest::rstest]
    #[case("select 1 from codes", "codes")]
    #[case("select 1 from app.codes", "")]
    #[case("select 1 FROM Codes c JOIN \"Odd\" o ON true", "codes Odd")]
    #[case("select codes from other", "")]
    #[case("select clean(x)", "clean")]
    #[case("select app.clean(x), 'clean(y)'", "")]
    #[case("select x::colour", "colour")]
    #[case("-- from codes\nselect /* from codes */ 1", "")]
    #[case("begin execute $q$ select from codes $q$; end", "")]
    #[case("begin insert into codes values (1); delete from only codes; end", "codes")]
    #[case("select codes.a from app.codes", "")]
    #[case("select 'it''s' from codes", "codes")]
    #[case("select \"", "")]
    #[case("select $1 from codes where a = $2", "codes")]
    #[case("'", "")]
    fn names_without_a_schema(#[case] body: &str, #[case] expected: &str) {
        let names = ["codes", "Odd", "clean", "colour"].map(str::to_owned).into();
        assert_eq!(unqualified(body, &names).join(" "), expected);
    }
}
