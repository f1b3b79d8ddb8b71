//! The parsed query of a view, as `pg_rewrite` keeps it: whether it leaves rows out.
//!
//! The catalog's own text, because asking for SQL (`pg_get_viewdef`) waits for whoever changes one of the tables.

/// One open brace of the text.
struct Node<'t> {
    name: &'t str,
    aggregates: bool,
}

/// Returns whether a view has a condition in FROM or WHERE that is not of a query that aggregates: what such a view hides, a
/// function of the reader's can see where the view is no security barrier. Conditions of joins do not count.
pub(crate) fn filters_rows(tree: &str) -> bool {
    let mut open: Vec<Node<'_>> = Vec::new();
    let mut words = Words(tree);
    while let Some(word) = words.next() {
        match word {
            "{" => open.push(Node { name: words.next().unwrap_or_default(), aggregates: false }),
            "}" => {
                open.pop();
            }
            ":hasAggs" => {
                if let Some(node) = open.last_mut() {
                    node.aggregates = words.next() == Some("true");
                }
            }
            ":quals" if open.last().is_some_and(|node| node.name == "FROMEXPR") => {
                let query = open.iter().rev().find(|node| node.name == "QUERY");
                let inside = open.iter().any(|node| node.name == "SUBLINK");
                // an empty condition is `<>`; otherwise a brace opens, and with it a node of its own
                if words.0.trim_start().starts_with('{') && !inside && query.is_some_and(|q| !q.aggregates) {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Splits the text at blanks and braces; a backslash makes either part of a word.
struct Words<'t>(&'t str);

impl<'t> Iterator for Words<'t> {
    type Item = &'t str;

    fn next(&mut self) -> Option<&'t str> {
        let text = self.0.trim_start_matches([' ', '\n', '(', ')']);
        let first = text.chars().next()?;
        let length = match first {
            '{' | '}' => 1,
            _ => {
                let mut escaped = false;
                let end = text.find(|c: char| {
                    let ends = !escaped && matches!(c, ' ' | '\n' | '{' | '}' | '(' | ')');
                    escaped = c == '\\' && !escaped;
                    ends
                });
                end.unwrap_or(text.len())
            }
        };
        let (word, rest) = text.split_at(length);
        self.0 = rest;
        Some(word)
    }
}

#[cfg(test)]
mod tests {
    use super::filters_rows;

    const WHERE: &str = "{OPEXPR :opno 96 :args ({VAR :varno 1})}";

    fn query(aggregates: bool, rtable: &str, from: &str, quals: &str, targets: &str) -> String {
        format!(
            "{{QUERY :commandType 1 :hasAggs {aggregates} :rtable ({rtable}) :jointree {{FROMEXPR :fromlist ({from}) \
             :quals {quals}}} :targetList ({targets})}}"
        )
    }

    #[rstest::rstest]
    #[case::plain(query(false, "", "", "<>", ""), false)]
    #[case::condition(query(false, "", "", WHERE, ""), true)]
    #[case::counted(query(true, "", "", WHERE, ""), false)]
    #[case::joined(query(false, "", &format!("{{JOINEXPR :jointype 0 :quals {WHERE} :alias <>}}"), "<>", ""), false)]
    #[case::subquery(query(false, &format!("{{RTE :subquery {}}}", query(false, "", "", WHERE, "")), "", "<>", ""), true)]
    #[case::counted_below(query(false, &format!("{{RTE :subquery {}}}", query(true, "", "", WHERE, "")), "", "<>", ""), false)]
    #[case::of_a_column(query(false, "", "", "<>", &format!("{{SUBLINK :subselect {}}}", query(false, "", "", WHERE, ""))), false)]
    #[case::a_name(query(false, "{ALIAS :aliasname a\\ :quals\\ \\{}", "", "<>", ""), false)]
    fn conditions_of_rows(#[case] query: String, #[case] expected: bool) {
        assert_eq!(filters_rows(&format!("({query})")), expected);
    }
}
